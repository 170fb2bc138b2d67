"""Rules of conditions: what a declaration may say of them, and the decisions of those that decide alone.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference.html and its pages
"""

from __future__ import annotations

import copy
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engines.pipeline.test_triggers import _pipeline

from pushproof.engines.pipeline import PipelineError, judge_alarm, judge_variable, judge_window, read_declaration
from pushproof.engines.pipeline.windows import WindowError, is_open, parse_window

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)  # a Wednesday


def rule(provider: str = "VariableCheck", **members: Any) -> dict[str, Any]:
    configuration = {
        "VariableCheck": {"Variable": "#{Src.BranchName}", "Value": "main", "Operator": "EQ"},
        "CloudWatchAlarm": {"AlarmName": "errors"},
        "DeploymentWindow": {"Cron": "* * 9-17 ? * MON-FRI *"},
        "LambdaInvoke": {"FunctionName": "check"},
        "CodeBuild": {"ProjectName": "check"},
    }.get(provider, {})
    kind = {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"}
    own: dict[str, Any] = {"name": "check", "ruleTypeId": kind, "configuration": configuration}
    if provider == "Commands":
        own["commands"] = ["make check"]
    if provider == "CodeBuild":
        own["inputArtifacts"] = [{"name": "source"}]
    return {**own, **members}


def declared(member: str, *conditions: dict[str, Any], stage: int = 1, **block: Any) -> dict[str, Any]:
    pipeline = copy.deepcopy(_pipeline({}))
    pipeline["stages"][0]["actions"][0]["namespace"] = "Src"
    pipeline["stages"][stage][member] = {"conditions": list(conditions), **block}
    return pipeline


@pytest.mark.parametrize(
    "provider", ["CloudWatchAlarm", "CodeBuild", "Commands", "DeploymentWindow", "LambdaInvoke", "VariableCheck"]
)
@pytest.mark.parametrize("member", ["beforeEntry", "onSuccess", "onFailure"])
def test_every_rule_may_be_in_every_condition(provider: str, member: str) -> None:
    """AWS has six kinds of rules, for all three conditions."""
    declaration = read_declaration(declared(member, {"result": "FAIL", "rules": [rule(provider)]}))
    (condition,) = declaration.stages[1].conditions.values()
    assert condition.rules[0].provider == provider


def _with(member: str, outcome: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return declared(member, {"result": outcome, "rules": list(rules)}, **more)


VALUES = {"Variable": "x", "Value": "y", "Operator": "EQ"}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no rules", declared("beforeEntry", {"result": "FAIL"}), "contains no rules"),
    ("two conditions", declared("beforeEntry", *[{"result": "FAIL", "rules": [rule()]}] * 2), "exactly 1"),
    ("six rules", _with("beforeEntry", "FAIL", *[rule(name=f"r{n}") for n in range(6)]), "at most 5"),
    ("one name twice", _with("beforeEntry", "FAIL", rule(), rule()), "unique"),
    ("unknown provider", _with("beforeEntry", "FAIL", rule("Weather")), "Provider: 'Weather'"),
    ("SKIP by an alarm", _with("beforeEntry", "SKIP", rule("CloudWatchAlarm")), "LambdaInvoke or VariableCheck"),
    ("SKIP on success", _with("onSuccess", "SKIP", rule()), "FAIL or ROLLBACK"),
    ("RETRY in a condition", _with("onFailure", "RETRY", rule()), "FAIL or ROLLBACK"),
    ("ROLLBACK on entry", _with("beforeEntry", "ROLLBACK", rule()), "FAIL or SKIP"),
    ("RETRY with conditions", _with("onFailure", "ROLLBACK", rule(), result="RETRY"), "RETRY"),
    ("ROLLBACK of the source", _with("onSuccess", "ROLLBACK", rule(), stage=0), "source stage"),
    ("missing key", _with("beforeEntry", "FAIL", rule(configuration={"Variable": "x"})), "'Value'"),
    ("unknown key", _with("beforeEntry", "FAIL", rule(configuration={**VALUES, "X": "1"})), "'X'"),
    ("operator", _with("beforeEntry", "FAIL", rule(configuration={**VALUES, "Operator": "LIKE"})), "EQ, NE"),
    (
        "expression",
        _with("beforeEntry", "FAIL", rule(configuration={**VALUES, "Operator": "MATCHES", "Value": "("})),
        "a regular expression",
    ),
    (
        "cron",
        _with("beforeEntry", "FAIL", rule("DeploymentWindow", configuration={"Cron": "0 9 * * *"})),
        "six or seven",
    ),
    (
        "zone",
        _with(
            "beforeEntry", "FAIL", rule("DeploymentWindow", configuration={"Cron": "* * * * * ?", "TimeZone": "Mars"})
        ),
        "time zone",
    ),
    (
        "alarm state",
        _with("onSuccess", "FAIL", rule("CloudWatchAlarm", configuration={"AlarmName": "a", "AlarmStates": "RED"})),
        "OK, ALARM",
    ),
    (
        "wait",
        _with("onSuccess", "FAIL", rule("CloudWatchAlarm", configuration={"AlarmName": "a", "WaitTime": "1h"})),
        "minutes",
    ),
    ("no commands", _with("beforeEntry", "FAIL", rule("Commands", commands=[])), "declares no commands"),
    ("two lines", _with("beforeEntry", "FAIL", rule("Commands", commands=["a\nb"])), "more than one line"),
    ("commands elsewhere", _with("beforeEntry", "FAIL", rule(commands=["a"])), "only rules of provider Commands"),
    ("no input", _with("beforeEntry", "FAIL", rule("CodeBuild", inputArtifacts=[])), "expected 1 to 5"),
    (
        "unknown input",
        _with("beforeEntry", "FAIL", rule("LambdaInvoke", inputArtifacts=[{"name": "gone"}])),
        "gone in rule check",
    ),
    ("later variable", _with("beforeEntry", "FAIL", rule(), stage=0), "no preceding action declares"),
    (
        "unknown variable",
        _with("beforeEntry", "FAIL", rule(configuration={**VALUES, "Variable": "#{variables.X}"})),
        "not declared",
    ),
]


@pytest.mark.parametrize(("pipeline", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_conditions_that_are_refused(pipeline: dict[str, Any], words: str) -> None:
    """A broken condition is refused with the stage or the rule in its text."""
    with pytest.raises(PipelineError, match=words) as refused:
        read_declaration(pipeline)
    assert refused.value.code == "InvalidStageDeclarationException"


def test_conditions_belong_to_v2() -> None:
    """A V1 pipeline has no conditions."""
    pipeline = _with("beforeEntry", "FAIL", rule()) | {"pipelineType": "V1", "triggers": []}
    with pytest.raises(PipelineError, match=r"InvalidStructureException.*V2"):
        read_declaration(pipeline)


@given(st.text(max_size=8), st.text(max_size=4))
def test_variable_checks(actual: str, value: str) -> None:
    """EQ and NE are opposites, EQ implies CONTAINS, and every text contains its parts."""
    met = {
        operator: judge_variable({"Variable": actual, "Value": value, "Operator": operator}).met
        for operator in ("EQ", "NE", "CONTAINS")
    }
    assert met["EQ"] is not met["NE"]
    assert met["CONTAINS"] or not met["EQ"]
    assert judge_variable({"Variable": actual + value, "Value": value, "Operator": "CONTAINS"}).met


def test_matches_needs_the_whole_value() -> None:
    """MATCHES is Java's `matches`: an expression for a part does not match."""
    check = {"Variable": "release/1", "Operator": "MATCHES"}
    assert judge_variable({**check, "Value": "release/.*"}).met
    assert judge_variable({**check, "Value": "release"}).met is False


def test_matches_takes_no_time_to_speak_of() -> None:
    """An expression that keeps a backtracking engine busy for hours is decided at once."""
    check = {"Variable": "a" * 2000 + "!", "Operator": "MATCHES", "Value": "(a+)+"}
    begun = time.process_time()
    assert judge_variable(check).met is False
    assert time.process_time() - begun < 2


WINDOWS = [
    ("* * 9-17 ? * MON-FRI *", True),
    ("0 * 9-17 ? * MON-FRI", True),
    ("* * 9-17 ? * SAT,SUN *", False),
    ("* 30 10 4 MAR ? 2026", True),
    ("* 31 10 4 MAR ? 2026", False),
    ("* 0/15 * * * ?", True),
    ("* 0/20 * * * ?", False),
    ("* * * ? * 4#1", True),
    ("* * * ? * 4#2", False),
    ("* * * ? * 4L", False),
    ("* * * L * ?", False),
    ("* * * L-27 * ?", True),
    ("* * * 4W * ?", True),
    ("* * * ? * FRI-WED", True),
    ("* * * ? * L", False),
    ("* * * * * ? 2027", False),
]


@pytest.mark.parametrize(("cron", "expected"), WINDOWS)
def test_windows(cron: str, expected: bool) -> None:
    """A window is open in the minutes that its expression describes, whatever the second."""
    for second in (0, 59):
        assert is_open(cron, "UTC", NOW.timestamp() + second) is expected


def test_weekdays_nearest_to_a_day_stay_in_its_month() -> None:
    """1W on a Saturday is Monday the 3rd, and LW of a month that ends on a Sunday is its last Friday."""

    def days(cron: str, year: int, month: int) -> list[int]:
        window = parse_window(cron, "UTC")
        return [day for day in range(1, 29) if window.contains(datetime(year, month, day, tzinfo=UTC).timestamp())]

    assert days("* * * 1W * ?", 2026, 8) == [3]
    assert days("* * * 15W * ?", 2026, 8) == [14]
    assert is_open("* * * LW * ?", "UTC", datetime(2026, 5, 29, tzinfo=UTC).timestamp())


def test_windows_keep_the_time_of_their_zone() -> None:
    """Nine o'clock in New York is 14 o'clock UTC in winter, and 13 in summer."""
    for month, hour in ((1, 14), (7, 13)):
        at = datetime(2026, month, 5, hour, tzinfo=UTC).timestamp()
        assert is_open("* 0 9 * * ?", "America/New_York", at)
        assert not is_open("* 0 9 * * ?", "UTC", at)
    assert judge_window({"Cron": "* 0 9 * * ?"}, NOW.timestamp()).met is False


@given(st.text("0123456789*?,-/LW# MONSUN", max_size=24))
def test_every_expression_is_read_or_refused(cron: str) -> None:
    """No expression breaks the reader, and one that is read has an answer for every time."""
    try:
        window = parse_window(cron, "UTC")
    except WindowError:
        return
    assert window.contains(NOW.timestamp()) in (True, False)


@pytest.mark.parametrize(
    ("kind", "state", "waited", "met"),
    [
        ("BEFORE_ENTRY", "OK", 0, True),
        ("BEFORE_ENTRY", "ALARM", 0, None),
        ("BEFORE_ENTRY", "ALARM", 600, False),
        ("BEFORE_ENTRY", "INSUFFICIENT_DATA", 600, False),
        ("ON_SUCCESS", "OK", 0, None),
        ("ON_SUCCESS", "OK", 600, True),
        ("ON_SUCCESS", "INSUFFICIENT_DATA", 600, True),
        ("ON_SUCCESS", "ALARM", 1, False),
    ],
)
def test_alarms(kind: Any, state: str, waited: float, met: bool | None) -> None:
    """The rule waits for OK before entry; on success it watches for the whole time, and ALARM fails it at once."""
    assert judge_alarm(kind, {"AlarmName": "errors", "WaitTime": "10"}, state, waited).met is met


def test_alarms_without_a_wait_are_looked_at_once() -> None:
    """The first look decides without WaitTime; AlarmStates names the states that are good."""
    assert judge_alarm("BEFORE_ENTRY", {"AlarmName": "a"}, "ALARM", 0).met is False
    assert judge_alarm("ON_SUCCESS", {"AlarmName": "a"}, "OK", 0).met is True
    assert judge_alarm("ON_FAILURE", {"AlarmName": "a", "AlarmStates": "ALARM, OK"}, "ALARM", 0).met is True


def test_a_variable_that_makes_an_expression_too_deep_is_a_configuration_error() -> None:
    """A value that is known only when the rule runs is refused as one that is no expression."""
    for value in ("(", "(" * 5000 + ")" * 5000):
        with pytest.raises(PipelineError, match="is not a regular expression"):
            judge_variable({"Variable": "a", "Operator": "MATCHES", "Value": value})
