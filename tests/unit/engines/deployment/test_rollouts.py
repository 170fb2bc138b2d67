"""Rolling deployments from start to finish, against scripted worlds.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from pushproof.engines.deployment import (
    CircuitBreaker,
    DeploymentConfiguration,
    DeploymentSettings,
    EarlySuccess,
    FailureThreshold,
    InvalidDeploymentConfiguration,
    LoadBalancer,
    ServiceDeploymentConflict,
    ServiceDeploymentNotFound,
    ServiceState,
    StartTask,
    StopTask,
    TargetHealthChanged,
    TaskHealthChanged,
    TaskNotPlaced,
    TaskRunning,
    TaskScript,
    TaskStopped,
    Timeline,
    create_service,
    decide,
    delete_service,
    listed,
    simulate,
    stop_service_deployment,
    update_service,
)

GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1"
BALANCER = LoadBalancer(GROUP, "web", 8080)
BREAKER = CircuitBreaker(enable=True, rollback=True)

GOOD = TaskScript()
NEVER_HEALTHY = TaskScript(target_healthy_after=None, target_unhealthy_after=90.0)
CRASHES = TaskScript(target_healthy_after=None, exits_after=2.0)
NO_IMAGE = TaskScript(start_failure="CannotPullContainerError: not found")


def create(desired: int = 2, **parts: Any) -> Any:
    parts.setdefault("load_balancers", [BALANCER])
    parts.setdefault("configuration", DeploymentConfiguration(breaker=BREAKER))
    return create_service(
        service_arn="arn:aws:ecs:eu-west-1:123456789012:service/c/web",
        cluster_arn="arn:aws:ecs:eu-west-1:123456789012:cluster/c",
        name="web",
        task_definition="web:1",
        desired_count=desired,
        now=0.0,
        **parts,
    )


def by_revision(**scripts: TaskScript) -> Callable[[StartTask, float], TaskScript]:
    """Scripts by task definition: `v1=GOOD` is `web:1`."""
    return lambda action, _: scripts[action.task_definition.replace("web:", "v")]


def running(desired: int = 2, **parts: Any) -> ServiceState:
    """A service whose first deployment has completed."""
    line = simulate(create(desired, **parts), by_revision(v1=GOOD), until=1000.0)
    assert line.state.primary.rollout_state == "COMPLETED"
    return line.state


def deploy(state: ServiceState, script: TaskScript, **parts: Any) -> Timeline:
    return simulate(
        update_service(state, 1000.0, task_definition="web:2"), by_revision(v1=GOOD, v2=script), now=1000.0, **parts
    )


def names(line: Timeline) -> list[str]:
    return [event.detail["eventName"] for event in line.bridge]


def plain(line: Timeline) -> list[str]:
    """Event messages without ids."""
    return [re.sub(r"[0-9a-f]{32}", "T", re.sub(r"ecs-svc/\d{19}", "D", text)) for text in line.messages()]


def test_first_deployment_tells_the_story_aws_tells() -> None:
    """A good first deployment: started, registered, completed, steady, in AWS's words and order."""
    line = simulate(create(), by_revision(v1=GOOD))
    assert plain(line) == [
        "(service web) has started 2 tasks: (task T) (task T).",
        f"(service web) registered 2 targets in (target-group {GROUP})",
        "(service web) (deployment D) deployment completed.",
        "(service web) has reached a steady state.",
    ]
    assert names(line) == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_STEADY_STATE"]
    assert line.state.record.status == "SUCCESSFUL"
    assert line.state.record.breaker_status == "MONITORING_COMPLETE"


def test_good_rollout_replaces_every_task_after_its_successor_is_healthy() -> None:
    """The new tasks start first at 100/200, then the old ones drain and stop, then the deployment completes."""
    line = deploy(running(), GOOD, drain_seconds=300.0)
    assert plain(line) == [
        "(service web) has started 2 tasks: (task T) (task T).",
        f"(service web) registered 2 targets in (target-group {GROUP})",
        "(service web) has begun draining connections on 2 tasks.",
        f"(service web) deregistered 2 targets in (target-group {GROUP})",
        "(service web) has stopped 2 running tasks: (task T) (task T).",
        "(service web) (deployment D) deployment completed.",
        "(service web) has reached a steady state.",
    ]
    assert line.events[-1].at - line.events[2].at == pytest.approx(300.0 + GOOD.stop_seconds)
    assert max(sample.active for sample in line.samples) == 4
    assert min(sample.healthy for sample in line.samples) == 2
    assert [deployment.status for deployment in listed(line.state)] == ["PRIMARY"]
    assert all(task.revision.task_definition == "web:2" for task in line.state.tasks.values())


@pytest.mark.parametrize(
    ("script", "failures"),
    [(NEVER_HEALTHY, 3), (CRASHES, 3), (NO_IMAGE, 3)],
    ids=["health checks fail", "exits at start", "image cannot be pulled"],
)
def test_bad_rollout_rolls_back_to_the_last_completed_deployment(script: TaskScript, failures: int) -> None:
    """The deployment fails at the threshold (desired 2: three), and the previous one becomes primary and completes."""
    state = running()
    good = state.primary.id
    line = deploy(state, script)
    bad = next(event.detail["deploymentId"] for event in line.bridge if event.detail["eventName"].endswith("FAILED"))
    assert names(line) == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        *(["SERVICE_TASK_START_IMPAIRED"] if script is NO_IMAGE else []),
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_STEADY_STATE",
    ]
    reasons = [event.detail.get("reason") for event in line.bridge if event.detail["eventName"].startswith("SERVICE_D")]
    assert reasons == [
        f"ECS deployment {bad} in progress.",
        "ECS deployment circuit breaker: tasks failed to start.",
        f"ECS deployment circuit breaker: rolling back to deploymentId {good}.",
        f"ECS deployment {good} completed.",
    ]
    messages = line.messages()
    failed = messages.index(f"(service web) (deployment {bad}) deployment failed: tasks failed to start.")
    assert messages[failed + 1] == f"(service web) rolling back to deployment {good}."
    assert min(sample.healthy for sample in line.samples) == 2
    record = line.state.record
    assert (record.status, record.breaker_status, record.failure_count) == (
        "ROLLBACK_SUCCESSFUL",
        "TRIGGERED",
        failures,
    )
    assert record.rollback is not None
    assert record.rollback.revision_arn == line.state.primary.revision.arn
    assert line.state.primary.id == good
    assert [deployment.rollout_state for deployment in listed(line.state)] == ["COMPLETED"]


def test_exits_before_healthy_count_only_where_the_setting_says_so() -> None:
    """Tasks that crash after RUNNING never trip the breaker if count_exit_before_healthy is off."""
    state = running(settings=DeploymentSettings(count_exit_before_healthy=False))
    line = deploy(state, CRASHES, until=4000.0)
    assert not line.exhausted
    assert line.state.primary.rollout_state == "IN_PROGRESS"
    assert line.state.primary.failed_tasks == 0


def test_without_a_completed_deployment_a_failed_one_stalls() -> None:
    """The first deployment has nothing to roll back to: it is FAILED, starts nothing more, and announces only the failure."""
    line = simulate(create(), by_revision(v1=NO_IMAGE))
    assert names(line)[-1] == "SERVICE_DEPLOYMENT_FAILED"
    assert line.state.primary.rollout_state == "FAILED"
    assert line.state.record.status == "ROLLBACK_FAILED"
    assert line.exhausted
    assert line.started == 4


def test_deployment_during_a_rollback_has_nothing_to_roll_back_to() -> None:
    """The page's example: deployment 1 is IN_PROGRESS again while rolled back to, so a failing deployment 3 stalls."""
    state = running()
    decision = update_service(state, 1000.0, task_definition="web:2")
    failing = [action.task_id for action in decision.actions if isinstance(action, StartTask)]
    gone = [TaskStopped(task, "TaskFailedToStart", "x") for task in failing]
    decision = decide(state, gone, 1010.0)
    third = [action.task_id for action in decision.actions if isinstance(action, StartTask)]
    decide(state, [TaskRunning(third[0])], 1020.0)
    decide(state, [TaskStopped(third[0])], 1030.0)
    assert state.record.status == "ROLLBACK_IN_PROGRESS"
    line = simulate(
        update_service(state, 1031.0, task_definition="web:3"), by_revision(v1=GOOD, v3=NO_IMAGE), now=1031.0
    )
    assert line.state.primary.revision.task_definition == "web:3"
    assert line.state.primary.rollout_state == "FAILED"
    assert "rolling back" not in " ".join(line.messages())
    assert line.state.healthy_count == 2


def test_rollback_off_fails_and_stays() -> None:
    """The deployment is FAILED with rollback=false, and the previous tasks keep serving."""
    breaker = CircuitBreaker(enable=True, rollback=False)
    line = deploy(running(configuration=DeploymentConfiguration(breaker=breaker)), NO_IMAGE)
    assert [deployment.rollout_state for deployment in listed(line.state)] == ["FAILED", "COMPLETED"]
    assert [deployment.status for deployment in listed(line.state)] == ["PRIMARY", "ACTIVE"]
    assert line.state.record.status == "STOPPED"
    assert line.state.healthy_count == 2


def test_breaker_off_never_ends_and_never_hurts() -> None:
    """A failing deployment without the breaker goes on for ever, at growing intervals, while the old tasks serve."""
    line = deploy(running(configuration=DeploymentConfiguration()), NO_IMAGE, until=40_000.0)
    assert line.state.primary.rollout_state == "IN_PROGRESS"
    assert "SERVICE_DEPLOYMENT_FAILED" not in names(line)
    assert line.state.healthy_count == 2
    starts = [event.at for event in line.events if "has started" in event.message]
    assert starts[-1] - starts[-2] == pytest.approx(27 * 60.0 + NO_IMAGE.start_seconds)
    assert sum("unable to consistently start" in text for text in line.messages()) == 1


def test_healthy_task_resets_the_count_unless_told_otherwise() -> None:
    """resetOnHealthyTask: one good task among bad ones starts the count anew; without it failures add up."""
    outcome = {}
    for reset in (True, False):
        breaker = CircuitBreaker(True, True, reset_on_healthy_task=reset)
        state = running(2, configuration=DeploymentConfiguration(breaker=breaker))
        numbers = iter(range(100))

        def behave(action: StartTask, _: float, numbers: Any = numbers) -> TaskScript:
            if action.task_definition == "web:1":
                return GOOD
            # The first pair: one turns healthy once the other has failed; then two more failures.
            return {0: CRASHES, 1: GOOD, 2: CRASHES, 3: CRASHES}.get(next(numbers), GOOD)

        line = simulate(update_service(state, 1000.0, task_definition="web:2"), behave, now=1000.0)
        outcome[reset] = line.state.record.status
    assert outcome == {True: "SUCCESSFUL", False: "ROLLBACK_SUCCESSFUL"}


def test_count_threshold_is_taken_as_it_is() -> None:
    """A COUNT of 1 fails the deployment with the first failed task."""
    breaker = CircuitBreaker(True, True, threshold=FailureThreshold("COUNT", 1))
    line = deploy(running(configuration=DeploymentConfiguration(breaker=breaker)), CRASHES)
    assert (line.state.record.failure_count, line.state.record.threshold) == (1, 1)
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"


def test_without_balancer_or_check_a_task_counts_after_forty_seconds() -> None:
    """API_DeploymentConfiguration: the scheduler waits 40 seconds after RUNNING."""
    line = simulate(create(load_balancers=[]), by_revision(v1=GOOD))
    assert line.events[-1].at == GOOD.start_seconds + 40.0
    assert line.state.primary.rollout_state == "COMPLETED"


def test_balancer_and_container_check_must_both_pass() -> None:
    """A task with both checks is healthy only if its target and its container are."""
    state = create(1, container_check=True).state
    (task,) = state.tasks
    decide(state, [TaskRunning(task)], 10.0)
    decide(state, [TargetHealthChanged(task, GROUP, "healthy")], 20.0)
    assert state.healthy_count == 0
    decide(state, [TaskHealthChanged(task, "HEALTHY")], 30.0)
    assert state.healthy_count == 1
    assert state.primary.rollout_state == "COMPLETED"


def test_grace_period_ignores_failing_checks_until_it_ends() -> None:
    """healthCheckGracePeriodSeconds: an unhealthy target is stopped only once the period after RUNNING is over."""
    decision = create(1, grace_seconds=120.0)
    (task,) = decision.state.tasks
    decide(decision.state, [TaskRunning(task)], 10.0)
    held = decide(decision.state, [TargetHealthChanged(task, GROUP, "unhealthy", "x")], 60.0)
    assert held.actions == []
    assert held.wake_at == 130.0
    assert decision.state.primary.failed_tasks == 0
    ended = decide(decision.state, [], 130.0)
    assert any("is unhealthy in" in event.message for event in ended.events)
    assert decision.state.primary.failed_tasks == 1


def test_unhealthy_words() -> None:
    """Failed checks are announced in AWS's words, and the replacement states its cause."""
    state = running(1, container_check=True)
    (task,) = state.tasks
    told = decide(state, [TaskHealthChanged(task, "UNHEALTHY")], 500.0)
    assert told.events[0].message == f"(service web) (task {task}) failed container health checks."
    state = running(1)
    (task,) = state.tasks
    told = decide(state, [TargetHealthChanged(task, GROUP, "unhealthy", "Health checks failed")], 500.0)
    assert told.events[0].message == (
        f"(service web) (port 8080) is unhealthy in (target-group {GROUP}) due to (reason Health checks failed)"
    )
    failing = create(1)
    (task,) = failing.state.tasks
    decide(failing.state, [TaskRunning(task)], 10.0)
    told = decide(failing.state, [TargetHealthChanged(task, GROUP, "unhealthy", "Request timed out")], 90.0)
    assert told.events[-1].message.endswith("deregistered 1 targets in (target-group " + GROUP + ")")
    assert any(
        event.message.endswith("Amazon ECS replaced 1 tasks due to an unhealthy status.") for event in told.events
    )


def test_replacement_of_an_unhealthy_task_starts_first() -> None:
    """The unhealthy task stays until its replacement is healthy, if maximumPercent permits."""
    state = running(2)
    sick = next(iter(state.tasks))
    first = decide(state, [TargetHealthChanged(sick, GROUP, "unhealthy", "x")], 500.0)
    assert [type(action) for action in first.actions] == [StartTask]
    line = simulate(first, by_revision(v1=GOOD), now=500.0)
    assert sick not in line.state.tasks
    assert (line.state.healthy_count, line.state.active_count) == (2, 2)


def test_without_room_unhealthy_tasks_stop_one_by_one() -> None:
    """Unhealthy tasks are replaced one by one at maximum 100 %: one stops, its replacement starts, then the next."""
    state = running(2, configuration=DeploymentConfiguration(50, 100), load_balancers=[], container_check=True)
    tasks = list(state.tasks)
    first = decide(state, [TaskHealthChanged(task, "UNHEALTHY") for task in tasks], 500.0)
    assert sum(isinstance(action, StopTask) for action in first.actions) == 1
    line = simulate(first, by_revision(v1=GOOD), now=500.0)
    assert line.state.healthy_count == 2
    assert not set(tasks) & set(line.state.tasks)
    assert max(sample.active for sample in line.samples) == 2


def test_equal_limits_deadlock_and_say_so() -> None:
    """No task may stop and none may start at 100/100; the deadlock is announced once."""
    line = deploy(running(configuration=DeploymentConfiguration(100, 100)), GOOD)
    assert line.messages() == [
        "(service web) was unable to stop or start tasks during a deployment because of the service deployment "
        "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    ]
    assert line.state.primary.rollout_state == "IN_PROGRESS"
    healed = simulate(
        update_service(line.state, 9000.0, configuration=DeploymentConfiguration(100, 200)),
        by_revision(v2=GOOD),
        now=9000.0,
    )
    assert healed.state.primary.rollout_state == "COMPLETED"


@pytest.mark.parametrize("eager", [True, False])
def test_lower_minimum_makes_room_within_the_maximum(eager: bool) -> None:
    """Two of four tasks stop before two start at 50/100; never fewer than two are healthy, never more than four run."""
    settings = DeploymentSettings(stop_source_tasks_eagerly=eager)
    line = deploy(running(4, configuration=DeploymentConfiguration(50, 100), settings=settings), GOOD)
    assert line.state.primary.rollout_state == "COMPLETED"
    assert min(sample.healthy for sample in line.samples) == 2
    assert max(sample.active for sample in line.samples) == 4


def test_previous_tasks_are_replaced_by_their_own_revision() -> None:
    """Since 2025-11 a task of the running version that dies during a deployment is replaced from that version."""
    state = running(2)
    old = next(iter(state.tasks))
    update_service(state, 1000.0, task_definition="web:2")
    decision = decide(state, [TaskStopped(old, "EssentialContainerExited")], 1005.0)
    started = [action.task_definition for action in decision.actions if isinstance(action, StartTask)]
    assert started == ["web:1"]


def test_scale_out_during_a_deployment_reaches_both_revisions() -> None:
    """Since 2025-11 a higher desired count is applied to the running version too."""
    state = running(2)
    line = simulate(
        update_service(state, 1000.0, task_definition="web:2"),
        by_revision(v1=GOOD, v2=GOOD),
        now=1000.0,
        changes=[(1005.0, lambda known, now: update_service(known, now, desired_count=4))],
    )
    more = [event.message.count("(task ") for event in line.events if event.at == 1005.0]
    assert more == [2, 2]
    assert max(sample.active for sample in line.samples) == 8
    assert (line.state.healthy_count, line.state.active_count) == (4, 4)


def test_scaling_starts_no_deployment() -> None:
    """UpdateService's desiredCount "doesn't trigger a new service deployment"; the service is steady again after."""
    state = running(2)
    line = simulate(update_service(state, 500.0, desired_count=5), by_revision(v1=GOOD), now=500.0)
    assert (line.state.healthy_count, len(line.state.records)) == (5, 1)
    assert names(line) == ["SERVICE_STEADY_STATE"]
    line = simulate(update_service(state, 900.0, desired_count=1), by_revision(v1=GOOD), now=900.0)
    assert (line.state.healthy_count, line.state.active_count) == (1, 1)
    assert names(line) == ["SERVICE_STEADY_STATE"]


def test_second_deployment_replaces_one_in_progress() -> None:
    """The newer deployment becomes primary, the older one's record is STOPPED and its starting tasks go."""
    state = running(2)
    update_service(state, 1000.0, task_definition="web:2")
    line = simulate(
        update_service(state, 1005.0, task_definition="web:3"), by_revision(v1=GOOD, v2=GOOD, v3=GOOD), now=1005.0
    )
    assert [record.status for record in line.state.records] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    assert {task.revision.task_definition for task in line.state.tasks.values()} == {"web:3"}


def test_third_deployment_rolls_back_past_one_that_never_completed() -> None:
    """A rollback goes to the last COMPLETED deployment, not to the one before."""
    state = running(2)
    update_service(state, 1000.0, task_definition="web:2")
    line = simulate(
        update_service(state, 1005.0, task_definition="web:3"), by_revision(v1=GOOD, v2=GOOD, v3=NO_IMAGE), now=1005.0
    )
    assert line.state.primary.revision.task_definition == "web:1"
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"


def test_force_new_deployment_replaces_tasks_of_the_same_definition() -> None:
    """forceNewDeployment makes a new deployment and revision; updating to the same definition does not."""
    state = running(2)
    before = set(state.tasks)
    assert update_service(state, 900.0, task_definition="web:1").actions == []
    line = simulate(update_service(state, 1000.0, force_new_deployment=True), by_revision(v1=GOOD), now=1000.0)
    assert not before & set(line.state.tasks)
    assert len(line.state.revisions) == 2


def test_stopping_a_service_deployment_rolls_it_back() -> None:
    """StopServiceDeployment works without the breaker: ROLLBACK_IN_PROGRESS, then ROLLBACK_SUCCESSFUL."""
    state = running(2, configuration=DeploymentConfiguration())
    update_service(state, 1000.0, task_definition="web:2")
    decision = stop_service_deployment(state, 1010.0, state.record.arn)
    assert state.record.status == "ROLLBACK_IN_PROGRESS"
    line = simulate(decision, by_revision(v1=GOOD, v2=GOOD), now=1010.0)
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"
    assert line.state.primary.revision.task_definition == "web:1"
    assert "SERVICE_DEPLOYMENT_FAILED" not in names(line)


def test_only_a_known_deployment_in_progress_can_be_stopped() -> None:
    """Unknown ARNs, ended deployments and stop types other than ROLLBACK are refused with AWS's codes."""
    state = running(2)
    with pytest.raises(ServiceDeploymentNotFound, match="nowhere"):
        stop_service_deployment(state, 1000.0, "nowhere")
    with pytest.raises(ServiceDeploymentConflict, match="SUCCESSFUL"):
        stop_service_deployment(state, 1000.0, state.record.arn)
    with pytest.raises(InvalidDeploymentConfiguration, match="ROLLBACK"):
        stop_service_deployment(state, 1000.0, state.record.arn, "ABORT")


@pytest.mark.parametrize(("cleanup", "waits"), [("BLOCKING", True), ("DEFERRED", False)])
def test_early_success_completes_before_every_task_is_healthy(cleanup: Any, waits: bool) -> None:
    """The deployment completes at healthyPercent; BLOCKING waits for the previous tasks to go, DEFERRED does not."""
    configuration = DeploymentConfiguration(50, 200, early_success=EarlySuccess(50, cleanup))
    state = running(4, configuration=configuration)
    numbers = iter(range(100))

    def behave(_: StartTask, __: float) -> TaskScript:
        return TaskScript(target_healthy_after=10.0 if next(numbers) < 2 else 500.0)

    line = simulate(update_service(state, 1000.0, task_definition="web:2"), behave, now=1000.0, drain_seconds=100.0)
    done = next(event.at for event in line.events if "deployment completed" in event.message)
    assert done == (1135.0 if waits else 1030.0)
    assert line.state.healthy_count == 4


def test_deleting_a_service_stops_everything() -> None:
    """Every task drains and stops, minimum or not, and nothing starts."""
    state = running(3)
    line = simulate(delete_service(state, 500.0), by_revision(v1=GOOD), now=500.0)
    assert line.started == 0
    assert not line.state.tasks


def test_no_capacity_is_told() -> None:
    """A task that cannot be placed: the service event, the EventBridge event, and a failed task."""
    decision = create(1)
    (task,) = decision.state.tasks
    told = decide(decision.state, [TaskNotPlaced(task, "RESOURCE:FARGATE")], 5.0)
    assert told.bridge[0].detail["eventName"] == "SERVICE_TASK_PLACEMENT_FAILURE"
    assert told.bridge[0].detail["reason"] == "RESOURCE:FARGATE"
    assert told.events[0].message == "(service web) was unable to place a task. Reason: RESOURCE:FARGATE"
    assert decision.state.primary.failed_tasks == 1


def test_copies_are_independent() -> None:
    """A forked state goes its own way."""
    state = running(2)
    fork = state.copy()
    update_service(fork, 1000.0, task_definition="web:2")
    assert len(state.deployments) == 1
    assert len(fork.deployments) == 2
