"""Shards of a session: groups of tests that share applied modules, balanced by the seconds that they took.

A shard never cuts through what shares an apply, so groups are dealt out whole, the longest first, each to the shard with the
least so far: loads then differ by the longest group at most. R. L. Graham, Bounds on Multiprocessing Timing Anomalies, SIAM
Journal on Applied Mathematics 17 (1969), describes the rule ("longest processing time").
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_SHARD = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a session. `number`: from 1 to `count`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def read_shard(text: str) -> Shard:
    """Return the shard that `2/5` names. Raises ValueError with what was expected."""
    match = _SHARD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r}: expected a shard and their count, such as 2/5 for the second of five")
    number, count = int(match[1]), int(match[2])
    if not 1 <= number <= count:
        raise ValueError(
            f"{text!r}: shards are counted from 1; expected a number from 1 to {max(count, 1)} before the /"
        )
    return Shard(number, count)


def groups_of(tests: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return tests that share something, directly or through others, as groups; both in the order of names.

    `tests`: by name, the names of what each shares with others, such as its file.
    """
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for test, shared in tests.items():
        for each in shared:
            leader[find(f"shared {each}")] = find(f"test {test}")
    groups: dict[str, list[str]] = {}
    for test in sorted(tests):
        groups.setdefault(find(f"test {test}"), []).append(test)
    return sorted(groups.values())


def weights(tests: Iterable[str], durations: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of each test; one without a record gets the median of those with one, or 1 where there are none."""
    names = list(tests)
    recorded = [durations[name] for name in names if name in durations]
    median = statistics.median(recorded) if recorded else 1.0
    return {name: durations.get(name, median) for name in names}


def deal(groups: Sequence[Sequence[str]], seconds: Mapping[str, float], count: int) -> list[list[str]]:
    """Return the tests of each of `count` shards. It depends on the groups and seconds alone, not on their order."""
    heaviest_first = sorted(
        ((sum(seconds[test] for test in sorted(group)), sorted(group)) for group in groups), key=_rank
    )
    loads = [0.0] * count
    shards: list[list[str]] = [[] for _ in loads]
    for load, group in heaviest_first:
        lightest = min(range(count), key=lambda each: (loads[each], len(shards[each]), each))
        loads[lightest] += load
        shards[lightest] += group
    return shards


def _rank(group: tuple[float, list[str]]) -> tuple[float, list[str]]:
    return -group[0], group[1]
