"""Alarms over rolling updates, and their bake time.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.deployment import (
    Alarms,
    CircuitBreaker,
    DeploymentConfiguration,
    DeploymentSettings,
    InvalidDeploymentConfiguration,
    ServiceState,
    TaskScript,
    Timeline,
    create_service,
    simulate,
    stop_service_deployment,
    update_service,
)

NAMES = ("errors", "latency")
START = 1000.0


def configuration(*, rollback: bool = True, bake: int | None = None, breaker: bool = False) -> DeploymentConfiguration:
    return DeploymentConfiguration(
        breaker=CircuitBreaker(enable=breaker, rollback=breaker),
        alarms=Alarms(NAMES, enable=True, rollback=rollback),
        bake_minutes=bake,
    )


def service(parts: DeploymentConfiguration, tuning: DeploymentSettings | None = None) -> ServiceState:
    """Return a service whose first deployment has completed."""
    first = create_service(
        service_arn="arn:aws:ecs:eu-west-1:123456789012:service/c/web",
        cluster_arn="arn:aws:ecs:eu-west-1:123456789012:cluster/c",
        name="web",
        task_definition="web:1",
        desired_count=2,
        now=0.0,
        configuration=parts,
        settings=tuning,
    )
    line = simulate(first, lambda _, __: TaskScript(), until=START)
    assert line.state.record.status == "SUCCESSFUL"
    return line.state


def push(state: ServiceState, states: Callable[[str, float], str], **more: Any) -> Timeline:
    return simulate(
        update_service(state, START, task_definition="web:2"),
        lambda _, __: TaskScript(),
        now=START,
        until=START + 7200,
        alarms=states,
        **more,
    )


def alarm_from(at: float) -> Callable[[str, float], str]:
    return lambda name, now: "ALARM" if name == "errors" and now >= START + at else "OK"


def test_an_alarm_rolls_the_deployment_back() -> None:
    """An alarm that goes off during a deployment fails it, and the last completed revision runs again."""
    line = push(service(configuration()), alarm_from(30))
    record = line.state.record
    assert (record.status, record.alarm_status) == ("ROLLBACK_SUCCESSFUL", "TRIGGERED")
    assert record.triggered_alarms == ("errors",)
    assert line.state.primary.revision.task_definition == "web:1"
    failed, rolling = (
        next(text for text in line.messages() if words in text) for words in ("deployment failed", "rolling back")
    )
    assert failed.endswith("deployment failed: alarm detected.")
    assert rolling == f"(service web) rolling back to deployment {line.state.primary.id}."
    names = [event.detail["eventName"] for event in line.bridge if event.detail_type == "ECS Deployment State Change"]
    assert names == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
    ]


def test_without_rollback_the_deployment_stops() -> None:
    """A deployment that an alarm fails stays, with `rollback` off, as it is, whatever the circuit breaker's own flag says."""
    line = push(service(configuration(rollback=False, breaker=True)), alarm_from(30))
    assert line.state.record.status == "STOPPED"
    assert line.state.primary.rollout_state == "FAILED"
    assert line.state.record.breaker_status == "MONITORING_COMPLETE"


def test_an_alarm_that_already_is_off_counts_for_nothing() -> None:
    """Alarms count for nothing in a deployment at whose start one of them is in ALARM."""
    line = push(service(configuration()), lambda name, _: "ALARM" if name == "latency" else "OK")
    assert (line.state.record.status, line.state.record.alarm_status) == ("SUCCESSFUL", "DISABLED")

    def both(name: str, now: float) -> str:
        return "ALARM" if name == "latency" or now > START + 30 else "OK"

    again = push(service(configuration()), both)
    assert again.state.record.status == "SUCCESSFUL"


def test_an_alarm_before_the_first_running_task_is_not_seen() -> None:
    """Alarms are watched from the first running task of the new revision."""
    line = push(service(configuration()), lambda _, now: "ALARM" if START < now < START + 19 else "OK")
    assert line.state.record.status == "SUCCESSFUL"


@pytest.mark.parametrize(("given_minutes", "expected"), [(None, 60.0), (0, 0.0), (3, 180.0)])
def test_the_bake_time_keeps_a_deployment_in_progress(given_minutes: int | None, expected: float) -> None:
    """A deployment with alarms completes its bake time after its tasks are healthy and the others gone."""
    plain = push(service(DeploymentConfiguration()), alarm_from(10**9))
    baking = push(service(configuration(bake=given_minutes)), alarm_from(10**9))
    ends = [line.state.record.finished_at for line in (plain, baking)]
    assert (ends[1] or 0) - (ends[0] or 0) == pytest.approx(expected)


def test_an_alarm_in_the_bake_time_brings_back_tasks_that_are_gone() -> None:
    """An alarm in the bake time rolls back although the previous tasks have already stopped."""
    line = push(service(configuration(bake=10)), alarm_from(400))
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"
    assert line.state.primary.revision.task_definition == "web:1"
    assert len(line.state.tasks) == 2


def test_an_alarm_after_the_deployment_is_not_its_own() -> None:
    """Alarms of a deployment that has ended are complete, and fail nothing any more."""
    line = push(service(configuration(bake=0)), alarm_from(600))
    assert (line.state.record.status, line.state.record.alarm_status) == ("SUCCESSFUL", "MONITORING_COMPLETE")


def test_a_stop_ends_the_watch() -> None:
    """A deployment that a person stops is rolled back once, and its alarms no longer count."""

    def stop(state: ServiceState, now: float) -> Any:
        return stop_service_deployment(state, now, state.record.arn)

    line = push(service(configuration()), alarm_from(35), changes=[(START + 31, stop)])
    assert (line.state.record.status, line.state.record.alarm_status) == ("ROLLBACK_SUCCESSFUL", "MONITORING_COMPLETE")
    assert sum("rolling back" in text for text in line.messages()) == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"alarms": {"alarmNames": [], "enable": True, "rollback": True}}, "alarmNames"),
        ({"alarms": {"alarmNames": "errors", "enable": True, "rollback": True}}, "alarmNames"),
        ({"alarms": {"alarmNames": ["a"], "enable": "yes", "rollback": True}}, "enable"),
        ({"bakeTimeInMinutes": -1}, "bakeTimeInMinutes"),
        ({"bakeTimeInMinutes": 1441}, "bakeTimeInMinutes"),
    ],
)
def test_malformed_alarms_and_bake_times_are_refused(document: dict[str, Any], words: str) -> None:
    """The refusal names the member."""
    with pytest.raises(InvalidDeploymentConfiguration, match=words):
        DeploymentConfiguration.parse(document)


@settings(max_examples=300, deadline=None)
@given(st.floats(0.0, 900.0), st.booleans(), st.sampled_from([None, 0, 1, 5]), st.integers(0, 4))
def test_an_alarm_is_answered_whenever_it_goes_off(at: float, rollback: bool, bake: int | None, desired: int) -> None:
    """An alarm either fails the deployment in progress, or comes too late and changes nothing."""
    state = service(configuration(rollback=rollback, bake=bake))
    state.desired_count = desired
    line = push(state, alarm_from(at))
    record = line.state.record
    if record.alarm_status == "TRIGGERED":
        assert record.status == ("ROLLBACK_SUCCESSFUL" if rollback else "STOPPED")
        assert line.state.primary.revision.task_definition == ("web:1" if rollback else "web:2")
    else:
        assert record.status == "SUCCESSFUL"
        assert record.alarm_status in ("MONITORING_COMPLETE", "DISABLED")
    healthy = [len(deployment.groups["HEALTHY"]) for deployment in line.state.deployments]
    if rollback or record.status == "SUCCESSFUL":
        assert healthy == [desired]
