"""Properties of thousands of simulated rollouts: whatever fails, whenever, traffic ends where it belongs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.engines.deployment.shiftworld import BLUE, GOOD, GREEN, START, push, serving, weights

from pushproof.engines.deployment import (
    ALL,
    HOOK_STAGES,
    Alarms,
    DeploymentSettings,
    Hook,
    InvokeHook,
    ServiceState,
    ShiftTraffic,
    Strategy,
    TaskScript,
    Timeline,
    stop_service_deployment,
    update_service,
)

_minutes = st.integers(0, 40)
_lambda = st.builds(
    Hook,
    st.lists(st.sampled_from(HOOK_STAGES), min_size=1, max_size=4, unique=True).map(tuple),
    target_arn=st.sampled_from(["arn:function/a", "arn:function/b"]),
    role_arn=st.just("arn:role"),
    timeout_minutes=st.integers(1, 90),
    timeout_action=st.sampled_from(["ROLLBACK", "CONTINUE"]),
)
_pauses = st.builds(
    Hook,
    st.sampled_from([("PRE_SCALE_UP",), ("POST_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT")]),
    target_type=st.just("PAUSE"),
    timeout_minutes=st.integers(1, 90),
    timeout_action=st.sampled_from(["ROLLBACK", "CONTINUE"]),
)
_hooks = st.lists(_lambda | _pauses, max_size=3).map(tuple)
_strategies = st.one_of(
    st.builds(Strategy, st.just("BLUE_GREEN"), bake_minutes=_minutes, hooks=_hooks),
    st.builds(Strategy, st.just("LINEAR"), st.integers(30, 1000), _minutes, _minutes, _hooks),
    st.builds(Strategy, st.just("CANARY"), st.integers(1, 1000), _minutes, _minutes, _hooks),
)
_answers = st.lists(
    st.tuples(
        st.floats(0.1, 900.0),
        st.sampled_from(
            [
                {"hookStatus": "SUCCEEDED"},
                {"hookStatus": "SUCCEEDED"},
                {"hookStatus": "SUCCEEDED"},
                {"hookStatus": "IN_PROGRESS", "callBackDelay": 60},
                {"hookStatus": "FAILED"},
                None,
            ]
        ),
    ),
    min_size=1,
    max_size=5,
)
_scripts = st.builds(
    TaskScript,
    start_seconds=st.floats(0.5, 60.0),
    start_failure=st.none() | st.just("CannotPullContainerError: x"),
    target_healthy_after=st.none() | st.floats(0.5, 60.0),
    target_unhealthy_after=st.none() | st.floats(30.0, 60.0) | st.floats(3000.0, 6000.0),
    # Tasks that come and go every minute, for days after a rollout has ended, would tell nothing more.
    exits_after=st.none() | st.floats(0.5, 20.0) | st.floats(3000.0, 6000.0),
)
_tunings = st.builds(DeploymentSettings, hooks_before_shift=st.booleans(), completion_waits_for_stop=st.booleans())
_calls = st.lists(
    st.tuples(st.floats(0.0, 8000.0), st.sampled_from(["stop", "web:3", "web:4", "force", "scale", "patience"])),
    max_size=3,
)


def change(kind: str) -> Any:
    def call(state: ServiceState, now: float) -> Any:
        if kind == "stop":
            record = state.record
            return update_service(state, now) if record.ended else stop_service_deployment(state, now, record.arn)
        if kind == "scale":
            return update_service(state, now, desired_count=1 + (state.desired_count + 2) % 5)
        if kind == "force":
            return update_service(state, now, force_new_deployment=True)
        return (
            update_service(state, now, task_definition=kind) if kind.startswith("web") else update_service(state, now)
        )

    return call


def run(
    strategy: Strategy,
    answers: list[tuple[float, Any]],
    script: TaskScript,
    tuning: DeploymentSettings,
    alarm_at: float | None,
    calls: list[tuple[float, str]],
    shifts: Any = lambda _order, _at: "",
) -> Timeline:
    """Play one rollout with everything that happens during it, and to its end."""
    state = serving(strategy, tuning=tuning, alarms=Alarms(("errors",), enable=alarm_at is not None, rollback=True))
    queue = list(answers)

    def functions(_: InvokeHook, __: float) -> tuple[float, Any]:
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        queue.append(answer)
        return answer

    return push(
        state,
        script=script,
        functions=functions,
        shifts=shifts,
        alarms=lambda _, now: "ALARM" if alarm_at is not None and now >= START + alarm_at else "OK",
        changes=sorted(((START + at, change(kind)) for at, kind in calls), key=lambda pair: pair[0]),
    )


_runs = st.tuples(_strategies, _answers, _scripts | st.just(GOOD), _tunings, st.none() | st.floats(0, 9000), _calls)


@settings(max_examples=300, deadline=None)
@given(_runs)
def test_traffic_goes_only_where_the_strategy_allows(parts: Any) -> None:
    """Every share is a step of the strategy or none, each step follows the one before, and both shares make up the whole."""
    line = run(*parts)
    steps = parts[0].steps()
    allowed = {0, *steps}
    for state in weights(line):
        assert sum(state.values()) == ALL
        assert set(state.values()) <= allowed | {ALL - step for step in allowed}
    for before, after in pairwise(shift for shift in line.shifts if not shift.test):
        same = (before.deployment_arn, before.balancers) == (after.deployment_arn, after.balancers)
        if same and after.weight > before.weight:
            assert after.weight == next(step for step in steps if step > before.weight)
    assert {shift.weight for shift in line.shifts if shift.test} <= {0, ALL}


@settings(max_examples=300, deadline=None)
@given(_runs)
def test_at_the_end_one_revision_has_all_traffic(parts: Any) -> None:
    """A rollout ends, in success, rollback or by a newer one; then the primary has all traffic, and no other has tasks."""
    line = run(*parts)
    state = line.state
    assert state.record.ended or state.primary.rollout_state != "COMPLETED"
    if not state.record.ended:
        # A revision whose tasks never last is the only one left, and the breaker has nothing to return to.
        assert state.rollout is None or state.rollout.over or state.rollout.rolling_back
        return
    final = list(weights(line))[-1]
    (balancer,) = state.primary.revision.load_balancers
    assert final == {balancer.group: ALL, balancer.other: 0}
    if state.record.status in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL"):
        assert len(state.deployments) == 1
        assert state.rollout is None


@settings(max_examples=250, deadline=None)
@given(_runs)
def test_a_failed_hook_never_leaves_production_on_the_new_revision(parts: Any) -> None:
    """A revision whose deployment a hook failed has no traffic at the end."""
    strategy, answers, _, tuning, _, _ = parts
    line = run(strategy, answers, GOOD, tuning, None, [])
    if line.state.record.rollback is None:
        assert line.state.record.status == "SUCCESSFUL"
        assert list(weights(line))[-1] == {BLUE: 0, GREEN: ALL}
        return
    assert list(weights(line))[-1] == {BLUE: ALL, GREEN: 0}
    assert list(weights(line, test=True))[-1] == {BLUE: ALL, GREEN: 0}
    assert line.state.primary.revision.task_definition == "web:1"


@settings(max_examples=250, deadline=None)
@given(_strategies, st.floats(0.0, 20_000.0), _tunings)
def test_a_stop_is_honoured_in_each_stage(strategy: Strategy, at: float, tuning: DeploymentSettings) -> None:
    """StopServiceDeployment at any moment before the end brings all traffic and all tasks back to the former revision."""
    line = run(strategy, [(5.0, {"hookStatus": "SUCCEEDED"})], GOOD, tuning, None, [(at, "stop")])
    record, former = line.state.record, line.state.primary.revision.task_definition == "web:1"
    assert record.status in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")
    assert former == (record.status == "ROLLBACK_SUCCESSFUL")
    assert list(weights(line))[-1] == ({BLUE: ALL, GREEN: 0} if former else {BLUE: 0, GREEN: ALL})
    assert [len(deployment.groups["HEALTHY"]) for deployment in line.state.deployments] == [2]


_PATIENT = Hook(("PRE_SCALE_UP",), target_type="PAUSE", timeout_minutes=63, timeout_action="CONTINUE")


@example(Strategy("BLUE_GREEN", bake_minutes=0, hooks=(_PATIENT,)), [(3870.0, "web:3")])
@settings(max_examples=300, deadline=None)
@given(
    _strategies, st.lists(st.tuples(st.floats(0.0, 9000.0), st.sampled_from(["stop", "web:3", "force"])), max_size=3)
)
def test_traffic_meets_whole_revisions_only(strategy: Strategy, calls: list[tuple[float, str]]) -> None:
    """A revision that gets a share of production traffic has all its tasks, and all of them are healthy."""
    seen: list[ServiceState] = []

    def shifts(order: ShiftTraffic, _: float) -> str:
        (state,) = seen
        rollout = state.rollout
        assert rollout is not None
        arn = rollout.target_arn if order.weight else rollout.source_arn
        owner = next(deployment for deployment in state.deployments if deployment.revision.arn == arn)
        assert len(owner.groups["HEALTHY"]) == state.desired_count
        return ""

    state = serving(strategy)
    seen.append(state)
    push(
        state,
        shifts=shifts,
        changes=sorted(((START + at, change(kind)) for at, kind in calls), key=lambda pair: pair[0]),
    )


@pytest.mark.parametrize("seconds", [0, 20, 40, 400, 700])
def test_a_rollout_goes_on_from_a_copy(seconds: float) -> None:
    """The state of a rollout is all there is of it: a copy goes on as the original does."""
    strategy = Strategy("LINEAR", 250, 6, 5, (Hook(("PRE_SCALE_UP",), target_arn="arn:f", role_arn="arn:r"),))
    half = push(serving(strategy), until=seconds).state
    endings = []
    for state in (half, half.copy()):
        assert state.rollout is not None
        assert state.rollout is state.record.rollout
        endings.append((state.rollout.stage, state.rollout.production, state.rollout.index))
    assert endings[0] == endings[1]
