"""Time as it passes on AWS.

Everything that waits (health intervals, drains, grace periods, timeouts) receives its clock from its creator. At speed 1 a
30-second interval takes 30 seconds; at speed 30 it takes one; on a virtual clock it takes none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Protocol


class Clock(Protocol):
    """Two readings: the AWS time that decisions use, and the instant that API answers show."""

    def now(self) -> float:
        """Return AWS time, seconds since the epoch."""

    def stamp(self, at: float) -> datetime:
        """Return the instant (aware, UTC) that an API answer shows for the AWS time `at`."""

    def real_delay(self, seconds: float) -> float:
        """Return the real seconds that `seconds` of AWS time take."""

    def reading(self) -> ClockReading:
        """Return what another clock needs to continue this one."""

    def continue_after(self, reading: ClockReading) -> None:
        """Go on from where another clock was, whose instants this one then shows as that one did."""


# Real work (an HTTP probe, a command in a container) does not speed up with the clock, and shares a busy machine: its
# time limit is never cut below this. With one second, loaded CI runners lost healthy targets.
SHORTEST_WORK_LIMIT = 5.0


def work_limit(clock: Clock, seconds: float) -> float:
    """Return the real seconds for real work whose limit on AWS is `seconds`.

    An application answers at its own speed however fast the clock runs: at speed 30 a 5-second timeout cut to 0.17 s would fail
    healthy targets. So a limit is scaled, but to no less than `SHORTEST_WORK_LIMIT` (or than itself).
    """
    return max(clock.real_delay(seconds), min(seconds, SHORTEST_WORK_LIMIT))


# A program's start is real work as well: a Python service on a busy CI runner needs seconds until it listens.
LONGEST_START = 15.0


def start_room(clock: Clock, patience: float) -> float:
    """Return the AWS seconds during which a new program that does not answer yet is not judged. They keep speed from failing
    starts.

    `patience` is the time on AWS after which its checks call it unhealthy. Room and patience together last 15 real seconds, or
    as long as on AWS if that is less; at speed 1, and where time is not real, there is no room to add.
    """
    real = clock.real_delay(patience)
    allowance = min(patience, LONGEST_START)
    return (allowance - real) * patience / real if 0.0 < real < allowance else 0.0


def unshortened(clock: Clock, seconds: float) -> float:
    """Return AWS seconds that last at least `seconds` real ones, for waits in which people and programs do real work.

    A login to the registry that is valid for twelve hours on AWS has to outlast a build here too, however fast the clock runs.
    """
    real = clock.real_delay(seconds)
    return seconds * seconds / real if 0.0 < real < seconds else seconds


@dataclass(frozen=True, slots=True)
class ClockSpan:
    """A time in which one clock ran: the AWS time and the wall-clock time of its start, in seconds since the epoch."""

    aws: float
    wall: float
    speed: float


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The AWS time of a clock, and the spans in which it has run so far."""

    now: float
    spans: tuple[ClockSpan, ...]


class ScaledClock:
    """AWS time that runs `speed` times as fast as the wall clock, both starting at the same instant.

    Answers show wall-clock instants, because clients compare them with their own clocks (`aws logs tail --since 10m`, a
    token's expiry): only durations are scaled.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed!r}; expected a number greater than 0, such as 1 (as on AWS) or 30")
        self.speed = float(speed)
        wall = time.time()
        self._spans: tuple[ClockSpan, ...] = (ClockSpan(wall, wall, self.speed),)
        self._monotonic = time.monotonic()

    def now(self) -> float:
        return self._spans[-1].aws + (time.monotonic() - self._monotonic) * self.speed

    def stamp(self, at: float) -> datetime:
        span = next((span for span in reversed(self._spans) if span.aws <= at), self._spans[0])
        return datetime.fromtimestamp(span.wall + (at - span.aws) / span.speed, UTC)

    def reading(self) -> ClockReading:
        """Return what another clock needs to continue this one."""
        return ClockReading(self.now(), self._spans)

    def continue_after(self, reading: ClockReading) -> None:
        """Go on from where another clock was, whose instants this one then shows as that one did."""
        self._spans = (*reading.spans, ClockSpan(reading.now, time.time(), self.speed))
        self._monotonic = time.monotonic()

    def real_delay(self, seconds: float) -> float:
        return seconds / self.speed


class VirtualClock:
    """A clock that moves only when a test or simulation moves it."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def stamp(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, UTC)

    def real_delay(self, seconds: float) -> float:
        return 0.0

    def reading(self) -> ClockReading:
        """Return what another clock needs to continue this one."""
        return ClockReading(self._now, ())

    def continue_after(self, reading: ClockReading) -> None:
        """Go on from where another clock was."""
        self._now = reading.now

    def move_to(self, at: float) -> None:
        """Set the time; it never runs backwards."""
        if at < self._now:
            raise ValueError(f"a clock cannot run backwards: from {self._now} to {at}")
        self._now = at
