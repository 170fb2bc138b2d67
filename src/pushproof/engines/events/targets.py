"""The targets of a rule, as PutTargets accepts and refuses them.

Sources: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html ,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html , eb-use-identity-based.html, eb-use-resource-based.html,
eb-rule-dlq.html; what the pages leave open was measured by https://github.com/badmintoncryer/cdk-preflight (rules/events).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pushproof.engines.events.errors import InvalidTarget
from pushproof.engines.events.transform import compile_input_path, compile_transformer

#: "The maximum number of targets for a rule": five, and the quota cannot be raised.
MAXIMUM_TARGETS = 5

_ARN = re.compile(r"arn:[\w-]+:(?P<service>[\w-]+):(?P<region>[\w-]*):(?P<account>[0-9]*):(?P<resource>.+)", re.DOTALL)

#: Services that let EventBridge in by a policy on the resource itself.
ADMITTING = frozenset({"lambda", "sns", "sqs", "logs", "execute-api"})

#: Services that EventBridge reaches with the target's role. AppSync is one, and its ARN is judged first.
NEED_A_ROLE = frozenset(
    {"batch", "codebuild", "codepipeline", "ecs", "events", "firehose", "glue", "inspector", "kinesis"}
    | {"redshift", "redshift-serverless", "sagemaker", "ssm", "ssm-incidents", "states"}
)

SUPPORTED = ADMITTING | NEED_A_ROLE | {"appsync", "timestream"}

#: Parameters that only targets of some services may have. SqsParameters are taken anywhere.
_PARAMETERS: dict[str, frozenset[str]] = {
    "KinesisParameters": frozenset({"kinesis"}),
    "RunCommandParameters": frozenset({"ssm"}),
    "EcsParameters": frozenset({"ecs"}),
    "BatchParameters": frozenset({"batch"}),
    "HttpParameters": frozenset({"events", "execute-api"}),
    "RedshiftDataParameters": frozenset({"redshift", "redshift-serverless"}),
    "SageMakerPipelineParameters": frozenset({"sagemaker"}),
    "AppSyncParameters": frozenset({"appsync"}),
}

_REQUIRED = {"ecs": "EcsParameters", "batch": "BatchParameters"}


def check_targets(targets: Sequence[Mapping[str, Any]], *, region: str) -> None:
    """Raise InvalidTarget for the first target that PutTargets refuses, its Id filled in."""
    counts = Counter(str(target["Id"]) for target in targets)
    for identifier, count in counts.items():
        if count > 1:
            raise InvalidTarget(
                f"Parameter targets is not valid. Reason: More than one target with Id '{identifier}' is provided."
            )
    for target in targets:
        try:
            _check(target, region)
        except InvalidTarget as error:
            raise InvalidTarget(error.answer(str(target["Id"])), error.at, error.text) from None


def _check(target: Mapping[str, Any], region: str) -> None:
    arn = str(target["Arn"])
    match = _ARN.fullmatch(arn)
    if match is None:
        raise InvalidTarget(f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")
    service = match["service"]
    if service not in SUPPORTED:
        raise InvalidTarget(f"{service} is not a supported service for a target.")
    if service in NEED_A_ROLE and not target.get("RoleArn"):
        raise InvalidTarget(f"RoleArn is required for target {arn}.")
    _check_parameters(target, service, match["region"])
    _check_input(target)
    _check_dead_letters(target, region)


def _check_parameters(target: Mapping[str, Any], service: str, region: str) -> None:
    for name, services in _PARAMETERS.items():
        if target.get(name) is not None and service not in services:
            raise InvalidTarget(f"Parameter(s) {name} not supported for target: {{target}}.")
    required = _REQUIRED.get(service)
    if service == "sqs" and str(target["Arn"]).endswith(".fifo"):
        required = "SqsParameters"
    if required is not None and target.get(required) is None:
        raise InvalidTarget(f"Parameter(s) {required} must be specified for target: {{target}}.")
    if service == "ecs":
        _check_task(target["EcsParameters"], str(target["Arn"]), region)
    if service == "batch":
        _check_job(target["BatchParameters"])


def _check_task(parameters: Mapping[str, Any], cluster: str, region: str) -> None:
    launch = parameters.get("LaunchType")
    network = (parameters.get("NetworkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if launch == "FARGATE" and parameters.get("NetworkConfiguration") is None:
        raise InvalidTarget(
            "Parameter NetworkConfiguration must be specified for target {target} when launch type is FARGATE."
        )
    if launch == "EC2":
        for name, value in (
            ("PlatformVersion", parameters.get("PlatformVersion")),
            ("AssignPublicIp", network.get("AssignPublicIp")),
        ):
            if value is not None:
                raise InvalidTarget(f"Parameter {name} for target {{target}} is not supported when launch type is EC2.")
    if network and not 1 <= len(network.get("Subnets") or ()) <= 16:
        raise InvalidTarget("Parameter Subnets is not valid. Reason: size must be in between 1 and 16.")
    if len(network.get("SecurityGroups") or ()) > 5:
        raise InvalidTarget("Parameter SecurityGroups is not valid. Reason: size must be in between 0 and 5.")
    if not 1 <= int(parameters.get("TaskCount") or 1) <= 10:
        raise InvalidTarget("Parameter(s) TaskCount not valid for target: {target}.")
    definition = str(parameters.get("TaskDefinitionArn") or "")
    match = _ARN.fullmatch(definition)
    if match is not None and match["region"] != region:
        raise InvalidTarget(f"Region of {cluster} does not match region of {definition}.")


def _check_job(parameters: Mapping[str, Any]) -> None:
    size = (parameters.get("ArrayProperties") or {}).get("Size")
    if size is not None and not 2 <= size <= 10_000:
        raise InvalidTarget("Parameter ArrayProperties is not valid. Reason: Size must be in between 2 and 10000.")
    attempts = (parameters.get("RetryStrategy") or {}).get("Attempts")
    if attempts is not None and not 1 <= attempts <= 10:
        raise InvalidTarget("Parameter RetryStrategy is not valid. Reason: Attempts must be in between 1 and 10.")


def _check_input(target: Mapping[str, Any]) -> None:
    inputs = [name for name in ("Input", "InputPath", "InputTransformer") if target.get(name) is not None]
    if len(inputs) > 1:
        raise InvalidTarget("Only one of Input, InputPath, or InputTransformer must be provided for target {target}.")
    if target.get("Input") is not None:
        try:
            json.loads(target["Input"])
        except (ValueError, RecursionError):
            raise InvalidTarget("JSON syntax error in input for target {target}.") from None
    if target.get("InputPath") is not None:
        compile_input_path(str(target["InputPath"]))
    transformer = target.get("InputTransformer")
    if transformer is not None:
        compile_transformer(transformer.get("InputPathsMap") or {}, transformer["InputTemplate"])


def _check_dead_letters(target: Mapping[str, Any], region: str) -> None:
    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not arn:
        return
    match = _ARN.fullmatch(str(arn))
    if match is None:
        raise InvalidTarget(f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")
    if match["service"] != "sqs":
        raise InvalidTarget(f"{match['service']} is not supported as a dead letter resource.")
    if match["resource"].endswith(".fifo"):
        raise InvalidTarget("SQS FIFO is not supported by Dead Letter Queues.")
    if match["region"] != region:
        raise InvalidTarget(f"The dead letter queue {arn} must be in the Region of the rule.")
