"""CloudWatch over the substrate: refusals, the load balancers' metrics, and the states of metric alarms.

Every minute of AWS time the metrics of AWS's own services are published, and each metric alarm is evaluated. The substrate stores
metrics and alarms, and answers what is read.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.kernel.traffic import MINUTE, MetricPoint, MetricSource
from pushproof.emulator.services import Service
from pushproof.engines.alarms import AlarmStateName, Datum, evaluate

from .actions import Change, Notifier, check_actions
from .alarms import Watched, watched
from .metrics import MetricKey, Metrics, aws_time, datum_of, key_of

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import DescribeAlarmsOutputTypeDef, MetricDatumTypeDef

    from pushproof.emulator.kernel.loop import Timer
    from pushproof.emulator.kernel.shapes.cloudwatch import (
        DeleteAlarmsRequest,
        PutMetricAlarmRequest,
        PutMetricDataRequest,
        SetAlarmStateRequest,
    )
    from pushproof.emulator.kernel.site import Site

_LIMITED = ("Put", "Set", "Enable", "Disable", "Tag")
# Data, and much of it: the substrate checks the parts that matter.
_DATA = "PutMetricData"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_MOST_DATA = 1000
_READS = frozenset({"GetMetricStatistics", "GetMetricData", "ListMetrics"})


class CloudWatchService(Service):
    """Refuses what AWS refuses, follows metrics, and leaves the rest to the substrate."""

    overlay: ClassVar[bool] = True

    def __init__(self, site: Site, name: str, *, sources: Iterable[MetricSource] = ()) -> None:
        super().__init__(site, name)
        self._sources = tuple(sources)
        self._metrics = Metrics()
        self._alarms: dict[tuple[str, str], Watched] = {}
        self._timer: Timer | None = None
        self._notifier = Notifier(site)

    def admit(self, context: RequestContext, request: dict[str, object]) -> None:
        operation = context.operation
        if operation.startswith(_LIMITED) and operation != _DATA:
            check_limits(self.name, operation, request)
        check = _CHECKS.get(operation)
        if check is not None:
            check(self, context, request)
        if operation in _READS:
            self._publish(self.site.clock.now())

    # What callers put: the substrate stores it first, and refuses what it refuses.

    def put_metric_alarm(self, context: RequestContext, request: PutMetricAlarmRequest) -> None:
        self.ask(context, "PutMetricAlarm", request)
        alarm = watched(context.region, request)
        before = self._alarms.get((context.region, alarm.name))
        if before is not None:
            # "When you update an existing alarm, its state is left unchanged": API_PutMetricAlarm.
            alarm.state, alarm.reason = before.state, before.reason
        self._alarms[(context.region, alarm.name)] = alarm
        self._store_state(alarm)
        self._start()

    def delete_alarms(self, context: RequestContext, request: DeleteAlarmsRequest) -> None:
        self.ask(context, "DeleteAlarms", request)
        for name in request["AlarmNames"]:
            self._alarms.pop((context.region, name), None)

    def set_alarm_state(self, context: RequestContext, request: SetAlarmStateRequest) -> None:
        self.ask(context, "SetAlarmState", request)
        alarm = self._alarms.get((context.region, request["AlarmName"]))
        if alarm is not None:
            before = alarm.state
            alarm.state, alarm.reason = request["StateValue"], request["StateReason"]
            self._announce(alarm, before)

    def put_metric_data(self, context: RequestContext, request: PutMetricDataRequest) -> None:
        self.ask(context, "PutMetricData", request)
        clock, region = self.site.clock, context.region
        for sent in request.get("MetricData", ()):
            at = aws_time(clock, sent["Timestamp"]) if sent.get("Timestamp") else clock.now()
            key = key_of(region, request["Namespace"], sent["MetricName"], sent.get("Dimensions"))
            self._metrics.add(key, datum_of(sent, at))

    # Every minute.

    def _start(self) -> None:
        """Evaluate from the next full minute on."""
        if self._timer is None:
            now = self.site.clock.now()
            self._timer = self.site.loop.call_at(now - now % MINUTE + MINUTE, self._minute, name="alarms of CloudWatch")

    def _minute(self) -> None:
        self._timer = None
        now = self.site.clock.now()
        now -= now % MINUTE
        self._publish(now)
        for alarm in list(self._alarms.values()):
            self._evaluate(alarm, now)
        if self._alarms:
            self._start()

    def _publish(self, now: float) -> None:
        """Store the metrics of AWS's own services of the minutes that are over."""
        points = [point for source in self._sources for point in source.metrics(now - now % MINUTE)]
        stored: dict[tuple[str, str], list[MetricPoint]] = {}
        for point in points:
            key = MetricKey(point.region, point.namespace, point.name, frozenset(point.dimensions))
            self._metrics.add(key, Datum.of(point.at, point.values, point.counts))
            stored.setdefault((point.region, point.namespace), []).append(point)
        for (region, namespace), part in stored.items():
            self._store(region, namespace, part)

    def _store(self, region: str, namespace: str, points: list[MetricPoint]) -> None:
        data: list[MetricDatumTypeDef] = [
            {
                "MetricName": point.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in point.dimensions],
                "Timestamp": self.site.clock.stamp(point.at),
                "Values": list(point.values),
                "Counts": list(point.counts),
                "Unit": point.unit,
            }
            for point in points
        ]
        cloudwatch = self.site.substrate.client("cloudwatch", region)
        for first in range(0, len(data), _MOST_DATA):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[first : first + _MOST_DATA])

    def _evaluate(self, alarm: Watched, now: float) -> None:
        if alarm.rule is None:
            return
        points = alarm.points(self._metrics, now, self.site.settings.cloudwatch.spare_points)
        evaluation = evaluate(alarm.rule, points, alarm.state)
        if evaluation.state != alarm.state:
            before = alarm.state
            alarm.state, alarm.reason = evaluation.state, evaluation.reason
            self._store_state(alarm)
            self._announce(alarm, before)

    def _store_state(self, alarm: Watched) -> None:
        self.site.substrate.client("cloudwatch", alarm.region).set_alarm_state(
            AlarmName=alarm.name, StateValue=alarm.state, StateReason=alarm.reason
        )

    def _announce(self, alarm: Watched, before: AlarmStateName) -> None:
        """Publish the event of a changed state, and carry out the alarm's actions.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
        """
        if before == alarm.state:
            return
        at = self.site.clock.stamp(self.site.clock.now())
        now = iso(at, "milliseconds")
        arn = arn_of("cloudwatch", f"alarm:{alarm.name}", region=alarm.region, account=self.site.account_id)
        metrics = tuple(_shown(alarm, identifier) for identifier in alarm.sources)
        detail = {
            "alarmName": alarm.name,
            "state": {"value": alarm.state, "reason": alarm.reason, "timestamp": now},
            "previousState": {"value": before},
            "configuration": {"metrics": list(metrics)},
        }
        self.site.events.publish(
            "aws.cloudwatch", "CloudWatch Alarm State Change", detail, resources=[arn], region=alarm.region
        )
        change = Change(alarm.name, arn, alarm.region, alarm.state, before, alarm.reason, at, metrics)
        self._notifier.act(alarm.notice, change)


def _shown(alarm: Watched, identifier: str) -> dict[str, object]:
    """Return a metric of an alarm as its events show it."""
    source = alarm.sources[identifier]
    metric = {
        "namespace": source.metric.namespace,
        "name": source.metric.name,
        "dimensions": dict(sorted(source.metric.dimensions)),
    }
    return {
        "id": identifier,
        "metricStat": {"metric": metric, "period": int(alarm.period), "stat": source.statistic},
        "returnData": identifier == alarm.result,
    }


# Each check takes its operation's request, which has been parsed and not been validated.
Check = Callable[[CloudWatchService, RequestContext, Any], None]


def _alarm(_: CloudWatchService, __: RequestContext, request: PutMetricAlarmRequest) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    check_actions(request)
    period = request.get("Period")
    if period is not None and period not in (10, 20, 30) and period % 60:
        raise AwsError("ValidationError", "Period must be 10, 20, 30 or a multiple of 60")
    if request.get("DatapointsToAlarm", 0) > request.get("EvaluationPeriods", 0):
        raise AwsError("ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods")


def _alarms_exist(service: CloudWatchService, context: RequestContext, request: DeleteAlarmsRequest) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    names = list(request.get("AlarmNames") or ())
    if names:
        answer: DescribeAlarmsOutputTypeDef = service.ask(context, "DescribeAlarms", {"AlarmNames": names})
        standing = {alarm["AlarmName"] for alarm in answer.get("MetricAlarms", [])}
        standing |= {alarm["AlarmName"] for alarm in answer.get("CompositeAlarms", [])}
        absent = sorted(set(names) - standing)
        if absent:
            raise AwsError("ResourceNotFound", f"Alarms [{', '.join(absent)}] do not exist", 404)


_CHECKS: dict[str, Check] = {"PutMetricAlarm": _alarm, "DeleteAlarms": _alarms_exist}
