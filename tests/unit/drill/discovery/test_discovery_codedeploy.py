"""The path of a push whose pipeline deploys by CodeDeploy, and what guards its deployments."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.drill.discovery.test_discovery import GROUP, Account, action, found, pipeline

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import Breaker, CodeDeployGroup, Guard
from pushproof.drill.discovery.codedeploy import guards

GREEN = GROUP.replace("/orders/", "/green/")
CONTENT = 'version: 0.0\nResources: []\nHooks:\n  - AfterAllowTestTraffic: "smoke"\n'


class Missing(Exception):
    """A deployment group that does not exist."""


class CodeDeployAccount(Account):
    """An account whose service CodeDeploy deploys. `content`: the AppSpec file of its last revision."""

    exceptions = SimpleNamespace(ApplicationDoesNotExistException=Missing, DeploymentGroupDoesNotExistException=Missing)

    def __init__(self, **changes: Any) -> None:
        made = pipeline("orders")
        made["stages"][2]["actions"] = [
            action("Deploy", "CodeDeployToECS", "image", ApplicationName="orders", DeploymentGroupName="main")
        ]
        self.routing: dict[str, Any] = {"type": "AllAtOnce"}
        self.events, self.alarmed, self.content, self.groups = ["DEPLOYMENT_FAILURE"], False, "", ["orders", "green"]
        super().__init__(made, **changes)
        self.service["deploymentController"] = {"type": "CODE_DEPLOY"}

    def get_deployment_group(self, *, applicationName: str, deploymentGroupName: str) -> dict[str, Any]:
        if deploymentGroupName != "main":
            raise Missing
        pair = {
            "targetGroups": [{"name": name} for name in self.groups],
            "prodTrafficRoute": {"listenerArns": ["tls"]},
        }
        info = {
            "applicationName": applicationName, "deploymentGroupName": deploymentGroupName,
            "deploymentConfigName": "quarters", "ecsServices": [{"clusterName": "apps", "serviceName": "orders"}],
            "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
            "autoRollbackConfiguration": {"enabled": bool(self.events), "events": self.events},
            "alarmConfiguration": {"enabled": self.alarmed},
        }  # fmt: skip
        return {"deploymentGroupInfo": info}

    def get_deployment_config(self, **_: Any) -> dict[str, Any]:
        return {"deploymentConfigInfo": {"trafficRoutingConfig": self.routing}}

    def list_deployments(self, **_: Any) -> dict[str, Any]:
        return {"deployments": ["d-1"] if self.content else []}

    def batch_get_deployments(self, **_: Any) -> dict[str, Any]:
        failed = {"status": "Failed", "revision": {"appSpecContent": {"content": CONTENT}}}
        revision = {"status": "Succeeded", "revision": {"appSpecContent": {"content": self.content}}}
        return {"deploymentsInfo": [failed, revision]}

    def describe_target_groups(self, **request: Any) -> dict[str, Any]:
        groups: dict[str, Any] = super().describe_target_groups()
        group = groups["TargetGroups"][0]
        return {"TargetGroups": [{**group, "TargetGroupArn": arn} for arn in (GROUP, GREEN)]}


def test_the_deployment_group_tells_the_service() -> None:
    """Cluster, service, listener and both target groups come from the group; the build leaves imageDetail.json."""
    delivery = found(CodeDeployAccount())
    assert (delivery.cluster, delivery.service, delivery.deploy_stage) == ("apps", "orders", "Ship")
    assert delivery.codedeploy == CodeDeployGroup("orders", "main", "tls", (GROUP, GREEN), "quarters")
    assert delivery.image_definitions == "imageDetail.json"
    assert (delivery.breaker, delivery.guard) == (
        Breaker(enabled=True, rollback=True), Guard("blue-green", steps="all at once"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "breaker", "guard"),
    [
        ({"events": []}, Breaker(), Guard("blue-green", steps="all at once")),
        (
            {"events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"], "alarmed": True, "content": CONTENT},
            Breaker(enabled=True, rollback=True, alarms=True),
            Guard("blue-green", hooks=True, steps="all at once"),
        ),
        (
            {
                "alarmed": True,
                "routing": {
                    "type": "TimeBasedCanary",
                    "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 5},
                },
                "content": CONTENT.replace("AfterAllowTestTraffic", "AfterAllowTraffic"),
            },
            Breaker(enabled=True, rollback=True),
            Guard("canary", steps="10 % for 5 minutes, then all"),
        ),
        (
            {
                "routing": {
                    "type": "TimeBasedLinear",
                    "timeBasedLinear": {"linearPercentage": 25, "linearInterval": 1},
                },
                "content": '{"Resources": [],\n "Hooks": [{"BeforeAllowTraffic": "smoke"}]}',
            },
            Breaker(enabled=True, rollback=True),
            Guard("linear", hooks=True, steps="25 % more every 1 minutes"),
        ),
    ],
)
def test_guards_are_read(changes: dict[str, Any], breaker: Breaker, guard: Guard) -> None:
    """Rollback and alarms count where the group rolls back for them; a hook counts where it comes before the users."""
    account: Any = CodeDeployAccount(**changes)
    assert guards(account, CodeDeployGroup("orders", "main", configuration="quarters")) == (breaker, guard)


def test_what_does_not_fit_is_named() -> None:
    """A group that does not exist, one target group, and a service that ECS deploys itself."""
    account = CodeDeployAccount()
    account.pipelines["orders"]["stages"][2]["actions"][0]["configuration"]["DeploymentGroupName"] = "old"
    with pytest.raises(BadInput, match="with deployment group orders/old, which does not exist"):
        found(account)
    with pytest.raises(BadInput, match="deployment group main has 1 target groups and 1 production listeners"):
        found(CodeDeployAccount(groups=["orders"]))
    account = CodeDeployAccount()
    account.service["deploymentController"] = {"type": "ECS"}
    with pytest.raises(BadInput, match=r"controller ECS, and action Ship .* which needs CODE_DEPLOY"):
        found(account)
