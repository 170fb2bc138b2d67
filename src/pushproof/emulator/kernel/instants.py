"""Instants as AWS writes them in events, messages and condition keys: UTC, with a Z."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

Precision = Literal["minutes", "seconds", "milliseconds", "microseconds"]


def iso(instant: datetime, precision: Precision = "seconds") -> str:
    """Format an aware instant in ISO 8601, cut off at `precision`."""
    return instant.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
