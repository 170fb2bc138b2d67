"""Alarms as they were put, and their data points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushproof.engines.alarms import COMPARISONS, AlarmRule, AlarmStateName, statistic, supported

from .metrics import MetricKey, Metrics, key_of

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.cloudwatch import PutMetricAlarmRequest

_MISSING = ("missing", "ignore", "breaching", "notBreaching")


@dataclass(slots=True)
class Watched:
    """A metric alarm; `rule` None: it is stored, and its state is what SetAlarmState says."""

    name: str
    region: str
    metric: MetricKey
    statistic: str
    period: float
    rule: AlarmRule | None
    state: AlarmStateName = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"

    def points(self, metrics: Metrics, now: float, spare: int) -> list[float | None]:
        """Return the data points of the evaluation range, oldest first: the evaluation periods, and `spare` before them."""
        assert self.rule is not None
        number = self.rule.periods + spare
        begin = now - number * self.period
        return [
            statistic(
                self.statistic,
                metrics.between(self.metric, begin + index * self.period, begin + (index + 1) * self.period),
            )
            for index in range(number)
        ]


def watched(region: str, request: PutMetricAlarmRequest) -> Watched:
    """Return an alarm. Metric math, bands of anomaly detection and rare statistics give it no rule."""
    name = request.get("ExtendedStatistic") or request.get("Statistic") or ""
    periods = int(request.get("EvaluationPeriods", 1))
    comparison = request.get("ComparisonOperator") or ""
    missing = request.get("TreatMissingData") or "missing"
    rule: AlarmRule | None = None
    decided = request.get("MetricName") and supported(name) and comparison in COMPARISONS and missing in _MISSING
    if decided and request.get("Threshold") is not None and periods >= 1:
        needed = int(request.get("DatapointsToAlarm") or periods)
        rule = AlarmRule(comparison, float(request["Threshold"]), periods, needed, missing)  # type: ignore[arg-type]
    return Watched(
        request["AlarmName"],
        region,
        key_of(region, request.get("Namespace", ""), request.get("MetricName", ""), request.get("Dimensions")),
        name,
        float(request.get("Period") or 60),
        rule,
    )
