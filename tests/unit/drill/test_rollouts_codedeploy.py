"""Rollouts by CodeDeploy are read from its deployments, the service's task sets and the listener's weights."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pushproof.drill.delivery import CodeDeployGroup
from pushproof.drill.observation import Serving
from pushproof.drill.rollouts.codedeploy import CodeDeployRollouts
from pushproof.drill.settings import ProofFailed

GROUP = CodeDeployGroup("shop", "main", "listener", ("blue", "green"), "CodeDeployDefault.ECSAllAtOnce")
BEFORE = Serving(frozenset({"shop:1"}), frozenset(), 2)


class Account:
    """CodeDeploy, load balancer and service with these deployments, task sets and weights of the listener's second rule."""

    def __init__(self) -> None:
        self.deployments: list[dict[str, Any]] = []
        self.task_sets: list[dict[str, Any]] = [self.task_set("shop:1", "PRIMARY", "", "blue")]
        self.actions: list[dict[str, Any]] = [{"Type": "forward", "TargetGroupArn": "blue"}]
        self.running = {"shop:1"}
        self.rollouts = CodeDeployRollouts(self, self, GROUP, self)  # type: ignore[arg-type]

    @staticmethod
    def task_set(definition: str, status: str, deployment: str, group: str) -> dict[str, Any]:
        return {
            "taskDefinition": definition, "status": status, "externalId": deployment, "stabilityStatus": "STEADY_STATE",
            "loadBalancers": [{"targetGroupArn": group}], "createdAt": datetime(2026, 1, 1, 12, tzinfo=UTC),
        }  # fmt: skip

    def deploy(self, identity: str, status: str = "InProgress", **more: Any) -> None:
        created = datetime(2026, 1, 1, 12, len(self.deployments), tzinfo=UTC)
        self.deployments.append({"deploymentId": identity, "status": status, "createTime": created, **more})

    def list_deployments(self, *, applicationName: str, deploymentGroupName: str) -> dict[str, Any]:
        assert (applicationName, deploymentGroupName) == ("shop", "main")
        return {"deployments": [each["deploymentId"] for each in reversed(self.deployments)]}

    def batch_get_deployments(self, *, deploymentIds: list[str]) -> dict[str, Any]:
        return {"deploymentsInfo": [each for each in self.deployments if each["deploymentId"] in deploymentIds]}

    def describe_rules(self, *, ListenerArn: str) -> dict[str, Any]:
        assert ListenerArn == "listener"
        return {"Rules": [{"Actions": [{"Type": "redirect"}]}, {"Actions": self.actions}]}

    def service(self) -> dict[str, Any]:
        return {"taskSets": self.task_sets}

    def serving(self) -> Serving:
        return Serving(frozenset(self.running), frozenset(), 2)


@pytest.fixture
def account() -> Account:
    return Account()


def test_nothing_goes_on_at_first(account: Account) -> None:
    """A service that CodeDeploy has not deployed yet has one task set and no deployment."""
    rollouts = account.rollouts
    assert (rollouts.current(), rollouts.newest(), rollouts.underway()) == ("", "", 1)
    assert rollouts.weight("") == 0.0
    assert not rollouts.has_begun(BEFORE, "")
    assert rollouts.rollback(BEFORE, "") is None
    assert rollouts.begins(frozenset({"shop:1"})) == [datetime(2026, 1, 1, 12, tzinfo=UTC)]
    assert rollouts.groups() == ("blue", "green")


def test_the_weight_is_that_of_the_replacement(account: Account) -> None:
    """By the weights of the rule that forwards to the pair; 0 before its deployment, and once its task set is gone."""
    account.deploy("d-1")
    account.task_sets.append(account.task_set("shop:2", "ACTIVE", "d-1", "green"))
    assert account.rollouts.weight("") == 0.0
    weights = [{"TargetGroupArn": "blue", "Weight": 90}, {"TargetGroupArn": "green", "Weight": 10}]
    account.actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}]
    assert account.rollouts.weight("") == 10.0
    assert account.rollouts.weight("d-1") == 0.0
    assert account.rollouts.underway() == 2
    account.actions = [{"Type": "forward", "TargetGroupArn": "green"}]
    assert account.rollouts.weight("") == 100.0
    account.task_sets[1]["status"] = "DRAINING"
    assert (account.rollouts.weight(""), account.rollouts.underway()) == (0.0, 1)


def test_a_rollback_is_seen_to_its_end(account: Account) -> None:
    """Failed with a rollback; then the rollback succeeds, and the original task set is alone."""
    rollouts = account.rollouts
    account.deploy("d-1", "Succeeded")
    account.deploy("d-2")
    assert rollouts.has_begun(BEFORE, "d-1")
    assert rollouts.rollback(BEFORE, "d-1") is None
    error = {
        "code": "HOOK_EXECUTION_FAILURE",
        "message": "One or more of the lifecycle event validation functions failed.",
    }
    account.deployments[-1] |= {
        "status": "Failed", "errorInformation": error, "rollbackInfo": {"rollbackDeploymentId": "d-3"},
    }  # fmt: skip
    account.deploy("d-3", creator="codeDeployRollback")
    assert (rollouts.current(), rollouts.newest()) == ("d-3", "d-2")
    assert rollouts.rollback(BEFORE, "d-1") == f"deployment d-2 Failed: HOOK_EXECUTION_FAILURE: {error['message']}"
    assert not rollouts.is_restored(BEFORE)
    account.deployments[-1]["status"] = "Succeeded"
    assert rollouts.is_restored(BEFORE)
    account.running.add("shop:2")
    assert not rollouts.is_restored(BEFORE)


def test_a_failure_that_nothing_rolls_back_is_said(account: Account) -> None:
    """By the deployment group that lacks the configuration; a rollback that fails itself is said too."""
    account.deploy("d-1", "Failed", errorInformation={"code": "ALARM_ACTIVE", "message": "One or more alarms"})
    with pytest.raises(
        ProofFailed, match="ALARM_ACTIVE: One or more alarms; and nothing rolls it back: deployment group main"
    ):
        account.rollouts.rollback(BEFORE, "")
    account.deployments[0]["rollbackInfo"] = {"rollbackDeploymentId": "d-2"}
    account.deploy("d-2", "Failed", creator="codeDeployRollback")
    with pytest.raises(
        ProofFailed, match="rollback d-2 is Failed: deployments d-1 Failed, d-2 Failed; task sets PRIMARY shop:1"
    ):
        account.rollouts.is_restored(BEFORE)
