"""Requests through load balancers, counted by minute, for their CloudWatch metrics."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from pushproof.emulator.kernel.balancing import AccessLogEntry, Counted

if TYPE_CHECKING:
    from types_boto3_cloudwatch.literals import StandardUnitType

MINUTE = 60.0


class Traffic:
    """Counts requests as they end. Safe to use from any thread."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self) -> None:
        self._counts: dict[tuple[float, str, str | None], Counted] = {}
        self._guard = threading.Lock()

    def add(self, entry: AccessLogEntry) -> None:
        """Count a request."""
        minute = entry.at - entry.at % MINUTE
        key = (minute, entry.listener, entry.target_group)
        with self._guard:
            counted = self._counts.setdefault(key, Counted(*key))
            counted.requests += 1
            if entry.target_status is not None:
                hundred = entry.target_status // 100
                counted.of_targets[hundred] = counted.of_targets.get(hundred, 0) + 1
                counted.durations.append(entry.duration)
            else:
                hundred = entry.status // 100
                counted.own[hundred] = counted.own.get(hundred, 0) + 1

    def take(self, until: float) -> list[Counted]:
        """Return and forget what was counted in the minutes that are over at `until`."""
        with self._guard:
            over = [key for key in self._counts if key[0] + MINUTE <= until]
            return [self._counts.pop(key) for key in sorted(over, key=lambda key: key[0])]


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """Values of a metric of AWS's own, at an instant of AWS time."""

    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    at: float
    values: tuple[float, ...]
    counts: tuple[float, ...]
    unit: StandardUnitType


class MetricSource(Protocol):
    """A service that publishes metrics of its own."""

    def metrics(self, until: float) -> Iterable[MetricPoint]:
        """Return what is to be published of the time before `until`, once."""
