"""Health checks of containers, and a task's health.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck as Slowness
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.tasks import (
    HealthCheck,
    HealthStatus,
    InvalidHealthCheck,
    container_checked,
    container_started,
    task_health,
)

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
CHECK = HealthCheck(("CMD-SHELL", "curl -f http://localhost/health"), interval=30, retries=3, start_period=60)


def outcomes(check: HealthCheck, *passed: bool) -> list[HealthStatus]:
    """The status after each of a row of checks, made at their interval."""
    health = container_started(check, 0.0)
    seen: list[HealthStatus] = []
    for outcome in passed:
        health = container_checked(check, health, health.next_check_at, outcome)
        seen.append(health.status)
    return seen


def test_first_check_comes_one_interval_after_the_start() -> None:
    """The first check runs after one interval."""
    assert container_started(CHECK, 100.0).next_check_at == 130.0


def test_failures_within_the_start_period_do_not_count() -> None:
    """The failure at 30 s does not count with a 60 s start period; those at 60, 90 and 120 s make the container UNHEALTHY."""
    assert outcomes(CHECK, False, False, False, False) == ["UNKNOWN", "UNKNOWN", "UNKNOWN", "UNHEALTHY"]


def test_after_a_success_in_the_start_period_failures_count() -> None:
    """One success makes the container HEALTHY and ends its start period."""
    check = HealthCheck(("CMD", "true"), interval=5, retries=2, start_period=300)
    assert outcomes(check, True, False, False) == ["HEALTHY", "HEALTHY", "UNHEALTHY"]


def test_a_success_clears_the_failures() -> None:
    """Consecutive failures alone count."""
    check = HealthCheck(("CMD", "true"), interval=5, retries=2)
    assert outcomes(check, True, False, True, False, True) == ["HEALTHY"] * 5


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        (["UNHEALTHY", "UNKNOWN"], "UNHEALTHY"),
        (["UNHEALTHY", "HEALTHY"], "UNHEALTHY"),
        (["HEALTHY", "UNKNOWN"], "UNKNOWN"),
        (["HEALTHY", "HEALTHY"], "HEALTHY"),
        (["UNHEALTHY", "UNKNOWN", "UNKNOWN"], "UNHEALTHY"),
        (["UNHEALTHY", "UNKNOWN", "HEALTHY"], "UNHEALTHY"),
        (["UNHEALTHY", "HEALTHY", "HEALTHY"], "UNHEALTHY"),
        (["HEALTHY", "UNKNOWN", "HEALTHY"], "UNKNOWN"),
        (["HEALTHY", "UNKNOWN", "UNKNOWN"], "UNKNOWN"),
        (["HEALTHY", "HEALTHY", "HEALTHY"], "HEALTHY"),
        ([], "UNKNOWN"),
    ],
)
def test_task_health_as_published(containers: list[HealthStatus], expected: HealthStatus) -> None:
    """Every example of API_HealthCheck comes out."""
    assert task_health(containers) == expected


def test_health_check_defaults_are_the_published_ones() -> None:
    """Interval 30, timeout 5, retries 3, no start period."""
    check = HealthCheck.parse({"command": ["CMD-SHELL", "exit 0"]})
    assert (check.interval, check.timeout, check.retries, check.start_period) == (30, 5, 3, 0)


@pytest.mark.parametrize(
    ("member", "value"), [("interval", 4), ("timeout", 61), ("retries", 11), ("startPeriod", 301), ("retries", True)]
)
def test_health_check_ranges(member: str, value: object) -> None:
    """A number outside AWS's range is refused by name."""
    with pytest.raises(InvalidHealthCheck, match=member):
        HealthCheck.parse({"command": ["CMD", "true"], member: value})


@settings(max_examples=1000, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(st.dictionaries(st.sampled_from(["command", "interval", "timeout", "retries", "startPeriod"]), _json))
def test_no_health_check_escapes_as_anything_but_a_typed_error(document: dict[str, object]) -> None:
    """Any value for a health check parses, or raises InvalidHealthCheck."""
    try:
        check = HealthCheck.parse(document)
    except InvalidHealthCheck:
        return
    assert check.command[0] in ("CMD", "CMD-SHELL")
