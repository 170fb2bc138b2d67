"""Strategies of a drill: what UpdateService is sent, and numbers that cannot work."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.drill.scripted import ROOT, settings

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import CodeDeployGroup, Delivery
from pushproof.drill.preflight import preflight
from pushproof.drill.shifting.parts import Parts
from pushproof.drill.shifting.strategies import STRATEGIES, Shift, configuration_of, require_fit
from pushproof.drill.steps.order import STEPS, steps_for
from pushproof.engines.deployment import DeploymentConfiguration

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import DeploymentConfigurationTypeDef

PARTS = Parts("blue", "green", "rule", "test", "role", "arn:aws:lambda:r:1:function:smoke", "arn:aws:iam::1:role/hook")
CURRENT: DeploymentConfigurationTypeDef = {
    "minimumHealthyPercent": 100,
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
    "strategy": "CANARY",
    "canaryConfiguration": {"canaryPercent": 50.0},
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_configuration_keeps_what_guards_the_service(strategy: str) -> None:
    """Breaker, alarms and percents stay; the strategy's own members are those of the settings, and no others."""
    configuration = configuration_of(Shift(strategy), CURRENT, PARTS if strategy != "rolling" else None)
    assert configuration["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert configuration["alarms"]["alarmNames"] == ["errors"]
    assert configuration["strategy"] == STRATEGIES[strategy]
    assert ("canaryConfiguration" in configuration) == (strategy == "canary")
    assert ("linearConfiguration" in configuration) == (strategy == "linear")
    assert ("lifecycleHooks" in configuration) == (strategy != "rolling")
    # What ECS itself takes.
    assert DeploymentConfiguration.parse(configuration).strategy.name == STRATEGIES[strategy]


def test_numbers_that_cannot_work_are_refused_with_their_key() -> None:
    """A share outside of what ECS takes, minutes beyond a deploy action's patience, and unknown strategies are refused."""
    with pytest.raises(BadInput, match="--strategy purple: expected one of rolling, blue-green, linear, canary"):
        Shift("purple")
    with pytest.raises(BadInput, match=r"step-percent under .* is 2; expected 3 to 100"):
        Shift("linear", step_percent=2.0)
    with pytest.raises(BadInput, match="add up to 59 for linear"):
        Shift("linear", step_percent=10.0, step_minutes=6)


def test_a_strategy_adds_its_step_and_its_breakages() -> None:
    """A drill with a strategy switches the service after the first push, and breaks what hook and alarm must stop."""
    plain = settings()
    assert steps_for(plain) == STEPS
    shifting = settings(shift=Shift("canary"))
    names = [step.name for step in steps_for(shifting)]
    assert names.index("strategy") == names.index("first-deployment") + 1
    assert [breakage.name for breakage in preflight(shifting).breakages] == ["unhealthy", "hook", "alarm"]
    rolling = settings(shift=Shift("rolling"))
    assert [breakage.name for breakage in preflight(rolling).breakages] == ["unhealthy", "alarm"]


@pytest.mark.parametrize("folder", ["infrastructure/modules/ecs", "examples/codedeploy/infra"])
def test_the_zip_of_the_smoke_test_has_its_source(folder: str) -> None:
    """Terraform uploads the function that is in the tree: the zip beside it is written from it."""
    source = ROOT / folder / "functions/smoke_test.py"
    with zipfile.ZipFile(source.with_suffix(".zip")) as archive:
        assert archive.namelist() == ["smoke_test.py"]
        assert archive.read("smoke_test.py") == source.read_bytes()


def test_a_strategy_must_fit_the_controller() -> None:
    """CodeDeploy's deployments follow their group; ECS's own cannot become CodeDeploy's."""
    own = Delivery("p", "Deploy", "c", "shop")
    other = replace(own, codedeploy=CodeDeployGroup("shop", "main"))
    for strategy, delivery in (("", own), ("canary", own), ("", other), ("codedeploy", other)):
        require_fit(strategy, delivery)
    with pytest.raises(BadInput, match=r"ECS deploys service shop itself.*examples/codedeploy has both"):
        require_fit("codedeploy", own)
    with pytest.raises(BadInput, match="Use --strategy codedeploy"):
        require_fit("canary", other)
    assert (Shift("codedeploy").shifts, Shift("codedeploy").minutes) == (False, 0.0)
