"""Alarms that follow metrics: those that callers put, and those of real requests and targets.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.emulator.ecs.conftest import Stack

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.runtime.loadbalancer import ScriptedLoadBalancer
from pushproof.emulator.world import World
from pushproof.engines.loadbalancing import HttpRequest


@pytest.fixture
def world() -> Iterator[World]:
    with World(
        WorldSettings(enforce_network=False),
        loop=VirtualLoop(VirtualClock(time.time() // 60 * 60)),
        equip=scripted_equipment,
    ) as made:
        yield made


@pytest.fixture
def stack(world: World) -> Stack:
    return Stack(world)


def advance(world: World, seconds: float) -> None:
    world.loop.advance(seconds)  # type: ignore[attr-defined]


def put(world: World, **members: Any) -> None:
    parameters: dict[str, Any] = {
        "AlarmName": "errors",
        "Namespace": "App",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "Service", "Value": "shop"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        **members,
    }
    world.administrator("cloudwatch").put_metric_alarm(**parameters)


def count(world: World, value: float, **members: Any) -> None:
    datum = {"MetricName": "Errors", "Dimensions": [{"Name": "Service", "Value": "shop"}], "Value": value, **members}
    world.administrator("cloudwatch").put_metric_data(Namespace="App", MetricData=[datum])


def state(world: World, name: str = "errors") -> str:
    (alarm,) = world.administrator("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def changes(world: World) -> list[tuple[str, str]]:
    return [
        (event.envelope["detail"]["previousState"]["value"], event.envelope["detail"]["state"]["value"])  # type: ignore[index]
        for event in world.bus.history
        if event.envelope["detail-type"] == "CloudWatch Alarm State Change"
    ]


def test_an_alarm_follows_its_metric(world: World) -> None:
    """An alarm begins without data, and takes the state of each minute; every change is an event."""
    put(world)
    assert state(world) == "INSUFFICIENT_DATA"
    count(world, 2)
    advance(world, 61)
    assert state(world) == "OK"
    count(world, 2)
    count(world, 1)
    advance(world, 60)
    assert state(world) == "ALARM"
    advance(world, 300)
    assert state(world) == "INSUFFICIENT_DATA"
    assert changes(world) == [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "INSUFFICIENT_DATA")]


def test_other_dimensions_are_another_metric(world: World) -> None:
    """Data of another service changes nothing."""
    put(world, TreatMissingData="notBreaching")
    count(world, 50, Dimensions=[{"Name": "Service", "Value": "other"}])
    advance(world, 120)
    assert state(world) == "OK"


def test_two_of_three_points_suffice(world: World) -> None:
    """DatapointsToAlarm of the evaluation periods raise the alarm."""
    put(world, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching")
    for value in (5, 0, 5):
        count(world, value)
        advance(world, 60)
    advance(world, 1)
    assert state(world) == "ALARM"


def test_a_percentile_of_values_with_counts(world: World) -> None:
    """ExtendedStatistic is computed from the values that were sent."""
    world.administrator("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        Namespace="App",
        MetricName="Errors",
        Dimensions=[{"Name": "Service", "Value": "shop"}],
        ExtendedStatistic="p90",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.administrator("cloudwatch").put_metric_data(
        Namespace="App",
        MetricData=[
            {
                "MetricName": "Errors",
                "Dimensions": [{"Name": "Service", "Value": "shop"}],
                "Values": [0.1, 4.0],
                "Counts": [95, 5],
            }
        ],
    )
    advance(world, 61)
    assert state(world) == "OK"


def test_a_changed_alarm_keeps_its_state(world: World) -> None:
    """PutMetricAlarm on an alarm that there is leaves its state unchanged, and SetAlarmState holds until the next evaluation."""
    put(world, TreatMissingData="ignore")
    world.administrator("cloudwatch").set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    put(world, TreatMissingData="ignore", Threshold=7)
    assert state(world) == "ALARM"
    advance(world, 600)
    assert state(world) == "ALARM"
    world.administrator("cloudwatch").delete_alarms(AlarmNames=["errors"])
    put(world)
    assert state(world) == "INSUFFICIENT_DATA"


def test_an_alarm_on_a_rate_follows_both_metrics(world: World) -> None:
    """Metric math over metrics and other expressions is computed for each period; FILL stands in for what is missing."""

    def query(identifier: str, name: str) -> dict[str, Any]:
        metric = {"Namespace": "App", "MetricName": name, "Dimensions": [{"Name": "Service", "Value": "shop"}]}
        return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    world.administrator("cloudwatch").put_metric_alarm(
        AlarmName="rate",
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[
            {"Id": "rate", "Expression": "100 * share", "ReturnData": True},
            {"Id": "share", "Expression": "FILL(m1, 0) / m2", "ReturnData": False},
            query("m1", "Errors"),
            query("m2", "Requests"),
        ],
    )
    count(world, 200, MetricName="Requests")
    advance(world, 61)
    assert state(world, "rate") == "OK"
    count(world, 200, MetricName="Requests")
    count(world, 11)
    advance(world, 60)
    assert state(world, "rate") == "ALARM"


def test_an_alarm_that_is_not_computed_stays_as_it_was_set(world: World) -> None:
    """A function over time is stored, and its alarm changes by SetAlarmState only."""
    world.administrator("cloudwatch").put_metric_alarm(
        AlarmName="rate",
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[{"Id": "e1", "Expression": "RATE(m1)", "ReturnData": True}],
    )
    advance(world, 300)
    assert state(world, "rate") == "INSUFFICIENT_DATA"


def test_metrics_of_a_load_balancer_are_those_of_its_requests(stack: Stack) -> None:
    """Requests, their statuses and times, and the health of targets become the metrics of the balancer and its target group."""
    world, plane = stack.world, stack.world.balancer
    assert isinstance(plane, ScriptedLoadBalancer)
    stack.runtime.add_image("app:v1", {"broken-path": "/orders"})
    group = stack.target_group()
    stack.serve(stack.define("app:v1"), group=group)
    stack.settle()
    cloudwatch = world.administrator("cloudwatch")
    balancer = stack.elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"].split("loadbalancer/")[1]
    whole = [{"Name": "LoadBalancer", "Value": balancer}]
    part = [{"Name": "TargetGroup", "Value": group.rsplit(":", 1)[-1]}, *whole]
    put(
        world,
        AlarmName="5xx",
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_Target_5XX_Count",
        Dimensions=part,
        TreatMissingData="notBreaching",
    )
    advance(world, 120)
    assert state(world, "5xx") == "OK"
    advance(world, 60 - world.clock.now() % 60 + 1)
    (listener,) = plane.listeners.values()
    for path in ["/"] * 7 + ["/orders"] * 3:
        plane.send(listener.address, 80, HttpRequest("HTTP", "GET", "shop", 80, path, "", "10.0.0.1"))
    advance(world, 60)
    assert state(world, "5xx") == "ALARM"

    def total(name: str, dimensions: list[dict[str, str]], kind: str = "Sum") -> list[float]:
        now = world.clock.stamp(world.clock.now())
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - datetime.timedelta(seconds=120),
            EndTime=now,
            Period=120,
            Statistics=[kind],
        )
        return [point[kind] for point in answer["Datapoints"]]

    assert total("RequestCount", whole) == [10]
    assert total("RequestCount", part) == [10]
    assert total("HTTPCode_Target_5XX_Count", whole) == [3]
    assert total("HTTPCode_Target_2XX_Count", part) == [7]
    assert total("HTTPCode_ELB_5XX_Count", whole) == []
    assert total("HealthyHostCount", part, "Maximum") == [2]
    assert total("UnHealthyHostCount", part, "Maximum") == [0]
    assert total("TargetResponseTime", part, "SampleCount") == [10]


def test_an_answer_of_the_balancer_itself_is_no_target_s(stack: Stack) -> None:
    """Requests that no target can take count as the load balancer's own errors."""
    plane = stack.world.balancer
    assert isinstance(plane, ScriptedLoadBalancer)
    stack.target_group()
    (listener,) = plane.listeners.values()
    request = HttpRequest("HTTP", "GET", "shop", 80, "/", "", "10.0.0.1")
    assert plane.send(listener.address, 80, request).status == 503
    advance(stack.world, 120)
    cloudwatch = stack.world.administrator("cloudwatch")
    names = {metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace="AWS/ApplicationELB")["Metrics"]}
    assert "HTTPCode_ELB_5XX_Count" in names
    assert "HTTPCode_Target_5XX_Count" not in names
