"""Mistakes around alarms and traffic shifts with their symptoms as on AWS, each next to the check that reports it before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.emulator.ecs.conftest import Stack
from tests.unit.emulator.ecs.shifts import Shifts

from pushproof.base.clock import VirtualClock
from pushproof.checks.service import ServiceChecks
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World


@pytest.fixture
def shifts() -> Iterator[Shifts]:
    loop = VirtualLoop(VirtualClock(time.time() // 60 * 60))
    with World(WorldSettings(enforce_network=False), loop=loop, equip=scripted_equipment) as world:
        made = Shifts(Stack(world))
        made.stack.runtime.add_image("app:bad", {"healthy-after": 5, "broken-path": "/orders"})
        yield made


def checks(shifts: Shifts) -> ServiceChecks:
    return ServiceChecks(shifts.world.administrator, cluster="main", service="app")


def alarm(shifts: Shifts, group: str, **members: Any) -> None:
    """Put an alarm on five errors of a target group in a minute."""
    parameters: dict[str, Any] = {
        "AlarmName": "errors",
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": [
            {"Name": "LoadBalancer", "Value": shifts.balancer.partition("loadbalancer/")[2]},
            {"Name": "TargetGroup", "Value": group},
        ],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        **members,
    }
    shifts.world.administrator("cloudwatch").put_metric_alarm(**parameters)


ALARMS = {"alarmNames": ["errors"], "enable": True, "rollback": True}


def push_bad(shifts: Shifts) -> str:
    """Deploy the revision whose orders fail, with orders every minute; return how the deployment ended."""
    shifts.stack.deploy("app:bad")
    for _ in range(60):
        if shifts.ended():
            break
        shifts.requests(100, path="/orders")
        shifts.stack.advance(60)
    return str(shifts.newest()["status"])


def test_an_alarm_on_another_group_never_goes_off(shifts: Shifts) -> None:
    """Its metric has no data: it stays INSUFFICIENT_DATA, and the bad revision succeeds. The check has the dimension."""
    alarm(shifts, "targetgroup/gone/0123456789abcdef")
    shifts.serve(alarms=ALARMS)
    assert "TargetGroup targetgroup/gone/0123456789abcdef" in str(checks(shifts).alarms_guard_it())
    assert push_bad(shifts) == "SUCCESSFUL"
    (shown,) = shifts.world.administrator("cloudwatch").describe_alarms()["MetricAlarms"]
    assert shown["StateValue"] == "INSUFFICIENT_DATA"


def test_no_bake_time_gives_an_alarm_no_time(shifts: Shifts) -> None:
    """The deployment has succeeded before the alarm looks. The check says how many minutes it needs; with them it rolls back."""
    alarm(shifts, shifts.green.rsplit(":", 1)[-1], TreatMissingData="notBreaching")
    shifts.serve(alarms=ALARMS, bakeTimeInMinutes=0)
    assert "a bake time of at least 1 minutes" in str(checks(shifts).alarms_guard_it())
    assert push_bad(shifts) == "SUCCESSFUL"
    shifts.stack.deploy("app:v1")
    shifts.end()
    shifts.ecs.update_service(
        cluster="main", service="app", deploymentConfiguration=shifts.configuration("BLUE_GREEN", alarms=ALARMS)
    )
    # The metric of the last minute is not the new revision's.
    shifts.stack.advance(180)
    assert checks(shifts).alarms_guard_it()
    assert push_bad(shifts) == "ROLLBACK_SUCCESSFUL"


def test_a_hook_role_that_cannot_invoke_stops_every_deployment(shifts: Shifts) -> None:
    """Each push rolls back at the hook, whatever the function would say. The check names the permission."""
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.serve()
    shifts.iam.delete_role_policy(RoleName="hooks", PolicyName="own")
    hooked = shifts.configuration("BLUE_GREEN", lifecycleHooks=[shifts.hook("POST_TEST_TRAFFIC_SHIFT")])
    shifts.ecs.update_service(cluster="main", service="app", deploymentConfiguration=hooked)
    assert "lambda:InvokeFunction" in str(checks(shifts).hooks_can_stop_it())
    shifts.stack.deploy("app:v2")
    assert "lambda:InvokeFunction" in shifts.end()["statusReason"]


def test_a_rule_that_terraform_puts_back_stops_the_next_deployment(shifts: Shifts) -> None:
    """An apply that puts both weights into the rule makes ECS roll back. The check counts the groups that serve."""
    shifts.serve()
    assert checks(shifts).both_target_groups_are_wired()
    shifts.elbv2.modify_rule(RuleArn=shifts.production, Actions=[shifts.forward({shifts.blue: 1, shifts.green: 1})])
    assert "one target group with all the weight" in str(checks(shifts).both_target_groups_are_wired())
    shifts.stack.deploy("app:v2")
    assert "found 2 target groups which are serving traffic" in shifts.end()["statusReason"]


def test_a_first_step_of_everything_meets_everybody(shifts: Shifts) -> None:
    """Blue/green shows a bad revision to all users at once, a canary to its share. The check has both numbers."""
    shifts.serve()
    assert "BLUE_GREEN: 100 %" in str(checks(shifts).shifts_no_more_than(10))
    shifts.ecs.update_service(
        cluster="main",
        service="app",
        deploymentConfiguration=shifts.configuration("CANARY", canaryConfiguration={"canaryPercent": 10.0}),
    )
    assert checks(shifts).shifts_no_more_than(10)
    shifts.stack.deploy("app:bad")
    shifts.stack.until(lambda: shifts.weights()[shifts.green] == 10)
    served = shifts.requests(200, path="/orders")
    assert sum(count for (_, status), count in served.items() if status >= 500) == 20
