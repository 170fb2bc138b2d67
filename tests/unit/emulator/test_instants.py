"""Instants as AWS writes them.

https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html has seconds; the details of ECS's and
CodePipeline's events have milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pushproof.emulator.kernel.instants import Precision, iso

AT = datetime(2026, 1, 2, 3, 4, 5, 678_999, UTC)


@pytest.mark.parametrize(
    ("precision", "text"),
    [
        ("minutes", "2026-01-02T03:04Z"),
        ("seconds", "2026-01-02T03:04:05Z"),
        ("milliseconds", "2026-01-02T03:04:05.678Z"),
        ("microseconds", "2026-01-02T03:04:05.678999Z"),
    ],
)
def test_instants_are_cut_off_not_rounded(precision: Precision, text: str) -> None:
    """Each precision keeps its digits, in UTC, with a Z, whatever the instant's own zone."""
    assert iso(AT, precision) == text
    assert iso(AT.astimezone(timezone(timedelta(hours=-7))), precision) == text
