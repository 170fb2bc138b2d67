"""Rollouts by CodeDeploy: its deployments, and the task sets of the service.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pushproof.drill.discovery.codedeploy import deployments_of
from pushproof.drill.observation import Observer, Serving
from pushproof.drill.settings import ProofFailed

if TYPE_CHECKING:
    from types_boto3_codedeploy.client import CodeDeployClient
    from types_boto3_codedeploy.type_defs import DeploymentInfoTypeDef
    from types_boto3_ecs.type_defs import TaskSetTypeDef
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef

    from pushproof.drill.delivery import CodeDeployGroup

_FAILED = ("Failed", "Stopped")
#: The creator of a deployment that takes another one back.
_ROLLBACK = "codeDeployRollback"


class CodeDeployRollouts:
    """Rollouts of a service with the deployment controller CODE_DEPLOY."""

    def __init__(
        self,
        codedeploy: CodeDeployClient,
        elbv2: ElasticLoadBalancingv2Client,
        group: CodeDeployGroup,
        observer: Observer,
    ) -> None:
        self._codedeploy, self._elbv2 = codedeploy, elbv2
        self._group, self._observer = group, observer

    def current(self) -> str:
        return _newest(self._deployments()).get("deploymentId", "")

    def newest(self) -> str:
        return _pushed(self._deployments()).get("deploymentId", "")

    def underway(self) -> int:
        return len(self._task_sets())

    def begins(self, revisions: frozenset[str]) -> list[datetime]:
        return [each["createdAt"] for each in self._task_sets() if each.get("taskDefinition") in revisions]

    def weight(self, earlier: str) -> float:
        deployment = self.newest()
        if deployment in ("", earlier):
            return 0.0
        own = next((each for each in self._task_sets() if each.get("externalId") == deployment), None)
        balancers = [] if own is None else own.get("loadBalancers", [])
        if not balancers:
            return 0.0
        weights: dict[str, int] = {}
        for rule in self._elbv2.describe_rules(ListenerArn=self._group.listener)["Rules"]:
            forwarded = _weights(rule["Actions"])
            if set(forwarded) & set(self._group.target_groups):
                weights = forwarded
                break
        whole = sum(weights.values())
        return 100.0 * weights.get(balancers[0].get("targetGroupArn", ""), 0) / whole if whole else 0.0

    def has_begun(self, before: Serving, earlier: str) -> bool:
        return self.newest() not in ("", earlier)

    def rollback(self, before: Serving, earlier: str) -> str | None:
        failed = _pushed(self._deployments())
        identity = failed.get("deploymentId", "")
        if identity in ("", earlier) or failed.get("status") not in _FAILED:
            return None
        error = failed.get("errorInformation", {})
        why = (
            f"deployment {identity} {failed.get('status')}: {error.get('code', '')}: {error.get('message', '')}".rstrip(
                ": "
            )
        )
        if not failed.get("rollbackInfo", {}).get("rollbackDeploymentId"):
            raise ProofFailed(
                f"{why}; and nothing rolls it back: deployment group {self._group.name} has no auto_rollback_configuration for "
                "that. Set auto_rollback_configuration { enabled = true, events = "
                '["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"] } of the aws_codedeploy_deployment_group'
            )
        return why

    def is_restored(self, before: Serving) -> bool:
        deployments = self._deployments()
        back = _pushed(deployments).get("rollbackInfo", {}).get("rollbackDeploymentId", "")
        ended = {each.get("deploymentId"): each.get("status") for each in deployments}
        if ended.get(back) in _FAILED:
            raise ProofFailed(f"the rollback {back} is {ended[back]}: {self.summary()}")
        task_sets = self._task_sets()
        return (
            ended.get(back) == "Succeeded"
            and [each.get("status") for each in task_sets] == ["PRIMARY"]
            and task_sets[0].get("taskDefinition") in before.task_definitions
            and self._observer.serving().task_definitions == before.task_definitions
        )

    def groups(self) -> tuple[str, ...]:
        return self._group.target_groups

    def summary(self) -> str:
        sets = ", ".join(
            f"{each.get('status')} {each.get('taskDefinition', '').rsplit('/', 1)[-1]} {each.get('stabilityStatus')}"
            for each in self._task_sets()
        )
        newest = sorted(self._deployments(), key=_created)[-2:]
        shown = ", ".join(f"{each.get('deploymentId')} {each.get('status')}" for each in newest)
        return f"deployments {shown or 'none'}; task sets {sets or 'none'}"

    def _task_sets(self) -> list[TaskSetTypeDef]:
        return [each for each in self._observer.service().get("taskSets", []) if each.get("status") != "DRAINING"]

    def _deployments(self) -> list[DeploymentInfoTypeDef]:
        return deployments_of(self._codedeploy, self._group)


def _pushed(deployments: list[DeploymentInfoTypeDef]) -> DeploymentInfoTypeDef:
    """Return the newest of these deployments that is no rollback; {} without one."""
    return _newest([each for each in deployments if each.get("creator") != _ROLLBACK])


def _newest(deployments: list[DeploymentInfoTypeDef]) -> DeploymentInfoTypeDef:
    """Return the newest of these deployments; {} for none."""
    none: DeploymentInfoTypeDef = {}
    return max(deployments, key=_created, default=none)


def _created(deployment: DeploymentInfoTypeDef) -> float:
    created = deployment.get("createTime")
    return created.timestamp() if created is not None else 0.0


def _weights(actions: list[ActionOutputTypeDef]) -> dict[str, int]:
    """Return the weights of the target groups that a rule forwards to."""
    weights: dict[str, int] = {}
    for action in actions:
        for group in action.get("ForwardConfig", {}).get("TargetGroups", []):
            weights[group.get("TargetGroupArn", "")] = group.get("Weight", 1)
        if action["Type"] == "forward" and not weights:
            weights[action.get("TargetGroupArn", "")] = 1
    return weights
