"""Worlds that are kept in the midst of a deployment by CodeDeploy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.emulator.codedeploy.bluegreen import BlueGreen
from tests.unit.emulator.ecs.conftest import Stack
from tests.unit.kept.conftest import SETTINGS

from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World

Continue = Callable[[Path], World]


@pytest.mark.parametrize("stop", [False, True])
def test_a_canary_goes_on(continued: Continue, tmp_path: Path, stop: bool) -> None:
    """A world that is kept during the canary's wait shifts the rest when it continues, or takes all of it back."""
    world = World.virtual(SETTINGS, equip=scripted_equipment)
    blue_green = BlueGreen(Stack(world))
    blue_green.group(deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes")
    identifier = blue_green.deploy()
    blue_green.stack.until(lambda: blue_green.forward().get(blue_green.green) == 10)
    before = blue_green.shown(identifier)
    world.keep(tmp_path)
    world.close()
    again = continued(tmp_path)
    codedeploy = again.administrator("codedeploy")
    assert codedeploy.get_deployment(deploymentId=identifier)["deploymentInfo"] == before
    if stop:
        codedeploy.stop_deployment(deploymentId=identifier, autoRollbackEnabled=True)
    again.loop.advance(2000)  # type: ignore[attr-defined]
    shown = codedeploy.get_deployment(deploymentId=identifier)["deploymentInfo"]
    assert shown["status"] == ("Stopped" if stop else "Succeeded")
    (service,) = again.administrator("ecs").describe_services(cluster="main", services=["app"])["services"]
    (only,) = service["taskSets"]
    assert only["taskDefinition"].endswith("app:1" if stop else "app:2")
    assert (only["stabilityStatus"], only["runningCount"]) == ("STEADY_STATE", 2)
