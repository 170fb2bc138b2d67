"""Choices among mutants: a sample, those of a place or operator, and those in changed lines."""

from __future__ import annotations

import difflib
import fnmatch
import posixpath
import random
import re
from collections.abc import Mapping, Sequence

from pushproof.engines.mutation.model import Mutant


class NothingMatches(ValueError):
    """A pattern that no mutant matches. The message names what there is."""


def sample(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return `count` of the mutants, in their order; all of them where there are not more.

    The sample is systematic over operators and, inside of an operator, modules: each has its share up to one, so that the score
    of the sample estimates the score of all. Equal arguments give equal samples.
    """
    if count < 0:
        raise ValueError(f"a sample of {count} mutants: expected 0 or more")
    if count >= len(mutants):
        return list(mutants)
    if count == 0:
        return []
    generator = random.Random(seed)
    # A number drawn for each id keeps the choice independent of the order that the mutants come in.
    lots = {mutant.id: generator.random() for mutant in sorted(mutants, key=lambda mutant: mutant.id)}
    strata = sorted(mutants, key=lambda mutant: (mutant.operator, posixpath.dirname(mutant.path), lots[mutant.id]))
    step = len(strata) / count
    start = generator.random() * step
    chosen = {strata[min(int(start + number * step), len(strata) - 1)].id for number in range(count)}
    return [mutant for mutant in mutants if mutant.id in chosen]


def only(mutants: Sequence[Mutant], pattern: str) -> list[Mutant]:
    """Return the mutants of a module (`module.ecs`), an address (`aws_ecs_service.this`), an operator, a file, a folder or an id.

    `*`, `?` and `[…]` stand for what they stand for in a shell. Raises `NothingMatches` where there is none.
    """
    chosen = [mutant for mutant in mutants if _matches(mutant, pattern)]
    if not chosen:
        raise NothingMatches(_nothing(mutants, pattern))
    return chosen


def _matches(mutant: Mutant, pattern: str) -> bool:
    folders = pattern.rstrip("/") + "/*"
    if any(fnmatch.fnmatchcase(text, pattern) for text in (mutant.operator, mutant.path, mutant.id)):
        return True
    if fnmatch.fnmatchcase(mutant.path, folders):
        return True
    # An address matches from any of its names on, and with whatever it contains: `module.ecs`, `aws_ecs_service.this`.
    names = re.split(r"\.(?![^\[]*\])", mutant.address)
    starts = [".".join(names[at:]) for at in range(len(names))]
    return any(
        fnmatch.fnmatchcase(start, pattern) or fnmatch.fnmatchcase(start, pattern + ".*")
        for at, start in enumerate(starts)
        # `this` alone would be every resource of that name.
        if start and (at == 0 or names[at - 1] not in ("module", "data"))
    )


def _nothing(mutants: Sequence[Mutant], pattern: str) -> str:
    if not mutants:
        return f"nothing matches {pattern!r}: there are no mutants at all"
    modules = {match.group() for mutant in mutants if (match := re.match(r"(module\.[^.]+\.?)+", mutant.address))}
    there = {
        "modules": sorted({module.rstrip(".") for module in modules}),
        "operators": sorted({mutant.operator for mutant in mutants}),
        "files": sorted({mutant.path for mutant in mutants}),
    }
    addresses = sorted({mutant.address for mutant in mutants})
    close = difflib.get_close_matches(
        pattern, [*addresses, *(name for names in there.values() for name in names)], 3, 0.5
    )
    hint = f" Close to it: {', '.join(close)}." if close else ""
    listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in there.items() if names)
    return f"nothing matches {pattern!r}.{hint} Give a module, an address, an operator or a file. There are {listed}."


def within_lines(mutants: Sequence[Mutant], changed: Mapping[str, Sequence[range]]) -> list[Mutant]:
    """Return the mutants that change one of the lines, by path; lines count from 1, as in the files the mutants are made from."""
    return [
        mutant
        for mutant in mutants
        if any(_meet(lines, there) for lines in mutant.lines for there in changed.get(mutant.path, ()))
    ]


def _meet(first: range, second: range) -> bool:
    return first.start < second.stop and second.start < first.stop
