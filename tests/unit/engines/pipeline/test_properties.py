"""Properties of every pipeline, for all events in any order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engines.pipeline.driving import Driven, approval, build, declare

from pushproof.engines.pipeline import (
    AbandonAction,
    AbandonRule,
    ApprovalResult,
    Condition,
    OverrideCondition,
    PipelineError,
    RollBackStage,
    Rule,
    Stage,
    StartAction,
    StartRule,
)

CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "BEFORE_ENTRY": st.sampled_from(["FAIL", "SKIP"]),
        "ON_SUCCESS": st.sampled_from(["FAIL", "ROLLBACK"]),
        "ON_FAILURE": st.sampled_from(["FAIL", "ROLLBACK"]),
    },
)
ON_FAILURE = st.sampled_from(["FAIL", "RETRY", "ROLLBACK", "SKIP"])
STAGES = st.lists(
    st.tuples(st.lists(st.integers(1, 2), min_size=1, max_size=3), ON_FAILURE, st.booleans(), CONDITIONS),
    min_size=1,
    max_size=3,
)
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("start", "finish", "break", "stop", "abandon", "retry", "rollback", "disable", "enable", "tick"),
                *("approve", "meet", "miss", "override"),
            ]
        ),
        st.integers(0, 5),
    ),
    max_size=40,
)


def driven(stages: list[tuple[list[int], str, bool, dict[str, str]]], mode: str) -> Driven:
    declared = []
    for index, (orders, on_failure, with_approval, results) in enumerate(stages):
        actions = [build(f"A{number}", run_order=order) for number, order in enumerate(orders)]
        if with_approval:
            actions.append(approval(run_order=1))
        rules = (Rule("one", "LambdaInvoke"), Rule("two", "VariableCheck"))
        conditions = {kind: Condition(rules, result) for kind, result in results.items()}
        declared.append(Stage(f"S{index}", tuple(actions), on_failure=on_failure, conditions=conditions))
    return Driven(declare(*declared, mode=mode))


def happen(pipe: Driven, what: str, number: int) -> None:
    executions = list(pipe.state.executions)
    identity = executions[number % len(executions)] if executions else "none"
    stage = pipe.state.declaration.stages[number % len(pipe.state.declaration.stages)].name
    if what == "start":
        pipe.start(f"e{len(executions)}")
    elif what == "tick":
        pipe.tick(number * 40_000.0)
    elif what == "disable":
        pipe.disable(stage)
    elif what == "enable":
        pipe.enable(stage)
    elif not executions:
        return
    elif what == "finish":
        pipe.finish(identity)
    elif what == "break":
        pipe.break_(identity)
    elif what == "stop":
        pipe.stop(identity)
    elif what == "abandon":
        pipe.stop(identity, abandon=True)
    elif what == "meet":
        pipe.meet(identity)
    elif what == "miss":
        pipe.miss(identity)
    elif what == "override":
        pipe.give(OverrideCondition(stage, identity, "ON_SUCCESS" if number % 2 else "BEFORE_ENTRY"))
    elif what == "retry":
        pipe.retry(stage, identity)
    elif what == "rollback":
        pipe.give(RollBackStage(stage, identity, f"r{len(executions)}"))
    elif what == "approve":
        for run in pipe.running(identity):
            pipe.give(ApprovalResult(run.stage, run.action.name, run.token, "Approved"))


def check_invariants(pipe: Driven, mode: str) -> None:
    inside: dict[str, list[str]] = {}
    for execution in pipe.state.executions.values():
        running = {
            run.stage for passage in execution.stages.values() for run in passage.runs if run.status == "InProgress"
        } | {rule.stage for rule in pipe.rules(execution.id)}
        assert len(running) <= 1, "an execution is in at most one stage"
        if execution.ended:
            assert not running
            assert not execution.inside
        elif execution.inside:
            stage = execution.declaration.stages[execution.stage].name
            assert running == {stage}, "an execution inside a stage has something to wait for"
            inside.setdefault(stage, []).append(execution.id)
        else:
            assert not running
        if execution.status == "Superseded":
            assert all(passage.status in ("Succeeded", "Skipped") for passage in execution.stages.values()), (
                "superseded only between stages"
            )
    if mode != "PARALLEL":
        assert all(len(occupants) == 1 for occupants in inside.values()), "never two executions in one stage"


@settings(max_examples=400, deadline=None)
@given(STAGES, st.sampled_from(["SUPERSEDED", "QUEUED", "PARALLEL"]), HAPPENINGS)
def test_invariants_hold_and_every_execution_ends(
    stages: list[tuple[list[int], str, bool, dict[str, str]]], mode: str, happenings: list[tuple[str, int]]
) -> None:
    """An execution is in at most one stage, a stage holds one execution, superseding happens between stages only, and
    every execution ends once its actions end and the transitions are open."""
    pipe = driven(stages, mode)
    for what, number in happenings:
        before = pipe.state
        try:
            happen(pipe, what, number)
        except PipelineError:
            if what not in ("finish", "break", "approve"):
                assert pipe.state is before, "a refused request changes nothing"
        check_invariants(pipe, mode)
    for stage in pipe.state.declaration.stages:
        pipe.enable(stage.name)
    for _ in range(400):
        live = [execution.id for execution in pipe.state.executions.values() if not execution.ended]
        if not live:
            break
        for identity in live:
            pipe.finish(identity)
            pipe.meet(identity)
        check_invariants(pipe, mode)
    assert all(execution.ended for execution in pipe.state.executions.values())
    assert pipe.wake_at is None


@settings(max_examples=150, deadline=None)
@given(STAGES, HAPPENINGS)
def test_time_alone_ends_every_execution(
    stages: list[tuple[list[int], str, bool, dict[str, str]]], happenings: list[tuple[str, int]]
) -> None:
    """Every execution ends with open transitions when only the clock ticks at wake_at: nothing waits for ever."""
    pipe = driven(stages, "SUPERSEDED")
    for what, number in happenings:
        try:
            happen(pipe, what, number)
        except PipelineError:
            continue
    for stage in pipe.state.declaration.stages:
        pipe.enable(stage.name)
    for _ in range(400):
        if pipe.wake_at is None:
            break
        pipe.tick(max(0.0, pipe.wake_at - pipe.now))
    assert all(execution.ended for execution in pipe.state.executions.values())


@settings(max_examples=150, deadline=None)
@given(STAGES, HAPPENINGS)
def test_every_action_is_started_and_ended_once(
    stages: list[tuple[list[int], str, bool, dict[str, str]]], happenings: list[tuple[str, int]]
) -> None:
    """No action or rule execution is started twice, and none is abandoned that was not started."""
    pipe = driven(stages, "SUPERSEDED")
    for what, number in happenings:
        try:
            happen(pipe, what, number)
        except PipelineError:
            continue
    started = [command.run.id for command in pipe.commands if isinstance(command, StartAction | StartRule)]
    abandoned = [command.action_execution_id for command in pipe.commands if isinstance(command, AbandonAction)]
    abandoned += [command.rule_execution_id for command in pipe.commands if isinstance(command, AbandonRule)]
    assert len(started) == len(set(started))
    assert len(abandoned) == len(set(abandoned))
    assert set(abandoned) <= set(started)
