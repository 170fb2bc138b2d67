"""Targets and schedules against what PutTargets and PutRule were seen to refuse.

Measured: https://github.com/badmintoncryer/cdk-preflight (rules/events, 2026-09). Recorded:
https://github.com/localstack/localstack (tests/aws/services/events).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.events import InvalidTarget, check_targets, is_schedule

ROLE = "arn:aws:iam::123456789012:role/r"
CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/c"
TASK = "arn:aws:ecs:eu-west-1:123456789012:task-definition/t:1"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:eu-west-1:123456789012:{resource}"


def refusal(*targets: dict[str, Any]) -> str | None:
    try:
        check_targets([{"Id": "t1", **target} for target in targets], region="eu-west-1")
    except InvalidTarget as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("service", "resource", "further"),
    [
        ("events", "api-destination/slack/1", {}),
        ("events", "event-bus/default", {}),
        ("codepipeline", "web", {}),
        ("codebuild", "project/web", {}),
        ("ecs", "cluster/c", {"EcsParameters": {"TaskDefinitionArn": TASK}}),
        ("batch", "job-queue/q", {"BatchParameters": {"JobDefinition": "d", "JobName": "n"}}),
        ("kinesis", "stream/s", {}),
        ("firehose", "deliverystream/s", {}),
        ("states", "stateMachine:m", {}),
        ("ssm", "document/d", {}),
        ("sagemaker", "pipeline/p", {}),
        ("redshift", "cluster:c", {}),
        ("glue", "workflow/w", {}),
        ("inspector", "target/t", {}),
        ("ssm-incidents", "response-plan/p", {}),
    ],
)
def test_targets_that_need_a_role(service: str, resource: str, further: dict[str, Any]) -> None:
    """RoleArn is required wherever EventBridge calls the target as the rule's owner. [measured, and in public issues]"""
    target = {"Arn": arn(service, resource), **further}
    assert refusal(target) == f"RoleArn is required for target {target['Arn']}."
    assert refusal(target | {"RoleArn": ROLE}) is None


@pytest.mark.parametrize(
    ("service", "resource"),
    [("sns", "t"), ("sqs", "q"), ("logs", "log-group:/g"), ("lambda", "function:f"), ("execute-api", "a/s/GET/p")],
)
def test_targets_that_let_eventbridge_in_themselves(service: str, resource: str) -> None:
    """Targets with a policy of their own take no role. eb-use-resource-based.html"""
    assert refusal({"Arn": arn(service, resource)}) is None


FARGATE = {"TaskDefinitionArn": TASK, "LaunchType": "FARGATE"}


def network(**settings: Any) -> dict[str, Any]:
    return {"NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s"], **settings}}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"Arn": "x"}, "Parameter x is not valid. Reason: Provided Arn is not in correct format."),
    ({"Arn": arn("s3", "b")}, "s3 is not a supported service for a target."),
    ({"Arn": arn("rds", "db:x")}, "rds is not a supported service for a target."),
    ({"Arn": QUEUE, "EcsParameters": FARGATE}, "Parameter(s) EcsParameters not supported for target: t1."),
    ({"Arn": QUEUE, "HttpParameters": {}}, "Parameter(s) HttpParameters not supported for target: t1."),
    ({"Arn": CLUSTER, "RoleArn": ROLE}, "Parameter(s) EcsParameters must be specified for target: t1."),
    ({"Arn": arn("batch", "q"), "RoleArn": ROLE}, "Parameter(s) BatchParameters must be specified for target: t1."),
    ({"Arn": QUEUE + ".fifo"}, "Parameter(s) SqsParameters must be specified for target: t1."),
    (
        {"Arn": CLUSTER, "RoleArn": ROLE, "EcsParameters": FARGATE},
        "Parameter NetworkConfiguration must be specified for target t1 when launch type is FARGATE.",
    ),
    (
        {"Arn": CLUSTER, "RoleArn": ROLE, "EcsParameters": FARGATE | {"LaunchType": "EC2", "PlatformVersion": "1.4.0"}},
        "Parameter PlatformVersion for target t1 is not supported when launch type is EC2.",
    ),
    (
        {
            "Arn": CLUSTER,
            "RoleArn": ROLE,
            "EcsParameters": FARGATE | {"LaunchType": "EC2"} | network(AssignPublicIp="ENABLED"),
        },
        "Parameter AssignPublicIp for target t1 is not supported when launch type is EC2.",
    ),
    (
        {"Arn": CLUSTER, "RoleArn": ROLE, "EcsParameters": FARGATE | network(Subnets=["s"] * 17)},
        "Parameter Subnets is not valid. Reason: size must be in between 1 and 16.",
    ),
    (
        {"Arn": CLUSTER, "RoleArn": ROLE, "EcsParameters": FARGATE | network(SecurityGroups=["s"] * 6)},
        "Parameter SecurityGroups is not valid. Reason: size must be in between 0 and 5.",
    ),
    (
        {"Arn": CLUSTER, "RoleArn": ROLE, "EcsParameters": FARGATE | network() | {"TaskCount": 11}},
        "Parameter(s) TaskCount not valid for target: t1.",
    ),
    (
        {
            "Arn": CLUSTER,
            "RoleArn": ROLE,
            "EcsParameters": FARGATE | network() | {"TaskDefinitionArn": TASK.replace("eu-west-1", "us-east-1")},
        },
        f"Region of {CLUSTER} does not match region of {TASK.replace('eu-west-1', 'us-east-1')}.",
    ),
    (
        {"Arn": QUEUE, "Input": "{}", "InputPath": "$"},
        "Only one of Input, InputPath, or InputTransformer must be provided for target t1.",
    ),
    ({"Arn": QUEUE, "Input": "hello"}, "JSON syntax error in input for target t1."),
    ({"Arn": QUEUE, "Input": "[" * 100_000}, "JSON syntax error in input for target t1."),
    ({"Arn": QUEUE, "InputPath": "detail"}, "InputPath for target t1 is invalid."),
    (
        {"Arn": QUEUE, "InputTransformer": {"InputTemplate": '"<nmae>"'}},
        "InputTemplate for target t1 contains invalid placeholder nmae.",
    ),
    ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": arn("sns", "t")}}, "sns is not supported as a dead letter resource."),
    (
        {"Arn": QUEUE, "DeadLetterConfig": {"Arn": QUEUE + ".fifo"}},
        "SQS FIFO is not supported by Dead Letter Queues.",
    ),
]


@pytest.mark.parametrize(("target", "reason"), REFUSED)
def test_refusals(target: dict[str, Any], reason: str) -> None:
    """Each target is refused in EventBridge's words."""
    assert refusal(target) == reason


def test_ids_are_given_once() -> None:
    """A repeated Id is refused before anything else. [measured]"""
    assert (
        refusal({"Arn": QUEUE}, {"Arn": "x"})
        == "Parameter targets is not valid. Reason: More than one target with Id 't1' is provided."
    )


def test_a_json_scalar_is_an_input() -> None:
    """Input is any JSON value. [measured]"""
    assert refusal({"Arn": QUEUE, "Input": '"hello"'}) is None


@pytest.mark.parametrize(
    ("expression", "accepted"),
    [
        ("rate(5 minutes)", True),
        ("rate(1 hour)", True),
        ("rate(1 hours)", False),
        ("rate(5 minute)", False),
        ("rate(0 minutes)", False),
        ("rate(5 weeks)", False),
        ("cron(0 12 * * ? *)", True),
        ("cron(15 10 ? * 6L 2022-2023)", True),
        ("cron(0/15 8-17 ? * MON-FRI *)", True),
        ("cron(0 8 ? * 2#1 *)", True),
        ("cron(0 9 LW * ? *)", True),
        ("cron(0 20 * * ? 2500)", True),
        # Recorded as refused.
        ("cron(INVALID)", False),
        ("cron(0 dummy ? * MON-FRI *)", False),
        ("cron(7 20 * * NOT *)", False),
        ("cron(71 8 1 * ? *)", False),
        ("cron(0 1 * * * *)", False),
        # Measured as refused.
        ("cron(0#2 8 ? * 2 *)", False),
        ("cron(0 24 * * ? *)", False),
        ("cron(0 1 0 * ? *)", False),
        ("", False),
    ],
)
def test_schedules(expression: str, accepted: bool) -> None:
    """eb-scheduled-rule-pattern.html, and what PutRule was seen to refuse."""
    assert is_schedule(expression) is accepted


@given(st.text(alphabet="cronate() 0123456789*?/,-#LWMONminutesdahy", max_size=30))
def test_any_expression_is_judged(expression: str) -> None:
    """Any text is a schedule or not."""
    assert is_schedule(expression) in (True, False)
