"""Alarms as they were put, and their data points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushproof.engines.alarms import (
    COMPARISONS,
    AlarmRule,
    AlarmStateName,
    Expression,
    UnsupportedExpression,
    compute,
    parse,
    statistic,
    supported,
)

from .actions import Notice
from .metrics import MetricKey, Metrics, key_of

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryOutputTypeDef

    from pushproof.emulator.kernel.shapes.cloudwatch import PutMetricAlarmRequest

_MISSING = ("missing", "ignore", "breaching", "notBreaching")


@dataclass(frozen=True, slots=True)
class Source:
    """One metric that an alarm reads, and the statistic over its period."""

    metric: MetricKey
    statistic: str


@dataclass(slots=True)
class Watched:
    """A metric alarm: the metrics that it reads by id, the expressions over them, and the id whose value counts.

    `rule` None: it is stored, and its state is what SetAlarmState says.
    """

    name: str
    region: str
    period: float
    rule: AlarmRule | None
    result: str = ""
    sources: dict[str, Source] = field(default_factory=dict)
    expressions: dict[str, Expression] = field(default_factory=dict)
    state: AlarmStateName = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    notice: Notice = field(default_factory=Notice)

    def points(self, metrics: Metrics, now: float, spare: int) -> list[float | None]:
        """Return the data points of the evaluation range, oldest first: the evaluation periods, and `spare` before them."""
        assert self.rule is not None
        number = self.rule.periods + spare
        begin = now - number * self.period
        return [self._point(metrics, begin + index * self.period) for index in range(number)]

    def _point(self, metrics: Metrics, begin: float) -> float | None:
        values = {
            identifier: statistic(source.statistic, metrics.between(source.metric, begin, begin + self.period))
            for identifier, source in self.sources.items()
        }
        # An expression stands after those that it refers to.
        for identifier, expression in self.expressions.items():
            values[identifier] = compute(expression, values)
        return values.get(self.result)


def watched(region: str, request: PutMetricAlarmRequest) -> Watched:
    """Return an alarm. Bands of anomaly detection, searches and rare statistics give it no rule."""
    queries = request.get("Metrics") or []
    alarm = Watched(request["AlarmName"], region, float(request.get("Period") or 60), _rule(request))
    alarm.notice = Notice.of(request)
    try:
        if queries:
            _read_queries(alarm, queries)
        else:
            alarm.result = "m1"
            name = request.get("ExtendedStatistic") or request.get("Statistic") or ""
            alarm.sources["m1"] = _source(
                region, request.get("Namespace", ""), request.get("MetricName", ""), request.get("Dimensions"), name
            )
    except UnsupportedExpression:
        alarm.rule = None
    return alarm


def _rule(request: PutMetricAlarmRequest) -> AlarmRule | None:
    comparison, threshold = request.get("ComparisonOperator") or "", request.get("Threshold")
    periods, missing = int(request.get("EvaluationPeriods", 1)), request.get("TreatMissingData") or "missing"
    if comparison not in COMPARISONS or missing not in _MISSING or threshold is None or periods < 1:
        return None
    needed = int(request.get("DatapointsToAlarm") or periods)
    return AlarmRule(comparison, float(threshold), periods, needed, missing)  # type: ignore[arg-type]


def _read_queries(alarm: Watched, queries: list[MetricDataQueryOutputTypeDef]) -> None:
    """Take the metrics and expressions of an alarm on metric math. Raises UnsupportedExpression."""
    waiting: dict[str, Expression] = {}
    for query in queries:
        identifier = query["Id"]
        if query.get("ReturnData", True):
            alarm.result = identifier
        if "MetricStat" in query:
            stat = query["MetricStat"]
            metric = stat["Metric"]
            alarm.sources[identifier] = _source(
                alarm.region,
                metric.get("Namespace", ""),
                metric.get("MetricName", ""),
                metric.get("Dimensions"),
                stat["Stat"],
            )
            alarm.period = float(stat["Period"])
        else:
            waiting[identifier] = parse(query.get("Expression", ""))
    while waiting:
        known = alarm.sources.keys() | alarm.expressions.keys()
        ready = [identifier for identifier, expression in waiting.items() if expression.ids() <= known]
        if not ready:
            raise UnsupportedExpression(f"{', '.join(waiting)} refer to ids that there are not")
        for identifier in ready:
            alarm.expressions[identifier] = waiting.pop(identifier)


def _source(region: str, namespace: str, name: str, dimensions: list[DimensionTypeDef] | None, stat: str) -> Source:
    if not name or not supported(stat):
        raise UnsupportedExpression(f"the statistic {stat!r} of the metric {name!r} is not computed here")
    return Source(key_of(region, namespace, name, dimensions), stat)
