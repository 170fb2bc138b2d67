"""The state of a metric alarm, from the latest data points and the way it treats missing ones.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

AlarmStateName = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Missing = Literal["missing", "ignore", "breaching", "notBreaching"]

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
"""The comparisons with a fixed threshold, with their words. Bands of anomaly detection are not decided here."""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """The condition of an alarm: `needed` of the latest `periods` data points breach the threshold."""

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: Missing = "missing"

    def __post_init__(self) -> None:
        if self.comparison not in COMPARISONS:
            raise ValueError(
                f"the comparison {self.comparison!r} is not decided here; give one of {', '.join(COMPARISONS)}"
            )
        if not 1 <= self.needed <= self.periods:
            raise ValueError(
                f"DatapointsToAlarm is {self.needed}; give a number from 1 to EvaluationPeriods ({self.periods})"
            )

    def breaches(self, value: float) -> bool:
        """Return whether a data point breaches the threshold."""
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state of an alarm, with AWS's kind of reason."""

    state: AlarmStateName
    reason: str


def evaluate(rule: AlarmRule, points: Sequence[float | None], current: AlarmStateName) -> Evaluation:
    """Return the state after an evaluation range, oldest point first; None is a missing point.

    The range is longer than the evaluation periods: where enough points are there, the latest ones decide, and missing ones are
    not filled in. Otherwise each missing point that is needed is treated as the alarm says. `missing` raises an alarm early where
    every point that is there breaches, and the oldest of them is as old as the points that are needed.
    """
    real = [value for value in points if value is not None]
    if len(real) >= rule.periods:
        return _judged(rule, real[-rule.periods :], 0)
    filled = rule.periods - len(real)
    if rule.missing in ("breaching", "notBreaching"):
        return _judged(rule, real, filled, breaching=rule.missing == "breaching")
    if not real and rule.missing == "missing":
        words = "datapoint was" if rule.periods == 1 else "datapoints were"
        return Evaluation("INSUFFICIENT_DATA", f"Insufficient Data: {rule.periods} {words} unknown.")
    breaching = [value for value in real if rule.breaches(value)]
    if len(breaching) >= rule.needed:
        return _judged(rule, real, 0)
    if len(breaching) < len(real):
        return Evaluation("OK", _words(rule, real, len(breaching), "not"))
    oldest = next((index for index, value in enumerate(points) if value is not None), len(points))
    if rule.missing == "missing" and len(points) - oldest >= rule.needed:
        return Evaluation("ALARM", _words(rule, real, len(breaching), ""))
    return Evaluation(current, f"Unchanged: {filled} missing datapoints were ignored.")


def _judged(rule: AlarmRule, real: Sequence[float], filled: int, *, breaching: bool = False) -> Evaluation:
    count = sum(rule.breaches(value) for value in real) + (filled if breaching else 0)
    alarmed = count >= rule.needed
    if not real:
        treated = "Breaching" if breaching else "NonBreaching"
        plural = "" if filled == 1 else "s"
        reason = (
            f"Threshold Crossed: no datapoints were received for {filled} period{plural} and {filled} missing "
            f"datapoint{plural} {'was' if filled == 1 else 'were'} treated as [{treated}]."
        )
        return Evaluation("ALARM" if alarmed else "OK", reason)
    return Evaluation("ALARM" if alarmed else "OK", _words(rule, real, count, "" if alarmed else "not"))


def _words(rule: AlarmRule, real: Sequence[float], breaching: int, negation: str) -> str:
    listed = ", ".join(str(float(value)) for value in real)
    relation = COMPARISONS[rule.comparison][1]
    count = breaching if not negation else len(real) - breaching
    verb = "was" if count == 1 else "were"
    return (
        f"Threshold Crossed: {count} out of the last {rule.periods} datapoints [{listed}] {verb}{' not' if negation else ''} "
        f"{relation} the threshold ({rule.threshold})."
    )
