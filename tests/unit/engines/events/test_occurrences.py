"""Times of schedules: AWS's examples, and properties of every expression that EventBridge accepts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.events import is_occurring, next_occurrence


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("cron(0 10 * * ? *)", "UTC", "2026-11-29T10:00:00"),
        ("cron(15 12 * * ? *)", "UTC", "2026-11-28T12:15:00"),
        ("cron(0 18 ? * MON-FRI *)", "UTC", "2026-11-30T18:00:00"),
        ("cron(0 8 1 * ? *)", "UTC", "2026-12-01T08:00:00"),
        ("cron(0/15 * * * ? *)", "UTC", "2026-11-28T12:15:00"),
        ("cron(0 9 ? * 2#1 *)", "UTC", "2026-12-07T09:00:00"),
        ("cron(0 9 L * ? *)", "UTC", "2026-11-30T09:00:00"),
        ("cron(0 9 ? * 6L *)", "UTC", "2026-12-25T09:00:00"),
        ("cron(0 9 28W 2 ? *)", "UTC", "2027-02-26T09:00:00"),
        ("cron(0 9 29 2 ? *)", "UTC", "2028-02-29T09:00:00"),
        ("cron(0 10 * * ? *)", "Europe/Berlin", "2026-11-29T09:00:00"),
        ("cron(0 10 * * ? 2025)", "UTC", None),
        ("at(2026-12-24T18:00:00)", "Europe/Berlin", "2026-12-24T17:00:00"),
        ("at(2026-11-28T11:59:59)", "UTC", None),
    ],
)
def test_the_next_time_of_an_expression(expression: str, zone: str, expected: str | None) -> None:
    """From noon on Saturday, the 28th of November 2026; 2026-11-27 is a Friday, and 2027-02-28 a Sunday."""
    assert is_occurring(expression, zone)
    due = next_occurrence(expression, at("2026-11-28T12:00:00"), since=0.0, zone=zone)
    assert due == (None if expected is None else at(expected))


@given(st.integers(1, 999), st.sampled_from(["minute", "hour", "day"]), st.floats(0, 1e6))
def test_a_rate_counts_from_its_beginning(number: int, unit: str, passed: float) -> None:
    """The first time is a period after the beginning, and each later one a whole number of periods."""
    period = number * {"minute": 60.0, "hour": 3600.0, "day": 86400.0}[unit]
    due = next_occurrence(f"rate({number} {unit}s)", 1e9 + passed, since=1e9)
    assert due is not None
    assert due > 1e9 + passed
    assert due - (1e9 + passed) <= period
    assert (due - 1e9) % period == 0


_field = st.one_of(st.just("*"), st.integers(0, 59).map(str), st.integers(1, 20).map(lambda step: f"0/{step}"))


@given(_field, st.integers(0, 23), st.floats(1.7e9, 2.0e9))
def test_a_time_of_a_day_is_in_the_future_and_near(minute: str, hour: int, after: float) -> None:
    """A daily expression is due within a day, at its hour."""
    due = next_occurrence(f"cron({minute} {hour} * * ? *)", after, since=0.0)
    assert due is not None
    assert after < due <= after + 86_400
    assert datetime.fromtimestamp(due, UTC).hour == hour
    assert due % 60 == 0


@pytest.mark.parametrize(
    ("expression", "zone"),
    [("cron(0 10 * * * *)", "UTC"), ("rate(0 minutes)", "UTC"), ("at(2026-13-01T00:00:00)", "UTC"), ("rate(1 hour)", "Mars")],
)  # fmt: skip
def test_what_scheduler_refuses(expression: str, zone: str) -> None:
    """Malformed expressions and unknown zones are no schedules."""
    assert not is_occurring(expression, zone)
