"""Container health checks: each outcome moves a container to HEALTHY, UNHEALTHY or UNKNOWN.

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from .errors import InvalidHealthCheck

HealthStatus = Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]

_RANGES = {"interval": (5, 300, 30), "timeout": (2, 60, 5), "retries": (1, 10, 3), "startPeriod": (0, 300, 0)}


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A container's check: `command` as in the task definition; the rest in seconds, `retries` in failures."""

    command: tuple[str, ...]
    interval: int = 30
    timeout: int = 5
    retries: int = 3
    start_period: int = 0

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> HealthCheck:
        """Read a container definition's `healthCheck`.

        Raises:
            InvalidHealthCheck: no command, a command that starts neither with CMD nor CMD-SHELL, or a
                number outside AWS's range.
        """
        command = document.get("command")
        if (
            not isinstance(command, list | tuple)
            or len(command) < 2
            or not all(isinstance(word, str) for word in command)
            or command[0] not in ("CMD", "CMD-SHELL")
        ):
            raise InvalidHealthCheck("command", command, 'a list of strings that starts with "CMD" or "CMD-SHELL"')
        numbers: dict[str, int] = {}
        for name, (least, most, default) in _RANGES.items():
            value = document.get(name)
            if value is None:
                value = default
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InvalidHealthCheck(name, value, f"a whole number from {least} to {most}")
            numbers[name] = value
        return cls(
            command=tuple(command),
            interval=numbers["interval"],
            timeout=numbers["timeout"],
            retries=numbers["retries"],
            start_period=numbers["startPeriod"],
        )


@dataclass(frozen=True, slots=True)
class ContainerHealth:
    """The health of one container; times in AWS seconds."""

    started_at: float
    next_check_at: float
    status: HealthStatus = "UNKNOWN"
    failures: int = 0


def container_started(check: HealthCheck, now: float) -> ContainerHealth:
    """The first check comes one interval after the start."""
    return ContainerHealth(started_at=now, next_check_at=now + check.interval)


def container_checked(check: HealthCheck, health: ContainerHealth, now: float, passed: bool) -> ContainerHealth:
    """Apply one outcome; a check that timed out has failed.

    Failures within the start period do not count, until a success in it makes the container HEALTHY; from then on
    they do. `retries` failures in a row make it UNHEALTHY, one success HEALTHY.
    """
    after = replace(health, next_check_at=now + check.interval)
    if passed:
        return replace(after, status="HEALTHY", failures=0)
    if health.status == "UNKNOWN" and now - health.started_at < check.start_period:
        return after
    failures = health.failures + 1
    return replace(after, failures=failures, status="UNHEALTHY" if failures >= check.retries else health.status)


def task_health(essential: Iterable[HealthStatus]) -> HealthStatus:
    """A task's health from that of its essential containers: any UNHEALTHY, else any UNKNOWN, else HEALTHY.

    A task without such containers is UNKNOWN.
    """
    statuses = set(essential)
    if "UNHEALTHY" in statuses:
        return "UNHEALTHY"
    return "HEALTHY" if statuses == {"HEALTHY"} else "UNKNOWN"
