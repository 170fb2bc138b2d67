"""Target health: each probe's outcome as Elastic Load Balancing's target state and reason code.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from .errors import InvalidDeploymentConfiguration

TargetStateName = Literal["initial", "healthy", "unhealthy", "unhealthy.draining", "unused", "draining", "unavailable"]

TargetReasonName = Literal[
    "Elb.InitialHealthChecking",
    "Elb.InternalError",
    "Elb.RegistrationInProgress",
    "Target.DeregistrationInProgress",
    "Target.FailedHealthChecks",
    "Target.HealthCheckDisabled",
    "Target.InvalidState",
    "Target.IpUnusable",
    "Target.NotInUse",
    "Target.NotRegistered",
    "Target.ResponseCodeMismatch",
    "Target.Timeout",
]

DESCRIPTIONS: dict[str, str] = {
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Elb.InternalError": "Health checks failed due to an internal error",
    "Target.Timeout": "Request timed out",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.NotRegistered": "Target is not registered to the target group",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.InvalidState": "Target is in the stopped state",
    "Target.IpUnusable": "Target IP address is reserved for use by a load balancer",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
    "Target.HealthCheckDisabled": "Health checks are not enabled for this target",
}
"""Reason code -> the description AWS shows beside it."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """The HTTP codes that count as success: `200`, `200,202`, `200-299`, or a mixture."""

    text: str
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> Matcher:
        """Raises InvalidDeploymentConfiguration unless every code lies within 200..599."""
        expected = 'codes from 200 to 599 as "200", "200,202" or "200-299"'
        ranges: list[tuple[int, int]] = []
        if not isinstance(text, str):
            raise InvalidDeploymentConfiguration("Matcher.HttpCode", text, expected)
        for part in text.split(","):
            match = re.fullmatch(r"\s*(\d{3})\s*(?:-\s*(\d{3})\s*)?", part, re.ASCII)
            if match is None:
                raise InvalidDeploymentConfiguration("Matcher.HttpCode", text, expected)
            low = int(match[1])
            high = int(match[2] or low)
            if not 200 <= low <= high <= 599:
                raise InvalidDeploymentConfiguration("Matcher.HttpCode", text, expected)
            ranges.append((low, high))
        return cls(text, tuple(ranges))

    def matches(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class Probe:
    """One health check's outcome: an HTTP `code`, or none and whether it `timed_out` (else the connection failed).

    `accepted` is for TCP checks, where connecting is enough.
    """

    code: int | None = None
    timed_out: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class TargetCheck:
    """A target group's check; times in seconds.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    """

    matcher: Matcher = Matcher("200", ((200, 200),))
    interval: float = 30.0
    timeout: float = 5.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    first_success_suffices: bool = True
    """A new target is healthy after its first passed check (ALB guide; the detail is not documented further)."""


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """State of one target with AWS's reason code and description (empty when healthy)."""

    state: TargetStateName
    reason: TargetReasonName | Literal[""] = ""
    description: str = ""
    successes: int = 0
    failures: int = 0
    next_check_at: float | None = None
    drained_at: float | None = None


def target_registered(now: float) -> TargetHealth:
    """A target just registered; its first check comes at once."""
    return _with_reason("initial", "Elb.RegistrationInProgress", next_check_at=now)


def target_unused(reason: TargetReasonName = "Target.NotInUse") -> TargetHealth:
    """A target that receives neither traffic nor checks."""
    return _with_reason("unused", reason)


def target_probed(check: TargetCheck, health: TargetHealth, now: float, probe: Probe) -> TargetHealth:
    """Apply one probe of a registered target; draining and unused targets do not change."""
    if health.state not in ("initial", "healthy", "unhealthy"):
        return health
    after = replace(health, next_check_at=now + check.interval)
    if probe.accepted or (probe.code is not None and check.matcher.matches(probe.code)):
        successes = health.successes + 1
        enough = 1 if health.state == "initial" and check.first_success_suffices else check.healthy_threshold
        if health.state == "healthy" or successes >= enough:
            return replace(after, state="healthy", reason="", description="", successes=successes, failures=0)
        after = replace(after, successes=successes, failures=0)
        return _explained(after, "Elb.InitialHealthChecking") if health.state == "initial" else after
    failures = health.failures + 1
    after = replace(after, successes=0, failures=failures)
    if health.state == "unhealthy" or failures >= check.unhealthy_threshold:
        return _failed(replace(after, state="unhealthy"), probe)
    return _explained(after, "Elb.InitialHealthChecking") if health.state == "initial" else after


def target_deregistered(health: TargetHealth, now: float, delay: float) -> TargetHealth:
    """Start draining: existing requests finish until `delay` seconds have passed; new ones go elsewhere."""
    state: TargetStateName = "unhealthy.draining" if health.state == "unhealthy" else "draining"
    return replace(_with_reason(state, "Target.DeregistrationInProgress"), drained_at=now + delay)


def routable(states: Iterable[TargetHealth]) -> list[int]:
    """Indexes of the targets that get new requests: the healthy ones, or all registered ones if none is healthy.

    The latter is a load balancer failing open.
    """
    targets = list(states)
    healthy = [index for index, target in enumerate(targets) if target.state == "healthy"]
    if healthy:
        return healthy
    return [index for index, target in enumerate(targets) if target.state in ("initial", "unhealthy")]


def _with_reason(state: TargetStateName, reason: TargetReasonName, next_check_at: float | None = None) -> TargetHealth:
    return TargetHealth(state, reason, DESCRIPTIONS[reason], next_check_at=next_check_at)


def _explained(health: TargetHealth, reason: TargetReasonName) -> TargetHealth:
    return replace(health, reason=reason, description=DESCRIPTIONS[reason])


def _failed(health: TargetHealth, probe: Probe) -> TargetHealth:
    if probe.code is not None:
        return replace(
            health,
            reason="Target.ResponseCodeMismatch",
            description=f"Health checks failed with these codes: [{probe.code}]",
        )
    return _explained(health, "Target.Timeout" if probe.timed_out else "Target.FailedHealthChecks")
