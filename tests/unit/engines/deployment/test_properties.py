"""Properties that hold for every failure at every moment."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.deployment import (
    CircuitBreaker,
    DeploymentConfiguration,
    DeploymentSettings,
    FailureThreshold,
    LoadBalancer,
    StartTask,
    TaskScript,
    Timeline,
    create_service,
    simulate,
    update_service,
)

BALANCER = LoadBalancer("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1", "web", 8080)

_seconds = st.floats(0.5, 120.0)
_maybe = st.none() | _seconds
_scripts = st.builds(
    TaskScript,
    start_seconds=_seconds,
    start_failure=st.none() | st.just("CannotPullContainerError: x"),
    container_healthy_after=_maybe,
    container_unhealthy_after=_maybe,
    target_healthy_after=_maybe,
    target_unhealthy_after=_maybe,
    exits_after=st.none() | st.floats(0.5, 400.0),
    stop_seconds=st.floats(0.0, 40.0),
)
_breakers = st.builds(
    CircuitBreaker,
    enable=st.booleans(),
    rollback=st.booleans(),
    reset_on_healthy_task=st.booleans(),
    threshold=st.builds(
        FailureThreshold, st.sampled_from(["COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT"]), st.integers(1, 100)
    ),
)


@st.composite
def configurations(draw: Any) -> DeploymentConfiguration:
    minimum = draw(st.integers(0, 100))
    return DeploymentConfiguration(minimum, draw(st.integers(max(minimum, 100), 250)), draw(_breakers))


_settings = st.builds(
    DeploymentSettings,
    count_exit_before_healthy=st.booleans(),
    count_exit_after_healthy=st.booleans(),
    stop_source_tasks_eagerly=st.booleans(),
    stop_superseded_starting_tasks=st.booleans(),
    completion_waits_for_stop=st.booleans(),
    reset_on_running=st.booleans(),
)


def play(
    scripts: list[TaskScript],
    configuration: DeploymentConfiguration,
    tuning: DeploymentSettings,
    desired: int,
    changes: list[tuple[float, dict[str, Any]]],
    kind: tuple[bool, bool],
) -> Timeline:
    """A healthy service of `desired` tasks, then the changes; every task started after the first takes the next script."""
    check, balanced = kind
    numbers = iter(range(10**9))
    begun = False

    def behave(_: StartTask, __: float) -> TaskScript:
        return scripts[next(numbers) % len(scripts)] if begun else TaskScript(start_seconds=1.0)

    first = create_service(
        service_arn="arn:aws:ecs:eu-west-1:123456789012:service/c/web",
        cluster_arn="arn:aws:ecs:eu-west-1:123456789012:cluster/c",
        name="web",
        task_definition="web:0",
        desired_count=desired,
        now=0.0,
        configuration=configuration,
        settings=tuning,
        container_check=check,
        load_balancers=[BALANCER] if balanced else [],
    )
    state = simulate(first, behave).state
    assert state.primary.rollout_state == "COMPLETED"
    begun = True
    calls = [
        (2000.0 + at, lambda known, now, arguments=arguments: update_service(known, now, **arguments))
        for at, arguments in changes
    ]
    start = update_service(state, 2000.0, task_definition="web:1")
    return simulate(start, behave, now=2000.0, until=12_000.0, changes=calls)


_changes = st.lists(
    st.tuples(
        st.floats(0.0, 900.0),
        st.one_of(
            st.fixed_dictionaries({"task_definition": st.sampled_from(["web:2", "web:3"])}),
            st.fixed_dictionaries({"desired_count": st.integers(0, 8)}),
            st.just({"force_new_deployment": True}),
        ),
    ),
    max_size=3,
)
_kinds = st.sampled_from([(False, False), (True, False), (False, True), (True, True)])


@settings(max_examples=300, deadline=None)
@given(st.lists(_scripts, min_size=1, max_size=6), configurations(), _settings, st.integers(0, 7), _changes, _kinds)
def test_the_limits_hold_whatever_fails_when(
    scripts: list[TaskScript],
    configuration: DeploymentConfiguration,
    tuning: DeploymentSettings,
    desired: int,
    changes: list[tuple[float, dict[str, Any]]],
    kind: tuple[bool, bool],
) -> None:
    """The scheduler never starts tasks beyond the maximum, nor stops healthy ones below the minimum."""
    line = play(scripts, configuration, tuning, desired, changes, kind)
    for before, after in zip(line.samples, line.samples[1:], strict=False):
        assert after.active <= max(after.maximum, before.active)
        # Only tasks that failed by themselves in this step may take the healthy ones below the minimum.
        assert after.healthy >= min(after.minimum, before.healthy - after.lost)
    for deployment in line.state.deployments:
        for group, members in deployment.groups.items():
            assert all(line.state.tasks[task].group == group for task in members)
    assert sum(deployment.count(*deployment.groups) for deployment in line.state.deployments) == len(line.state.tasks)


@settings(max_examples=200, deadline=None)
@given(st.lists(_scripts, min_size=1, max_size=4), st.integers(1, 6), configurations(), _kinds)
def test_every_deployment_ends_that_would_end_on_aws(
    scripts: list[TaskScript], desired: int, configuration: DeploymentConfiguration, kind: tuple[bool, bool]
) -> None:
    """A deployment completes, fails, or hangs for a reason that AWS shares, if the breaker is on and counts the failures."""
    breaker = CircuitBreaker(True, configuration.breaker.rollback, False, configuration.breaker.threshold)
    bounded = DeploymentConfiguration(configuration.minimum_healthy_percent, configuration.maximum_percent, breaker)
    tuning = DeploymentSettings(count_exit_after_healthy=True, throttle_maximum_seconds=60.0)
    line = play(scripts, bounded, tuning, desired, [], kind)
    if line.state.record.ended:
        return
    told = " ".join(line.messages())
    waiting = any(task.group in ("PENDING", "WARMING") for task in line.state.tasks.values())
    deadlocked = "was unable to stop or start tasks" in told
    # A rollback's or the previous revision's own tasks may go on failing; nothing of the engine's is pending then.
    assert waiting or deadlocked or line.started > 3 * desired


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 8), configurations(), _settings, _kinds)
def test_good_tasks_always_complete_unless_the_limits_forbid_any_move(
    desired: int, configuration: DeploymentConfiguration, tuning: DeploymentSettings, kind: tuple[bool, bool]
) -> None:
    """A deployment of good tasks completes with exactly the desired count, or reports the deadlock."""
    line = play([TaskScript()], configuration, tuning, desired, [], kind)
    stuck = desired > 0 and configuration.minimum_healthy(desired) == configuration.maximum(desired) == desired
    assert line.exhausted
    if stuck:
        assert "was unable to stop or start tasks" in line.messages()[-1]
    else:
        assert line.state.record.status == "SUCCESSFUL"
        assert {task.revision.task_definition for task in line.state.tasks.values()} <= {"web:1"}
        assert line.state.healthy_count == len(line.state.tasks) == desired


@settings(max_examples=60, deadline=None)
@given(st.lists(_scripts, min_size=1, max_size=4), configurations(), st.integers(1, 6), _changes, _kinds)
def test_the_same_history_gives_the_same_run(
    scripts: list[TaskScript],
    configuration: DeploymentConfiguration,
    desired: int,
    changes: list[tuple[float, dict[str, Any]]],
    kind: tuple[bool, bool],
) -> None:
    """Seed, observations and times alone decide: two runs have the same history with the same ids."""
    runs = [play(scripts, configuration, DeploymentSettings(), desired, changes, kind) for _ in range(2)]
    assert runs[0].events == runs[1].events
    assert runs[0].bridge == runs[1].bridge
