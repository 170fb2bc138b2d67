"""Deployments from their creation to their end.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-ecs.html
"""

from __future__ import annotations

import pytest
from tests.unit.engines.codedeploy.course import START, Service

from pushproof.engines.codedeploy import (
    HOOKED,
    PREDEFINED,
    ROLLBACK_CAUSES,
    CodeDeployError,
    ContinueRequested,
    CreateTaskSet,
    HookReported,
    Plan,
    Problem,
    ShiftTraffic,
    StopRequested,
)

ALL_CAUSES = frozenset(ROLLBACK_CAUSES)
CANARY = PREDEFINED["CodeDeployDefault.ECSCanary10Percent5Minutes"]
LINEAR = PREDEFINED["CodeDeployDefault.ECSLinear10PercentEvery3Minutes"]


def test_a_deployment_replaces_the_task_set() -> None:
    """All traffic moves to the new task set, which becomes primary, and the original one goes after the wait."""
    service = Service()
    deployment = service.deploy(Plan(termination_minutes=5))
    service.run(lambda: deployment.stage == "TerminationWait" and deployment.entered)
    assert (service.production["blue"], service.primary != "blue") == (0, True)
    assert deployment.waits_for_termination
    at = service.now
    service.run()
    assert deployment.status == "Succeeded"
    assert service.now - at == pytest.approx(300, abs=5)
    assert service.task_sets == [deployment.replacement]
    assert [(event.name, event.status) for event in deployment.events] == [
        (name, "Succeeded")
        for name in (
            "BeforeInstall",
            "Install",
            "AfterInstall",
            "BeforeAllowTraffic",
            "AllowTraffic",
            "AfterAllowTraffic",
        )
    ]
    assert service.announced == [("d-0", "START"), ("d-0", "SUCCESS")]


def test_hooks_run_in_order() -> None:
    """Each function runs once, at its event; test traffic has moved before AfterAllowTestTraffic."""
    service = Service()
    service.deploy(Plan(hooks=dict.fromkeys(HOOKED, "check"), tests=True))
    service.run()
    assert tuple(event for event, _ in service.asked) == HOOKED
    assert service.test == service.primary != "blue"


def test_a_canary_waits_between_two_shifts() -> None:
    """Ten percent for five minutes, then all."""
    service = Service()
    service.deploy(Plan(CANARY))
    service.run()
    (first, ten), (second, hundred) = service.shifts
    assert (ten, hundred) == (10, 100)
    assert second - first == pytest.approx(300, abs=2)


def test_a_linear_deployment_moves_in_equal_steps() -> None:
    """Ten percent every three minutes until all traffic has moved."""
    service = Service()
    service.deploy(Plan(LINEAR))
    service.run()
    assert [weight for _, weight in service.shifts] == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert service.shifts[-1][0] - service.shifts[0][0] == pytest.approx(9 * 180, abs=15)


@pytest.mark.parametrize("event", HOOKED)
def test_a_failed_hook_takes_everything_back(event: str) -> None:
    """The rollback is a deployment of its own, whichever function fails; then the original task set serves alone."""
    service = Service(hooks=lambda name: (5.0, name != event))
    deployment = service.deploy(
        Plan(hooks={event: "check"}, tests=True, rolls_back_on=ALL_CAUSES, termination_minutes=60)
    )
    service.run()
    assert deployment.status == "Failed"
    assert deployment.problem == Problem(
        "HOOK_EXECUTION_FAILURE",
        "The deployment failed because one or more of the lifecycle event validation functions failed.",
    )
    back = service.deployments[1]
    assert (deployment.rolled_back_by, back.rolls_back, back.status) == (back.id, deployment.id, "Succeeded")
    assert (service.task_sets, service.primary, service.production["blue"], service.test) == (
        ["blue"],
        "blue",
        100,
        "blue",
    )
    assert service.announced == [("d-0", "START"), ("d-0", "FAILURE"), ("d-1", "START"), ("d-1", "SUCCESS")]


def test_without_automatic_rollback_a_failure_stays() -> None:
    """A failure without that configuration leaves production where it was, and the next deployment clears up."""
    service = Service(hooks=lambda name: (5.0, name != "BeforeAllowTraffic"))
    deployment = service.deploy(Plan(hooks={"BeforeAllowTraffic": "check"}))
    service.run()
    assert (deployment.status, len(service.deployments), len(service.task_sets)) == ("Failed", 1, 2)
    assert service.production == {"blue": 100}
    again = service.deploy(Plan())
    service.run()
    assert again.status == "Succeeded"
    assert service.task_sets == [again.replacement] == [service.primary]


def test_a_replacement_that_stays_unhealthy_fails_after_an_hour() -> None:
    """The documented time-out of the Install event, with its text."""
    service = Service(steady_after=None)
    deployment = service.deploy(Plan(rolls_back_on=ALL_CAUSES))
    service.run()
    assert deployment.problem == Problem(
        "TIMEOUT",
        "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 "
        "minutes.",
    )
    assert deployment.completed_at == pytest.approx(START + 3600, abs=30)
    assert (service.task_sets, service.shifts) == (["blue"], [])


def test_a_function_that_never_reports_fails_after_an_hour() -> None:
    """The documented time-out of hooks, with its text."""
    service = Service(hooks=lambda _: None)
    deployment = service.deploy(Plan(hooks={"AfterInstall": "check"}))
    service.run()
    assert deployment.problem is not None
    assert deployment.problem.message == (
        "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one hour "
        "after a deployment hook is invoked."
    )


def test_an_alarm_stops_a_canary() -> None:
    """An alarm during the canary's wait stops the deployment, and the rollback takes the ten percent back."""
    service = Service(alarm_at=START + 150)
    deployment = service.deploy(Plan(CANARY, alarms=("errors",), rolls_back_on=ALL_CAUSES))
    service.run()
    assert (deployment.status, deployment.problem and deployment.problem.code) == ("Stopped", "ALARM_ACTIVE")
    assert deployment.problem is not None
    assert deployment.problem.message.endswith("Activated alarms: <errors>")
    assert [weight for _, weight in service.shifts] == [10, 0]
    assert service.task_sets == ["blue"]


def test_an_alarm_during_the_wait_for_termination_brings_the_original_back() -> None:
    """While the original task set still runs, an alarm makes it the primary one again."""
    service = Service(alarm_at=START + 600)
    service.deploy(Plan(alarms=("errors",), rolls_back_on=ALL_CAUSES, termination_minutes=60))
    service.run()
    assert (service.primary, service.task_sets, service.production["blue"]) == ("blue", ["blue"], 100)


def test_a_deployment_waits_until_it_is_continued() -> None:
    """A deployment with STOP_DEPLOYMENT is Ready, and production traffic moves only after ContinueDeployment."""
    service = Service()
    deployment = service.deploy(Plan(ready_minutes=30))
    with pytest.raises(CodeDeployError, match="not have a status of Ready"):
        service.send(deployment, ContinueRequested())
    service.run(lambda: deployment.status == "Ready")
    assert service.shifts == []
    service.send(deployment, ContinueRequested())
    service.run()
    assert deployment.status == "Succeeded"
    assert service.announced == [("d-0", "START"), ("d-0", "READY"), ("d-0", "SUCCESS")]


def test_a_deployment_that_nobody_continues_is_stopped() -> None:
    """Its status is Stopped after the wait time, with the documented text."""
    service = Service()
    deployment = service.deploy(Plan(ready_minutes=30))
    service.run()
    assert deployment.status == "Stopped"
    assert deployment.problem is not None
    assert deployment.problem.message == (
        "The deployment timed out while waiting for a notification to continue. This time out period is 30 minutes."
    )


def test_the_wait_for_termination_can_be_ended() -> None:
    """ContinueDeployment with TERMINATION_WAIT ends the original task set at once."""
    service = Service()
    deployment = service.deploy(Plan(termination_minutes=2880))
    service.run(lambda: deployment.stage == "TerminationWait" and deployment.entered)
    at = service.now
    service.send(deployment, ContinueRequested("TERMINATION_WAIT"))
    service.run(lambda: deployment.ended)
    assert deployment.status == "Succeeded"
    assert service.now - at < 10


@pytest.mark.parametrize(
    ("asked", "configured", "rolls_back"),
    [(True, False, True), (None, True, True), (None, False, False), (False, True, False)],
)
def test_a_stop_rolls_back_as_it_says(asked: bool | None, configured: bool, rolls_back: bool) -> None:
    """StopDeployment's own word comes before the configuration of the group."""
    service = Service()
    deployment = service.deploy(Plan(CANARY, rolls_back_on=ALL_CAUSES if configured else frozenset()))
    service.run(lambda: deployment.production == 10)
    service.send(deployment, StopRequested(asked))
    service.run()
    assert deployment.status == "Stopped"
    assert (len(service.deployments) == 2) is rolls_back
    assert service.production["blue"] == (100 if rolls_back else 90)
    with pytest.raises(CodeDeployError, match="already complete"):
        service.send(deployment, StopRequested())


def test_a_stop_waits_for_the_call_on_its_way() -> None:
    """A task set that is being created when the deployment is stopped is known to the rollback, and removed."""
    service = Service(delay=30.0)
    deployment = service.deploy(Plan())
    service.run(lambda: deployment.stage == "Install" and deployment.waiting_for != "")
    service.send(deployment, StopRequested(True))
    assert deployment.status == "InProgress"
    service.run()
    assert deployment.status == "Stopped"
    assert service.task_sets == ["blue"]


def test_a_refused_call_fails_the_deployment_with_its_reason() -> None:
    """A problem of ECS ends the deployment; a rollback without a replacement changes no traffic."""
    problem = Problem("ECS_UPDATE_ERROR", "no")
    service = Service(refuse=lambda order: problem if isinstance(order, CreateTaskSet) else None)
    deployment = service.deploy(Plan(rolls_back_on=ALL_CAUSES))
    service.run()
    assert (deployment.status, deployment.problem) == ("Failed", problem)
    assert service.deployments[1].status == "Succeeded"
    assert service.shifts == []


def test_a_rollback_that_fails_is_not_rolled_back() -> None:
    """Both deployments fail where the load balancer refuses every call."""
    problem = Problem("ELASTIC_LOAD_BALANCING_INVALID", "no")
    service = Service(refuse=lambda order: problem if isinstance(order, ShiftTraffic) else None)
    service.deploy(Plan(rolls_back_on=ALL_CAUSES))
    service.run()
    assert [deployment.status for deployment in service.deployments] == ["Failed", "Failed"]


def test_a_report_is_accepted_once() -> None:
    """A second report of a hook is refused, and so is that of another execution."""
    service = Service(hooks=lambda _: None)
    deployment = service.deploy(Plan(hooks={"BeforeInstall": "check"}))
    service.run(lambda: deployment.hook != "")
    execution = deployment.hook
    with pytest.raises(CodeDeployError):
        service.send(deployment, HookReported("other", True))
    service.send(deployment, HookReported(execution, True))
    with pytest.raises(CodeDeployError):
        service.send(deployment, HookReported(execution, True))
