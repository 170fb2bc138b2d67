"""The metrics of a world on its own clock, from PutMetricData and from AWS's own services."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushproof.base.clock import Clock
from pushproof.engines.alarms import Datum

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_cloudwatch.type_defs import DimensionTypeDef

    from pushproof.emulator.kernel.shapes.cloudwatch import MetricDatumInput

# The longest time that an alarm may look back, and an hour.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_KEPT_SECONDS = 8 * 86_400.0
_MOST_DATA = 20_000


@dataclass(frozen=True, slots=True)
class MetricKey:
    """The identity of a metric: region, namespace, name and dimensions."""

    region: str
    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(slots=True)
class Metrics:
    """Data by metric, oldest first; data of more than eight days ago is dropped."""

    data: dict[MetricKey, deque[Datum]] = field(default_factory=dict)

    def add(self, key: MetricKey, datum: Datum) -> None:
        series = self.data.setdefault(key, deque(maxlen=_MOST_DATA))
        series.append(datum)
        while series and series[0].at < datum.at - _KEPT_SECONDS:
            series.popleft()

    def between(self, key: MetricKey, begin: float, end: float) -> list[Datum]:
        """Return the data of a metric in a period."""
        return [datum for datum in self.data.get(key, ()) if begin <= datum.at < end]


def key_of(region: str, namespace: str, name: str, dimensions: Iterable[DimensionTypeDef] | None) -> MetricKey:
    """Return the identity of a metric with dimensions in the API's shape."""
    pairs = frozenset((dimension["Name"], dimension["Value"]) for dimension in dimensions or ())
    return MetricKey(region, namespace, name, pairs)


def datum_of(sent: MetricDatumInput, at: float) -> Datum:
    """Convert a datum of PutMetricData that the substrate has accepted."""
    statistics = sent.get("StatisticValues")
    if statistics:
        return Datum(at, statistics["SampleCount"], statistics["Sum"], statistics["Minimum"], statistics["Maximum"])
    values = sent.get("Values")
    return Datum.of(at, values, sent.get("Counts")) if values else Datum.of(at, [sent["Value"]])


def aws_time(clock: Clock, shown: datetime) -> float:
    """Return the AWS time of an instant that a caller read from a clock like the world's own."""
    now, scale = clock.now(), clock.real_delay(1.0) or 1.0
    return now - (clock.stamp(now) - shown).total_seconds() / scale
