"""Properties of thousands of deployments: whatever fails, whenever, traffic ends where it belongs."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engines.codedeploy.course import START, Service

from pushproof.engines.codedeploy import (
    ALL,
    HOOKED,
    PREDEFINED,
    ROLLBACK_CAUSES,
    ContinueRequested,
    DeleteTaskSet,
    Plan,
    Problem,
    Routing,
    StopRequested,
)

_routings = st.one_of(
    st.sampled_from(list(PREDEFINED.values())),
    st.builds(Routing.canary, st.integers(1, 99), st.integers(1, 30)),
    st.builds(Routing.linear, st.integers(3, 99), st.integers(1, 30)),
)
_hooks = st.dictionaries(st.sampled_from(HOOKED), st.just("check"), max_size=5)
_results = st.dictionaries(
    st.sampled_from(HOOKED), st.none() | st.tuples(st.floats(0.0, 5000.0), st.booleans()), max_size=5
)
_plans = st.builds(
    Plan,
    routing=_routings,
    hooks=_hooks,
    tests=st.booleans(),
    ready_minutes=st.none() | st.integers(0, 60),
    termination_minutes=st.none() | st.integers(0, 60),
    rolls_back_on=st.frozensets(st.sampled_from(ROLLBACK_CAUSES)),
    alarms=st.sampled_from([(), ("errors",)]),
)
_calls = st.lists(
    st.tuples(
        st.floats(0.0, 9000.0),
        st.sampled_from(
            [
                StopRequested(),
                StopRequested(True),
                ContinueRequested(),
                ContinueRequested(),
                ContinueRequested("TERMINATION_WAIT"),
            ]
        ),
    ),
    max_size=4,
)
_runs = st.tuples(
    _plans,
    _results,
    st.none() | st.floats(0.0, 9000.0),
    st.none() | st.floats(0.0, 4000.0),
    st.floats(0.0, 60.0),
    _calls,
    st.integers(0, 40) | st.just(math.inf),
)


def play(parts: Any) -> Service:
    """Play one deployment with all that happens to it. The order of the number `refused_at` is refused, if there is one."""
    plan, results, alarm_at, steady_after, delay, calls, refused_at = parts
    orders = 0

    def refuse(_: object) -> Problem | None:
        nonlocal orders
        orders += 1
        if orders == refused_at and len(service.deployments) == 1:
            return Problem("ECS_UPDATE_ERROR", "no")
        return None

    service = Service(
        steady_after=steady_after,
        hooks=lambda event: results.get(event, (5.0, True)),
        alarm_at=None if alarm_at is None else START + alarm_at,
        refuse=refuse,
        delay=delay,
    )
    deployment = service.deploy(plan)
    for seconds, call in calls:
        service.later(seconds, deployment, call)
    service.run()
    return service


@settings(max_examples=200, deadline=None)
@given(_runs)
def test_every_deployment_ends(parts: Any) -> None:
    """Each deployment ends whatever happens, and so does each of its lifecycle events; there is at most one rollback."""
    service = play(parts)
    assert len(service.deployments) <= 2
    for deployment in service.deployments:
        assert deployment.ended
        assert deployment.completed_at is not None
        assert {event.status for event in deployment.events} <= {"Succeeded", "Failed", "Skipped"}
        assert (deployment.problem is None) == (deployment.status == "Succeeded")


@settings(max_examples=200, deadline=None)
@given(_runs)
def test_weights_go_only_where_the_configuration_allows(parts: Any) -> None:
    """Each share is the next step of the configuration, not before its time; only a rollback takes shares back."""
    service, routing = play(parts), parts[0].routing
    steps = routing.steps()
    allowed = {step.weight: step.seconds for step in steps}
    forward = [(at, weight) for at, weight in service.shifts if weight]
    assert [weight for _, weight in forward] == [step.weight for step in steps][: len(forward)]
    for (before, weight), (after, _) in pairwise(forward):
        assert after - before >= allowed[weight]
    if any(not weight for _, weight in service.shifts):
        assert service.shifts[-1][1] == 0
        assert service.deployments[-1].rolls_back


@settings(max_examples=200, deadline=None)
@given(_runs)
def test_a_failure_with_rollback_never_leaves_production_on_the_replacement(parts: Any) -> None:
    """The original task set serves alone where a rollback was made and succeeded: production, test traffic, primary."""
    service = play(parts)
    first = service.deployments[0]
    if first.status == "Succeeded":
        assert service.primary == first.replacement
        assert service.production == {"blue": 0, first.replacement: ALL}
    elif len(service.deployments) == 2 and service.deployments[1].status == "Succeeded" and "blue" in service.task_sets:
        assert service.primary == "blue"
        assert service.production.get("blue") == ALL
        assert service.test == "blue"
        assert service.task_sets == ["blue"]


@settings(max_examples=200, deadline=None)
@given(_plans, st.sampled_from(HOOKED))
def test_a_failed_hook_never_leaves_production_on_green(plan: Plan, event: str) -> None:
    """A hook that fails before production moves has seen none of it moved; one that fails after it is taken back."""
    plan = replace(
        plan,
        hooks={**plan.hooks, event: "check"},
        ready_minutes=None,
        rolls_back_on=frozenset(ROLLBACK_CAUSES),
        alarms=(),
    )
    good = dict.fromkeys(HOOKED, (1.0, True))
    service = play((plan, {**good, event: (1.0, False)}, None, 10.0, 1.0, [], math.inf))
    ran = event in {name for name, _ in service.asked}
    if not ran:
        assert event == "AfterAllowTestTraffic"
        assert not plan.tests
        return
    assert service.deployments[0].status == "Failed"
    assert service.production["blue"] == ALL
    assert (service.primary, service.task_sets) == ("blue", ["blue"])
    if event != "AfterAllowTraffic":
        assert not any(weight for _, weight in service.shifts)


@settings(max_examples=200, deadline=None)
@given(_runs)
def test_the_serving_task_set_is_never_deleted(parts: Any) -> None:
    """No order deletes a task set that has production traffic. (The service of these tests refuses to delete the primary one.)"""
    plan, *rest = parts

    class Watched(Service):
        def carry_out(self, deployment: Any, order: object) -> None:
            if isinstance(order, DeleteTaskSet):
                assert not self.production.get(order.task_set)
            super().carry_out(deployment, order)

    results, alarm_at, steady_after, delay, calls, _ = rest
    service = Watched(
        steady_after=steady_after,
        hooks=lambda event: results.get(event, (5.0, True)),
        alarm_at=None if alarm_at is None else START + alarm_at,
        delay=delay,
    )
    deployment = service.deploy(plan)
    for seconds, call in calls:
        service.later(seconds, deployment, call)
    service.run()
