"""Statistics of metrics and states of alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html (the tables),
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.alarms import COMPARISONS, AlarmRule, Datum, evaluate, statistic, supported
from pushproof.engines.alarms.evaluation import Missing

TREATMENTS: tuple[Missing, ...] = ("missing", "ignore", "breaching", "notBreaching")
KEPT = "kept"
# Data points, oldest first (0: within the threshold, X: breaching, -: missing), and the state by treatment, from AWS's page.
THREE_OF_THREE = [
    ("0-X-X", ("OK", "OK", "OK", "OK")),
    ("----0", ("OK", "OK", "OK", "OK")),
    ("-----", ("INSUFFICIENT_DATA", KEPT, "ALARM", "OK")),
    ("0XX-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("--X--", ("ALARM", KEPT, "ALARM", "OK")),
]
TWO_OF_THREE = [
    ("0-X-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("00X0X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0-X--", ("OK", "OK", "ALARM", "OK")),
    ("----0", ("OK", "OK", "ALARM", "OK")),
    ("---X-", ("ALARM", KEPT, "ALARM", "OK")),
]
CASES = [
    (needed, drawn, treatment, state)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for drawn, states in table
    for treatment, state in zip(TREATMENTS, states, strict=True)
]


@pytest.mark.parametrize(("needed", "drawn", "treatment", "state"), CASES)
def test_missing_points_are_treated_as_aws_documents(needed: int, drawn: str, treatment: Missing, state: str) -> None:
    """Every row of AWS's two tables comes out, and what is retained is the state of before."""
    rule = AlarmRule("GreaterThanThreshold", 1.0, 3, needed, treatment)
    points = [{"0": 0.0, "X": 5.0, "-": None}[letter] for letter in drawn]
    for current in ("OK", "ALARM", "INSUFFICIENT_DATA"):
        expected = current if state == KEPT else state
        assert evaluate(rule, points, current).state == expected  # type: ignore[arg-type]


_points = st.lists(st.none() | st.floats(-100, 100), min_size=1, max_size=12)


@given(_points, st.integers(1, 8), st.data(), st.sampled_from(TREATMENTS), st.sampled_from(sorted(COMPARISONS)))
def test_an_alarm_needs_breaching_points(
    points: list[float | None], periods: int, data: st.DataObject, treatment: Missing, comparison: str
) -> None:
    """An alarm needs enough breaching points, unless missing ones are treated as such."""
    needed = data.draw(st.integers(1, periods))
    rule = AlarmRule(comparison, 0.0, periods, needed, treatment)
    state = evaluate(rule, points, "OK").state
    real = [value for value in points if value is not None]
    if not any(rule.breaches(value) for value in real) and treatment != "breaching":
        assert state != "ALARM"
    latest = real[-periods:]
    if sum(rule.breaches(value) for value in latest) >= needed:
        assert state == "ALARM"
    if state == "INSUFFICIENT_DATA":
        assert not real
        assert treatment == "missing"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sum", 16.0),
        ("Average", 3.2),
        ("Minimum", 1.0),
        ("Maximum", 9.0),
        ("SampleCount", 5.0),
        ("p50", 2.0),
        ("p99", 9.0),
    ],
)
def test_statistics(name: str, expected: float) -> None:
    """Each statistic is over all values of the period, counted as often as they were sent."""
    data = [Datum.of(0, [1.0, 2.0], [1, 3]), Datum.of(30, [9.0])]
    assert statistic(name, data) == pytest.approx(expected)


def test_statistics_without_values() -> None:
    """No data has no statistic; a statistic set has no percentile, unless all its values are the same."""
    assert statistic("Sum", []) is None
    hidden = Datum(0, count=3, total=6, least=1, greatest=3)
    assert statistic("Average", [hidden]) == 2
    assert statistic("p90", [hidden]) is None
    assert statistic("p90", [Datum(0, count=3, total=6, least=2, greatest=2)]) == 2
    assert not supported("tm99")
    with pytest.raises(ValueError, match="tm99"):
        statistic("tm99", [hidden])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 100))
def test_percentiles_are_values(values: list[float], percent: float) -> None:
    """A percentile is one of the values, and grows with the percentage."""
    data = [Datum.of(0, values)]
    shown = statistic(f"p{percent:.1f}" if percent < 99.9 else "p100", data)
    assert shown in values
    assert statistic("p100", data) == max(values)
    assert statistic("p0", data) == min(values)


@pytest.mark.parametrize(
    "wrong", [("GreaterThanUpperThreshold", 1, 1), ("LessThanThreshold", 2, 3), ("LessThanThreshold", 2, 0)]
)
def test_rules_that_cannot_be_decided_are_refused(wrong: tuple[str, int, int]) -> None:
    """A comparison with a band, or more points than periods, is no rule."""
    with pytest.raises(ValueError, match="give"):
        AlarmRule(wrong[0], 0.0, wrong[1], wrong[2])
