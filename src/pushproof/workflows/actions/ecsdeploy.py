"""aws-actions/amazon-ecs-deploy-task-definition: a revision is registered, and the service updated to it.

Calls: RegisterTaskDefinition, those of `run-task`, DescribeServices, UpdateService; with `wait-for-service-stability`
DescribeServices until the service is stable, and since 2.6.2 once more: the deployment that the update began must still be there.
Source: https://github.com/aws-actions/amazon-ecs-deploy-task-definition/blob/v2.6.3/index.js
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from pushproof.workflows.actions.ecsrender import ONLY_DESCRIBED, Definition
from pushproof.workflows.actions.ecsruntask import run_task
from pushproof.workflows.actions.waiting import wait_until
from pushproof.workflows.call import Call, StepFailed

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import ServiceTypeDef

_UNSUPPORTED = ("codedeploy-application", "codedeploy-deployment-group", "service-managed-ebs-volume-name")


def deploy_task_definition(call: Call) -> None:
    """Deploy, and notice a rollback where the action waits, as since 2.6.2."""
    _deploy(call, verifies=True)


def deploy_without_verification(call: Call) -> None:
    """Deploy as 2.6.1 and earlier: a service that is stable after a rollback is a success."""
    _deploy(call, verifies=False)


def _deploy(call: Call, *, verifies: bool) -> None:
    for name in _UNSUPPORTED:
        if call.input(name) not in ("", "false"):
            raise StepFailed(
                f"amazon-ecs-deploy-task-definition with {name} is not performed here: expected a service of the controller ECS"
            )
    try:
        _roll_out(call, verifies=verifies)
    except ClientError as error:
        raise StepFailed(error.response["Error"]["Message"]) from error
    except BotoCoreError as error:
        raise StepFailed(str(error)) from error


def _roll_out(call: Call, *, verifies: bool) -> None:
    ecs = call.ecs()
    path = Path(call.workspace, call.input("task-definition", required=True))
    content = _without_empty(yaml.safe_load(path.read_text(encoding="utf-8")))
    if not isinstance(content, dict):
        raise StepFailed(f"{path.name} is no task definition: expected keys and values")
    definition: Definition = {name: value for name, value in content.items() if name not in ONLY_DESCRIBED}
    for container in definition.get("containerDefinitions", ()):
        for variable in container.get("environment", ()):
            # An empty value was left out with what is empty, and ECS wants one.
            variable.setdefault("value", "")
    try:
        revision = ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    except (ClientError, BotoCoreError) as error:
        message = error.response["Error"]["Message"] if isinstance(error, ClientError) else str(error)
        raise StepFailed(f"Failed to register task definition in ECS: {message}") from error
    call.outputs["task-definition-arn"] = revision
    service, cluster = call.input("service"), call.input("cluster") or "default"
    run_task(call, ecs, cluster, revision)
    if not service:
        return
    answer = ecs.describe_services(services=[service], cluster=cluster)
    if answer.get("failures"):
        failure = answer["failures"][0]
        raise StepFailed(f"{failure['arn']} is {failure['reason']}")
    before = answer["services"][0]
    if before["status"] != "ACTIVE":
        raise StepFailed(f"Service is {before['status']}")
    controller = before.get("deploymentController", {}).get("type", "ECS")
    if controller != "ECS":
        raise StepFailed(f"Unsupported deployment controller: {controller}")
    arguments: Definition = {
        "cluster": cluster,
        "service": service,
        "taskDefinition": revision,
        "forceNewDeployment": call.input("force-new-deployment").lower() == "true",
    }
    if call.input("desired-count").isdecimal():
        arguments["desiredCount"] = int(call.input("desired-count"))
    if managed := call.input("enable-ecs-managed-tags"):
        arguments["enableECSManagedTags"] = managed.lower() == "true"
    if propagated := call.input("propagate-tags"):
        arguments["propagateTags"] = propagated
    after = _primary(ecs.update_service(**arguments)["service"])
    region = call.environment.get("AWS_REGION", "")
    call.say(
        "Deployment started. Watch this deployment's progress in the Amazon ECS console: "
        f"https://{region}.console.aws.amazon.com/ecs/v2/clusters/{cluster}/services/{service}/deployments?region={region}"
    )
    if call.input("wait-for-service-stability").lower() != "true":
        return
    _wait_until_stable(call, ecs, cluster, service)
    if verifies and after and after != _primary(before):
        _verify(call, ecs.describe_services(services=[service], cluster=cluster)["services"][0], after)


def _primary(service: ServiceTypeDef) -> str:
    return next((str(entry["id"]) for entry in service.get("deployments", []) if entry["status"] == "PRIMARY"), "")


def _verify(call: Call, service: ServiceTypeDef, deployment: str) -> None:
    entry = next((entry for entry in service.get("deployments", []) if entry["id"] == deployment), None)
    if entry is None:
        raise StepFailed(
            f"Deployment {deployment} not found after stabilization. "
            "The deployment was likely rolled back by the deployment circuit breaker."
        )
    if entry.get("rolloutState") == "FAILED":
        raise StepFailed(f"Deployment {deployment} FAILED: {entry.get('rolloutStateReason') or 'unknown reason'}")
    call.say(f"Deployment {deployment} verified: rolloutState={entry.get('rolloutState') or 'N/A'}")


def _wait_until_stable(call: Call, ecs: ECSClient, cluster: str, service: str) -> None:
    """Wait for one deployment with all its tasks. Raises StepFailed for a service that goes, and when the time is over."""

    def is_stable() -> bool:
        answer = ecs.describe_services(services=[service], cluster=cluster)
        if any(failure.get("reason") == "MISSING" for failure in answer.get("failures", [])):
            raise StepFailed('{"result":{"state":"FAILURE","reason":"MISSING"}}')
        entry = answer["services"][0]
        if entry["status"] in ("DRAINING", "INACTIVE"):
            raise StepFailed(f'{{"result":{{"state":"FAILURE","reason":"{entry["status"]}"}}}}')
        return len(entry["deployments"]) == 1 and entry["runningCount"] == entry["desiredCount"]

    wait_until(call, is_stable)


def _without_empty(value: object) -> object:
    """Return a definition without what is empty, as the action leaves it out."""
    if isinstance(value, dict):
        return {key: _without_empty(inner) for key, inner in value.items() if not _empty(inner)}
    if isinstance(value, list):
        return [_without_empty(inner) for inner in value if not _empty(inner)]
    return value


def _empty(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_empty, value.values()))
    if isinstance(value, list):
        return all(map(_empty, value))
    return value is None or value == ""
