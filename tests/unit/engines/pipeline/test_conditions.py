"""Stage conditions: when they are checked, what their results do, and who may override them.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-conditions.html ,
.../concepts-how-it-works-conditions.html
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engines.pipeline.driving import Driven, build, declare

from pushproof.engines.pipeline import (
    AbandonRule,
    Condition,
    OverrideCondition,
    PipelineError,
    RollBackStage,
    Rule,
    Settings,
    Stage,
    Start,
    StartRule,
    Update,
)

CHECK = Rule("check", "VariableCheck", configuration={"Variable": "#{variables.V}", "Value": "1", "Operator": "EQ"})


def pipe(kind: Any, result: Any = "FAIL", *rules: Rule, settings: Settings | None = None, **stage: Any) -> Driven:
    """A pipeline whose stage Build has one condition, with its source fetched."""
    condition = Condition(rules or (Rule("one", "LambdaInvoke"), Rule("two", "LambdaInvoke")), result)
    guarded = Stage("Build", (build(),), conditions={kind: condition}, **stage)
    driven = Driven(declare(guarded, Stage("Deploy", (build("Deploy"),)), variables={"V": "1"}), settings)
    driven.start("a")
    driven.finish("a")
    return driven


def stage(driven: Driven, identity: str = "a") -> str:
    return driven[identity].stages["Build"].status


def test_rules_are_checked_before_the_first_action() -> None:
    """All rules begin together, and the actions begin when the last has succeeded."""
    driven = pipe("BEFORE_ENTRY")
    assert [run.rule.name for run in driven.rules("a")] == ["one", "two"]
    assert driven.running("a") == []
    driven.meet("a", "one")
    assert driven.running("a") == []
    driven.meet("a", "two")
    assert [run.action.name for run in driven.running("a")] == ["Build"]


@pytest.mark.parametrize(
    ("result", "status", "execution"), [("FAIL", "Failed", "Failed"), ("SKIP", "Skipped", "InProgress")]
)
def test_an_entry_condition_fails_or_skips_the_stage(result: str, status: str, execution: str) -> None:
    """One rule that fails is enough; no action of the stage runs; after SKIP the execution goes on."""
    driven = pipe("BEFORE_ENTRY", result)
    driven.meet("a", "one")
    driven.miss("a", "two")
    assert (stage(driven), driven["a"].status) == (status, execution)
    assert driven["a"].stages["Build"].runs == ()
    if result == "SKIP":
        assert driven.place("a") == ("Deploy", True)
        assert ("a", "Build", "SKIPPED") in driven.events


def test_a_skipped_stage_is_neither_retried_nor_rolled_back() -> None:
    """RetryStageExecution and RollbackStage refuse a stage that was skipped."""
    driven = pipe("BEFORE_ENTRY", "SKIP")
    driven.miss("a")
    driven.break_("a")
    with pytest.raises(PipelineError, match="StageNotRetryableException"):
        driven.retry("Build", "a")
    with pytest.raises(PipelineError, match="UnableToRollbackStageException"):
        driven.give(RollBackStage("Build", "a", "r"))


def test_a_success_condition_holds_the_stage() -> None:
    """The stage is in progress until the rules have ended, and FAIL fails it."""
    driven = pipe("ON_SUCCESS")
    driven.finish("a")
    assert stage(driven) == "InProgress"
    driven.miss("a")
    assert (stage(driven), driven["a"].status) == ("Failed", "Failed")
    assert "Rule one failed: it did not hold" in driven["a"].summary


def test_a_success_condition_rolls_back() -> None:
    """ROLLBACK runs the stage again as in the last execution that succeeded in it."""
    driven = pipe("ON_SUCCESS", "ROLLBACK")
    driven.finish("a")
    driven.meet("a")
    driven.finish("a")
    driven.start("b")
    driven.finish("b")
    driven.finish("b")
    driven.miss("b")
    rollback = next(execution for execution in driven.state.executions.values() if execution.rollback_target)
    assert (rollback.rollback_target, rollback.trigger_type, rollback.execution_type) == (
        "a",
        "AutomatedRollback",
        "ROLLBACK",
    )
    assert driven.place(rollback.id) == ("Build", True)


@pytest.mark.parametrize(
    ("rules", "met", "rolls_back"),
    [("met", True, True), ("met", False, False), ("not met", True, False), ("not met", False, True)],
)
def test_a_failure_condition_decides_about_the_rollback(rules: str, met: bool, rolls_back: bool) -> None:
    """AWS's pages contradict each other about the outcome that engages the result; the setting decides."""
    driven = pipe("ON_FAILURE", "ROLLBACK", settings=Settings(failure_rules=rules))
    driven.finish("a")
    driven.finish("a")
    driven.start("b")
    driven.finish("b")
    driven.break_("b")
    assert stage(driven, "b") == "InProgress"
    driven.meet("b") if met else driven.miss("b")
    assert stage(driven, "b") == "Failed"
    assert any(execution.rollback_target for execution in driven.state.executions.values()) == rolls_back


def test_an_update_empties_the_candidates_of_rollbacks() -> None:
    """A stage is only rolled back to an execution of the pipeline's present version."""
    driven = pipe("ON_SUCCESS", "ROLLBACK")
    driven.finish("a")
    driven.meet("a")
    driven.finish("a")
    driven.give(Update(declare(*driven.state.declaration.stages[1:], variables={"V": "1"}, version=2)))
    driven.start("b")
    driven.finish("b")
    driven.finish("b")
    driven.miss("b")
    assert "Unable to roll back" in driven["b"].summary
    with pytest.raises(PipelineError, match="PipelineExecutionOutdatedException"):
        driven.give(RollBackStage("Build", "a", "r"))


def test_a_rule_that_cannot_be_checked_is_an_error() -> None:
    """Such a condition is Errored, and its result engages as for one that failed."""
    driven = pipe("BEFORE_ENTRY")
    driven.miss("a", code="PermissionError")
    check = driven["a"].stages["Build"].condition("BEFORE_ENTRY")
    assert check is not None
    assert (check.status, stage(driven)) == ("Errored", "Failed")


def test_variables_of_rules_are_resolved() -> None:
    """A rule sees values; one with a reference to nothing fails without being started."""
    driven = pipe("BEFORE_ENTRY", "FAIL", CHECK)
    assert driven.rules("a")[0].configuration["Variable"] == "1"
    unknown = Rule("check", "VariableCheck", configuration={**CHECK.configuration, "Variable": "#{Src.Nothing}"})
    driven = pipe("BEFORE_ENTRY", "FAIL", unknown)
    assert stage(driven) == "Failed"
    assert not [command for command in driven.commands if isinstance(command, StartRule)]


def test_a_rule_times_out() -> None:
    """A rule in progress at its deadline fails with JobTimedOut."""
    driven = pipe("BEFORE_ENTRY", "FAIL", Rule("slow", "LambdaInvoke", timeout=300.0))
    assert driven.wake_at == driven.now + 300
    driven.tick(300)
    check = driven["a"].stages["Build"].condition("BEFORE_ENTRY")
    assert check is not None
    assert (check.rules[0].error_code, stage(driven)) == ("JobTimedOut", "Failed")
    assert [type(command) for command in driven.commands[-1:]] == [AbandonRule]


@pytest.mark.parametrize("kind", ["BEFORE_ENTRY", "ON_SUCCESS"])
@pytest.mark.parametrize("decided", [False, True])
def test_an_override_lets_the_stage_proceed(kind: Any, decided: bool) -> None:
    """While rules run, and after they failed, an override makes the stage go on; the check shows Overridden."""
    driven = pipe(kind)
    if kind == "ON_SUCCESS":
        driven.finish("a")
    if decided:
        driven.miss("a")
    driven.give(OverrideCondition("Build", "a", kind))
    if kind == "BEFORE_ENTRY":
        driven.finish("a")
    check = driven["a"].stages["Build"].condition(kind)
    assert check is not None
    assert (check.status, stage(driven), driven.place("a")) == ("Overridden", "Succeeded", ("Deploy", True))
    driven.finish("a")
    assert driven["a"].status == "Succeeded"


def test_overrides_that_are_refused() -> None:
    """SKIP, a check that succeeded, one that never began, and an execution that is not the latest: refused by AWS's codes."""
    driven = pipe("BEFORE_ENTRY", "SKIP")
    with pytest.raises(PipelineError, match=r"ConditionNotOverridableException.*SKIP"):
        driven.give(OverrideCondition("Build", "a", "BEFORE_ENTRY"))
    driven = pipe("BEFORE_ENTRY")
    with pytest.raises(PipelineError, match="ConditionNotOverridableException"):
        driven.give(OverrideCondition("Build", "a", "ON_SUCCESS"))
    with pytest.raises(PipelineError, match="StageNotFoundException"):
        driven.give(OverrideCondition("None", "a", "BEFORE_ENTRY"))
    driven.miss("a")
    driven.give(Start("b"))
    driven.finish("b")
    with pytest.raises(PipelineError, match="NotLatestPipelineExecutionException"):
        driven.give(OverrideCondition("Build", "a", "BEFORE_ENTRY"))
    driven.meet("b")
    with pytest.raises(PipelineError, match=r"ConditionNotOverridableException.*Succeeded"):
        driven.give(OverrideCondition("Build", "b", "BEFORE_ENTRY"))


def test_a_retry_checks_again_what_did_not_hold() -> None:
    """A failed condition is checked again; an entry condition that let the execution in is not."""
    driven = pipe("BEFORE_ENTRY")
    driven.miss("a")
    driven.retry("Build", "a")
    assert len(driven.rules("a")) == 2
    driven.meet("a")
    driven.break_("a")
    driven.retry("Build", "a")
    assert driven.rules("a") == []
    driven.finish("a")
    assert stage(driven) == "Succeeded"


def test_a_stop_ends_rules_at_once() -> None:
    """A stop abandons rules in either way: they change nothing outside."""
    for abandon, status in ((False, "Cancelled"), (True, "Abandoned")):
        driven = pipe("ON_SUCCESS")
        driven.finish("a")
        driven.stop("a", abandon=abandon)
        check = driven["a"].stages["Build"].condition("ON_SUCCESS")
        assert check is not None
        assert (check.status, driven["a"].status, stage(driven)) == (status, "Stopped", "Stopped")
        assert len([command for command in driven.commands if isinstance(command, AbandonRule)]) == 2


def test_an_automatic_retry_has_one_attempt_in_its_mode() -> None:
    """onFailure RETRY repeats failed actions, or all, once; then the stage fails."""
    for mode, expected in (("FAILED_ACTIONS", ["B"]), ("ALL_ACTIONS", ["A", "B"])):
        actions = (build("A"), build("B"))
        driven = Driven(declare(Stage("Build", actions, on_failure="RETRY", retry_mode=mode)))
        driven.start("a")
        driven.finish("a")
        driven.finish("a", "A")
        driven.break_("a", "B")
        assert [run.action.name for run in driven.running("a")] == expected
        assert driven["a"].stages["Build"].last_retry == "AutomatedStageRetry"
        driven.break_("a")
        assert driven["a"].status == "Failed"
