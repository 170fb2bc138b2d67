"""The share of the requests that a new revision got, beside the share that the strategy gave it at that moment."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.drill.settings import ProofFailed

if TYPE_CHECKING:
    from pushproof.drill.prober import Answer

#: Real seconds for a changed weight to reach the load balancer: answers so near to a change count for neither side.
_MARGIN = 0.25
#: Standard deviations by which a random split may differ: one in three million is farther away.
_DEVIATIONS = 5.0


@dataclass(frozen=True, slots=True)
class Share:
    """The answers at one weight of the new revision, in percent: how many there were, and how many it gave."""

    weight: float
    answers: int
    new: int

    def __str__(self) -> str:
        return f"{self.new} of {self.answers} at {self.weight:g} %"

    @property
    def problem(self) -> str:
        """Return the fault of the split; "" when it is as the weight says, as far as chance allows."""
        chance = self.weight / 100.0
        expected = self.answers * chance
        spread = _DEVIATIONS * math.sqrt(self.answers * chance * (1.0 - chance))
        allowed = spread + 1.0 if 0.0 < chance < 1.0 else 0.0
        if abs(self.new - expected) <= allowed:
            return ""
        return (
            f"the new revision answered {self.new} of {self.answers} requests while its weight was {self.weight:g} %; "
            f"expected {expected:.0f}, give or take {allowed:.0f}"
        )


@dataclass(slots=True)
class Weights:
    """The weight of the new revision over time, by the monotonic clock."""

    times: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, at: float, weight: float) -> None:
        """Note the weight at a moment; moments come in order."""
        self.times.append(at)
        self.weights.append(weight)

    def during(self, begin: float, end: float) -> float | None:
        """Return the weight during a span; None if it changed nearby, or is not known."""
        first, last = bisect_right(self.times, begin - _MARGIN) - 1, bisect_left(self.times, end + _MARGIN)
        if first < 0 or last >= len(self.times):
            return None
        seen = set(self.weights[first : last + 1])
        return seen.pop() if len(seen) == 1 else None

    @property
    def course(self) -> tuple[float, ...]:
        """The weights in their order, each once in a row."""
        return tuple(
            weight for place, weight in enumerate(self.weights) if not place or weight != self.weights[place - 1]
        )


def shares(answers: Iterable[Answer], weights: Weights, is_new: Callable[[Answer], bool]) -> list[Share]:
    """Return the share of the new revision at each weight; answers near a change are left out."""
    counted: Counter[float] = Counter()
    new: Counter[float] = Counter()
    for answer in answers:
        weight = weights.during(answer.at - answer.seconds, answer.at)
        if weight is not None:
            counted[weight] += 1
            new[weight] += is_new(answer)
    return [Share(weight, counted[weight], new[weight]) for weight in sorted(counted)]


def require_shares(split: Iterable[Share]) -> None:
    """Raise ProofFailed for the first share that differs from its weight."""
    for share in split:
        if share.problem:
            raise ProofFailed(share.problem)


class WeightWatch:
    """Follows the share of users' requests that a new revision gets; a context manager.

    `weight` asks for it, in percent; `interval`: real seconds between two questions.
    """

    def __init__(self, weight: Callable[[], float], *, interval: float) -> None:
        self._weight = weight
        self._interval = interval
        self.weights = Weights()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pushproof-weights", daemon=True)

    def __enter__(self) -> WeightWatch:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._look()

    def _look(self) -> None:
        try:
            weight = self._weight()
        except (ClientError, BotoCoreError):
            # A look that fails leaves a gap, in which no answer counts.
            return
        self.weights.add(time.monotonic(), weight)
