"""Rates that come out the same in every run: the n-th decision about a thing depends on the seed, the thing and n alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field


def draw(seed: int, thing: Hashable, number: int) -> float:
    """Return a number in [0, 1), evenly spread over all numbers and things."""
    digest = hashlib.blake2b(repr((seed, thing, number)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(slots=True)
class Draws:
    """Decisions by rate, counted for each thing that is decided about."""

    seed: int = 0
    counts: Counter[Hashable] = field(default_factory=Counter)

    def strike(self, thing: Hashable, rate: float) -> bool:
        """Decide about a thing once more."""
        number = self.counts[thing]
        self.counts[thing] += 1
        return rate >= 1.0 or draw(self.seed, thing, number) < rate
