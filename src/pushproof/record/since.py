"""Instants as seconds since a run began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Since:
    """Turns an instant (seconds since the epoch) into seconds since the run began; None stays None."""

    began: float

    def __call__(self, instant: Any) -> float | None:
        """Return the seconds; None for what is no instant."""
        return None if not isinstance(instant, int | float) else round(instant - self.began, 3)

    def sure(self, instant: Any) -> float:
        """Return the seconds; 0 for what is no instant."""
        return self(instant) or 0.0
