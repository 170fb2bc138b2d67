"""Worlds that are kept in the midst of a deployment that shifts traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.emulator.ecs.conftest import Stack
from tests.unit.emulator.ecs.shifts import Shifts
from tests.unit.kept.conftest import SETTINGS

from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World

Continue = Callable[[Path], World]


@pytest.fixture
def shifts() -> Iterator[Shifts]:
    """Yield a service with a linear strategy, whose second deployment has begun and waits for a hook that takes its time."""
    world = World.virtual(SETTINGS, equip=scripted_equipment)
    made = Shifts(Stack(world))
    made.answer({"hookStatus": "SUCCEEDED"})
    made.serve(
        "LINEAR",
        linearConfiguration={"stepPercent": 40.0, "stepBakeTimeInMinutes": 5},
        lifecycleHooks=[made.hook("POST_SCALE_UP")],
    )
    made.answer({"hookStatus": "IN_PROGRESS", "callBackDelay": 100, "hookDetails": {"run": 7}})
    made.stack.deploy("app:v2")
    made.at("POST_SCALE_UP")
    yield made
    world.close()


def newest(world: World) -> dict[str, Any]:
    ecs = world.administrator("ecs")
    arn = ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"][0]["serviceDeploymentArn"]
    shown: dict[str, Any] = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    return shown


def weights(world: World, rule: str) -> list[int]:
    (shown,) = world.administrator("elbv2").describe_rules(RuleArns=[rule])["Rules"]
    return [group["Weight"] for group in shown["Actions"][0]["ForwardConfig"]["TargetGroups"]]


def test_a_waiting_hook_goes_on(shifts: Shifts, continued: Continue, tmp_path: Path) -> None:
    """A hook that is to be called again is called in the world that continues, with what it returned before."""
    before = newest(shifts.world)
    shifts.world.keep(tmp_path)
    shifts.world.close()
    world = continued(tmp_path)
    assert newest(world) == before
    asked: list[Any] = []

    def answer(event: Any) -> Any:
        asked.append(event)
        return {"hookStatus": "SUCCEEDED"}

    world.functions.register("check", answer)
    world.loop.advance(4000)  # type: ignore[attr-defined]
    assert [event["hookDetails"] for event in asked] == [{"run": 7}]
    assert newest(world)["status"] == "SUCCESSFUL"
    assert weights(world, shifts.production) == [100, 0]


@pytest.mark.parametrize("stop", [False, True])
def test_a_step_between_two_weights_goes_on(shifts: Shifts, continued: Continue, tmp_path: Path, stop: bool) -> None:
    """A world that is kept between two steps shifts the rest, or all of it back."""
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.stack.until(lambda: sorted(weights(shifts.world, shifts.production)) == [40, 60])
    shifts.world.keep(tmp_path)
    shifts.world.close()
    world = continued(tmp_path)
    assert newest(world)["lifecycleStage"] == "PRODUCTION_TRAFFIC_SHIFT"
    if stop:
        world.administrator("ecs").stop_service_deployment(serviceDeploymentArn=newest(world)["serviceDeploymentArn"])
    world.loop.advance(4000)  # type: ignore[attr-defined]
    assert newest(world)["status"] == ("ROLLBACK_SUCCESSFUL" if stop else "SUCCESSFUL")
    assert sorted(weights(world, shifts.production)) == [0, 100]
    assert (
        len(
            world.administrator("ecs").describe_services(cluster="main", services=["app"])["services"][0]["deployments"]
        )
        == 1
    )


def test_an_alarm_goes_on_with_its_data(furnished: World, continued: Continue, tmp_path: Path) -> None:
    """An alarm of a kept world has the data of before, and is evaluated at the next minute."""
    cloudwatch = furnished.administrator("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Namespace="App",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Errors", "Value": 5}])
    furnished.keep(tmp_path)
    furnished.close()
    world = continued(tmp_path)
    world.loop.advance(60 - world.clock.now() % 60)  # type: ignore[attr-defined]
    (alarm,) = world.administrator("cloudwatch").describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"
