"""`run-task` of the deploy action: a task of the new revision runs before the service gets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushproof.base.clock import VirtualClock
from pushproof.workflows.actions.ecsdeploy import deploy_task_definition
from pushproof.workflows.call import Call, StepFailed

SUBNETS = {"run-task-subnets": "subnet-1,subnet-2", "run-task-security-groups": "sg-1"}


class Ecs:
    """ECS whose task is described in these states, the last one for good."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[dict[str, str]] = []

    def register_task_definition(self, **request: Any) -> dict[str, Any]:
        self.calls.append(("register", request))
        return {"taskDefinition": {"taskDefinitionArn": "shop:2"}}

    def run_task(self, **request: Any) -> dict[str, Any]:
        self.calls.append(("run", request))
        return {"tasks": [] if self.failures else [{"taskArn": "task/1"}], "failures": self.failures}

    def describe_tasks(self, **_: Any) -> dict[str, Any]:
        self.calls.append(("describe", {}))
        return {"tasks": [self.states.pop(0) if len(self.states) > 1 else self.states[0]]}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": [{"status": "ACTIVE", "deployments": []}]}

    def update_service(self, **request: Any) -> dict[str, Any]:
        self.calls.append(("update", request))
        return {"service": {"deployments": []}}


class EcsCall(Call):
    """A call whose ECS is the test's."""

    client: Any = None

    def ecs(self) -> Any:
        return self.client


def deploy(tmp_path: Path, ecs: Ecs, **inputs: str) -> EcsCall:
    (tmp_path / "task.json").write_text(json.dumps({"family": "shop", "containerDefinitions": []}))
    given = {"task-definition": "task.json", "service": "shop", "cluster": "main", "run-task": "true", **inputs}
    call = EcsCall(given, {}, tmp_path, tmp_path, VirtualClock(), lambda _: None, set())
    call.client = ecs
    deploy_task_definition(call)
    return call


def stopped(code: int | None, **more: Any) -> dict[str, Any]:
    return {
        "lastStatus": "STOPPED",
        "containers": [{"name": "app", **({} if code is None else {"exitCode": code}), **more}],
    }


def test_a_task_runs_before_the_service_is_updated(tmp_path: Path) -> None:
    """The inputs become the members of RunTask, with the action's defaults; the service follows at once where nobody waits."""
    ecs = Ecs()
    overrides = [{"name": "app", "command": ["migrate"]}]
    call = deploy(tmp_path, ecs, **SUBNETS, **{"run-task-container-overrides": json.dumps(overrides)})
    assert [name for name, _ in ecs.calls] == ["register", "run", "update"]
    network = {"subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    assert ecs.calls[1][1] == {
        "startedBy": "GitHub-Actions", "cluster": "main", "taskDefinition": "shop:2", "tags": [], "launchType": "FARGATE",
        "overrides": {"containerOverrides": overrides}, "networkConfiguration": {"awsvpcConfiguration": network},
    }  # fmt: skip
    assert call.outputs["run-task-arn"] == '["task/1"]'


def test_a_strategy_takes_the_place_of_the_launch_type(tmp_path: Path) -> None:
    """As RunTask wants it; without subnets and groups there is no network configuration."""
    ecs, strategy = Ecs(), [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    deploy(tmp_path, ecs, **{"run-task-capacity-provider-strategy": json.dumps(strategy)})
    request = ecs.calls[1][1]
    assert request["capacityProviderStrategy"] == strategy
    assert not {"launchType", "networkConfiguration"} & set(request)


def test_an_awaited_task_that_succeeds_lets_the_service_follow(tmp_path: Path) -> None:
    """The service is updated once the task has stopped with 0."""
    ecs = Ecs({"lastStatus": "STOPPED", "containers": [{"exitCode": 0}]})
    deploy(tmp_path, ecs, **{"wait-for-task-stopped": "true"})
    assert [name for name, _ in ecs.calls] == ["register", "run", "describe", "describe", "update"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (stopped(1), "Run task failed: [null]"),
        (stopped(None, reason="CannotPullContainerError"), 'Run task failed: ["CannotPullContainerError"]'),
    ],
)
def test_a_task_that_fails_stops_the_deployment(state: dict[str, Any], words: str, tmp_path: Path) -> None:
    """The step fails in the action's words, and the service keeps its revision."""
    ecs = Ecs(state)
    with pytest.raises(StepFailed) as failed:
        deploy(tmp_path, ecs, **{"wait-for-task-stopped": "true"})
    assert str(failed.value) == words
    assert "update" not in [name for name, _ in ecs.calls]


def test_a_task_that_does_not_start_stops_the_deployment(tmp_path: Path) -> None:
    """RunTask's failure is the step's."""
    ecs = Ecs()
    ecs.failures = [{"arn": "cluster/main", "reason": "Capacity is unavailable at this time"}]
    with pytest.raises(StepFailed, match="cluster/main is Capacity is unavailable"):
        deploy(tmp_path, ecs)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"run-task-container-overrides": "[{"}, "run-task-container-overrides is no JSON"),
        ({"run-task-tags": "{}"}, "run-task-tags is no JSON array"),
        ({"run-task-managed-ebs-volume-name": "data"}, "is not performed here"),
    ],
)
def test_inputs_that_cannot_work_are_named(inputs: dict[str, str], words: str, tmp_path: Path) -> None:
    """By their name, before a task runs."""
    ecs = Ecs()
    with pytest.raises(StepFailed, match=words):
        deploy(tmp_path, ecs, **inputs)
    assert [name for name, _ in ecs.calls] == ["register"]
