"""`run-task` of aws-actions/amazon-ecs-deploy-task-definition: a task of the new revision, before the service gets it.

Calls: RunTask; with `wait-for-task-stopped` DescribeTasks until the task has stopped, and once more for the exit codes.
Source: https://github.com/aws-actions/amazon-ecs-deploy-task-definition/blob/v2.6.3/index.js
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pushproof.workflows.actions.ecsrender import Definition
from pushproof.workflows.actions.waiting import wait_until
from pushproof.workflows.call import Call, StepFailed

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

_UNSUPPORTED = "run-task-managed-ebs-volume-name"


def run_task(call: Call, ecs: ECSClient, cluster: str, revision: str) -> None:
    """Run a task where the input `run-task` asks for one. Raises StepFailed where it does not start, or is seen to fail."""
    if call.input("run-task").lower() != "true":
        return
    if call.input(_UNSUPPORTED):
        raise StepFailed(f"amazon-ecs-deploy-task-definition with {_UNSUPPORTED} is not performed here")
    request: Definition = {
        "startedBy": call.input("run-task-started-by") or "GitHub-Actions",
        "cluster": cluster,
        "taskDefinition": revision,
        "overrides": {"containerOverrides": _listed(call, "run-task-container-overrides")},
        "tags": _listed(call, "run-task-tags"),
    }
    if managed := call.input("enable-ecs-managed-tags"):
        request["enableECSManagedTags"] = managed.lower() == "true"
    providers = _listed(call, "run-task-capacity-provider-strategy")
    if providers:
        request["capacityProviderStrategy"] = providers
    else:
        request["launchType"] = call.input("run-task-launch-type") or "FARGATE"
    subnets, groups = call.input("run-task-subnets"), call.input("run-task-security-groups")
    network: Definition = {}
    if subnets:
        network["subnets"] = subnets.split(",")
    if groups:
        network["securityGroups"] = groups.split(",")
    if network:
        network["assignPublicIp"] = call.input("run-task-assign-public-IP") or "DISABLED"
        request["networkConfiguration"] = {"awsvpcConfiguration": network}
    answer = ecs.run_task(**request)
    arns = [task["taskArn"] for task in answer["tasks"]]
    call.outputs["run-task-arn"] = json.dumps(arns)
    if answer["failures"]:
        failure = answer["failures"][0]
        raise StepFailed(f"{failure.get('arn', 'undefined')} is {failure.get('reason')}")
    if call.input("wait-for-task-stopped").lower() == "true":
        _await_success(call, ecs, cluster, arns)


def _await_success(call: Call, ecs: ECSClient, cluster: str, arns: list[str]) -> None:
    def have_stopped() -> bool:
        tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
        return all(task["lastStatus"] == "STOPPED" for task in tasks)

    wait_until(call, have_stopped)
    call.say("All tasks have stopped.")
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    containers = [container for task in tasks for container in task["containers"]]
    # The action prints the reasons of containers, which have none for an exit code: JSON.stringify writes null.
    reasons = [container.get("reason") for container in containers if container.get("exitCode") != 0]
    if reasons:
        raise StepFailed(f"Run task failed: {json.dumps(reasons, separators=(',', ':'))}")


def _listed(call: Call, name: str) -> list[object]:
    """Return an input that is a JSON array; [] where nobody set it. Raises StepFailed for anything else."""
    try:
        value = json.loads(call.input(name) or "[]")
    except ValueError as error:
        raise StepFailed(f"{name} is no JSON: {error}") from error
    if not isinstance(value, list):
        raise StepFailed(f"{name} is no JSON array")
    return value
