"""Alarms that follow metrics: those that callers put, and those of real requests and targets.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

import datetime
import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
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


def inbox(world: World) -> list[dict[str, Any]]:
    """Return the messages of a queue that subscribes to a topic."""
    sqs = world.administrator("sqs")
    url = sqs.get_queue_url(QueueName="inbox")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


def subscribed(world: World) -> str:
    """A topic whose messages go to a queue."""
    sns, sqs = world.administrator("sns"), world.administrator("sqs")
    topic: str = sns.create_topic(Name="alarms")["TopicArn"]
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic


def test_an_alarm_sends_its_new_state_to_topics(world: World) -> None:
    """A topic hears of each state that the alarm has it for, in AWS's form; the same state again is no news."""
    topic = subscribed(world)
    put(world, AlarmActions=[topic], AlarmDescription="too many", TreatMissingData="notBreaching")
    count(world, 5)
    advance(world, 61)
    assert state(world) == "ALARM"
    (envelope,) = inbox(world)
    assert envelope["Subject"] == 'ALARM: "errors" in EU (Ireland)'
    message = json.loads(envelope["Message"])
    assert (message["AlarmName"], message["AlarmDescription"]) == ("errors", "too many")
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert message["AlarmActions"] == [topic]
    assert message["Trigger"] == {
        "MetricName": "Errors",
        "Namespace": "App",
        "StatisticType": "Statistic",
        "Statistic": "SUM",
        "Unit": None,
        "Dimensions": [{"value": "shop", "name": "Service"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 3.0,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }
    advance(world, 180)
    assert (state(world), inbox(world)) == ("OK", [])


def test_set_alarm_state_carries_out_the_actions(world: World) -> None:
    """A state that a person sets is told like any other, unless actions are off."""
    topic = subscribed(world)
    put(world, OKActions=[topic], AlarmActions=[topic])
    cloudwatch = world.administrator("cloudwatch")
    for value in ("ALARM", "ALARM", "OK"):
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue=value, StateReason="a person")
        advance(world, 1)
    subjects = [envelope["Subject"].split(":")[0] for envelope in inbox(world)]
    assert sorted(subjects) == ["ALARM", "OK"]
    put(world, AlarmActions=[topic], ActionsEnabled=False)
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a person")
    advance(world, 1)
    assert inbox(world) == []


def test_a_topic_whose_policy_does_not_admit_cloudwatch_hears_nothing(world: World) -> None:
    """A topic's own policy decides: without CloudWatch in it, no message comes."""
    topic = subscribed(world)
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    sns, cloudwatch = world.administrator("sns"), world.administrator("cloudwatch")
    put(world, AlarmActions=[topic])
    for principal, heard in (("events.amazonaws.com", 0), ("cloudwatch.amazonaws.com", 1)):
        statement["Principal"] = {"Service": principal}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="a person")
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a person")
        advance(world, 1)
        assert len(inbox(world)) == heard


def test_an_alarm_invokes_functions_that_admit_it(world: World) -> None:
    """A function gets the alarm and its states if its policy admits alarms."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = world.administrator("iam").create_role(RoleName="f", AssumeRolePolicyDocument=json.dumps(trust))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "")
    client = world.administrator("lambda")
    arn = client.create_function(
        FunctionName="react",
        Runtime="python3.12",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": content.getvalue()},
    )["FunctionArn"]
    events: list[Any] = []
    world.functions.register("react", events.append)
    put(world, AlarmActions=[arn])
    cloudwatch = world.administrator("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a person")
    advance(world, 1)
    assert events == []
    client.add_permission(
        FunctionName="react",
        StatementId="alarms",
        Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com",
    )
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="a person")
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a person")
    advance(world, 1)
    assert [event["alarmData"]["state"]["value"] for event in events] == ["ALARM"]


def test_actions_that_do_not_happen_here_are_refused_by_name(world: World) -> None:
    """A text that is no ARN is refused in AWS's words, and an action that nothing here carries out by the name of its kind."""
    with pytest.raises(ClientError, match="Invalid arn syntax: nobody"):
        put(world, AlarmActions=["nobody"])
    with pytest.raises(ClientError, match=r"NotImplemented.*OKActions of automate"):
        put(world, OKActions=["arn:aws:automate:eu-west-1:ec2:stop"])
