"""Deployment alarms through the API, on alarms of the world's CloudWatch.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pushproof.emulator.services.ecs import alarming

ALARMS = {"alarmNames": ["errors"], "enable": True, "rollback": True}


@pytest.fixture
def alarmed(stack: Any) -> Any:
    """Yield a service with an alarm, whose first deployment has completed."""
    stack.cloudwatch = stack.world.administrator("cloudwatch")
    stack.cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Namespace="App",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    stack.good = stack.define("app:v1")
    stack.serve(stack.good, deploymentConfiguration={"alarms": ALARMS})
    stack.settle()
    return stack


def alarm(stack: Any, state: str = "ALARM") -> None:
    stack.cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="test")


def newest(stack: Any) -> dict[str, Any]:
    arns = stack.ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"]
    shown: dict[str, Any] = stack.ecs.describe_service_deployments(
        serviceDeploymentArns=[arns[0]["serviceDeploymentArn"]]
    )["serviceDeployments"][0]
    return shown


def test_an_alarm_rolls_the_service_back(alarmed: Any) -> None:
    """SetAlarmState on an alarm of the deployment brings the former revision back, and every record says so."""
    alarmed.deploy("app:v2")
    alarmed.advance(30)
    assert newest(alarmed)["alarms"] == {"status": "MONITORING", "alarmNames": ["errors"], "triggeredAlarmNames": []}
    alarm(alarmed)
    alarmed.settle()
    shown = newest(alarmed)
    assert shown["status"] == "ROLLBACK_SUCCESSFUL"
    assert shown["alarms"] == {"status": "TRIGGERED", "alarmNames": ["errors"], "triggeredAlarmNames": ["errors"]}
    assert shown["deploymentConfiguration"]["alarms"] == ALARMS
    assert shown["rollback"]["reason"] == shown["statusReason"]
    assert alarmed.service()["taskDefinition"] == alarmed.good
    assert any("deployment failed: alarm detected." in text for text in alarmed.messages())
    failed = [event for event in alarmed.announced("ECS Deployment State Change") if event["eventType"] == "ERROR"]
    assert [event["eventName"] for event in failed] == ["SERVICE_DEPLOYMENT_FAILED"]


def test_a_deployment_bakes_before_it_completes(alarmed: Any) -> None:
    """A deployment with alarms whose tasks are healthy stays IN_PROGRESS for the time that its alarms look back."""
    alarmed.deploy("app:v2")
    alarmed.until(lambda: len(alarmed.service()["deployments"]) == 1)
    assert alarmed.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert alarmed.settle() == pytest.approx(120, abs=1)


def test_an_alarm_that_is_off_already_stops_nothing(alarmed: Any) -> None:
    """A deployment that begins under an alarm completes."""
    alarm(alarmed)
    alarmed.deploy("app:v2")
    alarmed.settle()
    assert (newest(alarmed)["status"], newest(alarmed)["alarms"]["status"]) == ("SUCCESSFUL", "DISABLED")


def test_a_look_that_fails_misses_an_alarm(alarmed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttled DescribeAlarms sees nothing; the next look does, and the deployment goes on until then."""
    readings = alarming._readings
    failures = [0]

    def throttled(*arguments: Any) -> Any:
        failures[0] += 1
        if failures[0] <= 3:
            raise RuntimeError("Rate exceeded")
        return readings(*arguments)

    alarmed.deploy("app:v2")
    monkeypatch.setattr(alarming, "_readings", throttled)
    alarm(alarmed)
    alarmed.settle()
    assert newest(alarmed)["status"] == "ROLLBACK_SUCCESSFUL"
    assert failures[0] == 4


def test_alarms_that_do_not_exist_are_refused(
    alarmed: Any, code: Callable[[Callable[[], Any]], tuple[str, str]]
) -> None:
    """The refusal names them, and leaves the service as it was."""
    before = alarmed.service()
    refused = code(
        lambda: alarmed.ecs.update_service(
            cluster="main",
            service="app",
            deploymentConfiguration={"alarms": {**ALARMS, "alarmNames": ["errors", "gone"]}},
        )
    )
    assert refused == ("InvalidParameterException", "The following CloudWatch alarms do not exist: gone.")
    assert alarmed.service() == before
