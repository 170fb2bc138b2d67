"""The CloudWatch metrics of load balancers, from the requests that really passed and the targets as they are.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pushproof.emulator.kernel.balancing import Counted
from pushproof.emulator.kernel.traffic import MINUTE, MetricPoint
from pushproof.emulator.services.elbv2.model import LoadBalancer, TargetGroup
from pushproof.emulator.services.elbv2.store import Store

_Dimensions = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Sums:
    """Sums of one minute, over one set of dimensions."""

    requests: int = 0
    of_targets: Counter[int] = field(default_factory=Counter)
    own: Counter[int] = field(default_factory=Counter)
    durations: list[float] = field(default_factory=list)

    def add(self, counted: Counted) -> None:
        self.requests += counted.requests
        self.of_targets.update(counted.of_targets)
        self.own.update(counted.own)
        self.durations += counted.durations


class MetricOperations(Store):
    """Metrics of load balancers, for CloudWatch to publish."""

    #: The end of the last minute whose targets were counted.
    hosts_counted: float = 0.0

    def metrics(self, until: float) -> list[MetricPoint]:
        """Return the requests of the minutes before `until`, and the targets of the last of them, once."""
        points = list(self._of_requests(self.plane.traffic(until)))
        if until > self.hosts_counted:
            self.hosts_counted = until
            points += self._of_targets(until - MINUTE)
        return points

    def _of_requests(self, counts: list[Counted]) -> Iterator[MetricPoint]:
        sums: dict[tuple[float, str, _Dimensions], _Sums] = {}
        for counted in counts:
            listener = self.listeners.get(counted.listener)
            balancer = self.balancers.get(listener.load_balancer_arn) if listener is not None else None
            if balancer is None:
                continue
            whole: _Dimensions = (("LoadBalancer", balancer.path),)
            sums.setdefault((counted.minute, balancer.region, whole), _Sums()).add(counted)
            group = self.groups.get(counted.target_group) if counted.target_group else None
            if group is not None:
                part = (("TargetGroup", _path(group)), *whole)
                sums.setdefault((counted.minute, balancer.region, part), _Sums()).add(counted)
        for (minute, region, dimensions), total in sums.items():
            yield from _points(minute, region, dimensions, total)

    def _of_targets(self, minute: float) -> Iterator[MetricPoint]:
        for group in self.groups.values():
            for arn in self.using(group.arn):
                balancer = self.balancers[arn]
                states = Counter(target.health.state for target in group.targets.values())
                bad = states["unhealthy"] + states["unhealthy.draining"]
                dimensions = (("TargetGroup", _path(group)), ("LoadBalancer", balancer.path))
                for name, count in (("HealthyHostCount", states["healthy"]), ("UnHealthyHostCount", bad)):
                    yield _point(minute, balancer, name, dimensions, count)


def _point(minute: float, balancer: LoadBalancer, name: str, dimensions: _Dimensions, count: int) -> MetricPoint:
    namespace = "AWS/NetworkELB" if balancer.network else "AWS/ApplicationELB"
    return MetricPoint(balancer.region, namespace, name, dimensions, minute, (float(count),), (1.0,), "Count")


def _points(minute: float, region: str, dimensions: _Dimensions, total: _Sums) -> Iterator[MetricPoint]:
    """Yield the metrics of a minute with requests; a count of codes is published only where it is not zero, as on AWS."""
    counts = {"RequestCount": total.requests}
    counts |= {f"HTTPCode_Target_{hundred}XX_Count": total.of_targets[hundred] for hundred in (2, 3, 4, 5)}
    if len(dimensions) == 1:
        counts |= {f"HTTPCode_ELB_{hundred}XX_Count": total.own[hundred] for hundred in (3, 4, 5)}
    for name, count in counts.items():
        if count:
            yield MetricPoint(region, "AWS/ApplicationELB", name, dimensions, minute, (float(count),), (1.0,), "Count")
    if total.durations:
        durations = Counter(round(duration, 4) for duration in total.durations)
        yield MetricPoint(
            region,
            "AWS/ApplicationELB",
            "TargetResponseTime",
            dimensions,
            minute,
            tuple(durations),
            tuple(float(count) for count in durations.values()),
            "Seconds",
        )


def _path(group: TargetGroup) -> str:
    return group.arn.rsplit(":", 1)[-1]
