"""The result of a campaign as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pushproof.engines.mutation.model import Mutant
from pushproof.mutation.campaign import Result
from pushproof.mutation.outcome import Outcome, Score, score


def line_of(mutant: Mutant, outcome: Outcome) -> str:
    """Return one line about a mutant and its outcome."""
    by = f" by {outcome.by}" if outcome.by else ""
    return f"{outcome.status:<10} {mutant.id} {mutant.operator:<28} {mutant.path}:{mutant.line}{by}"


def summary(result: Result) -> Iterator[str]:
    """Yield the lines of a summary: survivors with their diffs, scores by module and by operator, and the whole."""
    pairs = pairs_of(result)
    for mutant, outcome in pairs:
        if outcome.status in ("survived", "broken"):
            yield from _told(mutant, outcome, result.files[mutant.path])
    yield from _table("module", pairs, lambda mutant: directory_of(mutant.path))
    yield from _table("operator", pairs, lambda mutant: mutant.operator)
    for unreadable in result.prologue.unreadable:
        yield f"not mutated: {unreadable['path']}:{unreadable['line']}: {unreadable['reason']}"
    yield whole(score(outcome for _, outcome in pairs))
    tried = len(pairs) - result.reused
    if tried:
        yield f"{result.trying / tried:.1f} s a mutant on average, {result.seconds:.0f} s in all"


def pairs_of(result: Result) -> list[tuple[Mutant, Outcome]]:
    """Return the mutants that have an outcome, with it."""
    return [(mutant, result.outcomes[mutant.id]) for mutant in result.mutants if mutant.id in result.outcomes]


def whole(counts: Score) -> str:
    """Return a sentence with the counts and the score."""
    parts = {
        "killed": counts.killed,
        "refused by Terraform": counts.refused,
        "timed out": counts.timed_out,
        "survived": counts.survived,
        "equivalent": counts.equivalent,
        "broken": counts.broken,
    }
    listed = ", ".join(f"{count} {name}" for name, count in parts.items() if count) or "no mutants"
    if counts.share is None:
        return f"{listed}; no score: no mutant was valid"
    tested = "" if counts.tested_share is None else f"; {counts.tested_share:.1%} of those that Terraform lets through"
    return f"{listed}; score {counts.share:.1%} of {counts.valid} valid mutants{tested}"


def directory_of(path: str) -> str:
    """Return the directory of a path; "." for one at the top."""
    return path.rpartition("/")[0] or "."


def _told(mutant: Mutant, outcome: Outcome, content: bytes) -> Iterator[str]:
    yield f"{outcome.status.upper()} {mutant.id} {mutant.operator}: {mutant.summary}"
    yield f"  {mutant.path}:{mutant.line} {mutant.address}".rstrip()
    yield f"  {outcome.message}".replace("\n", "\n  ")
    yield f"  why it hurts: {mutant.harm}"
    yield f"  see: {mutant.page}"
    yield from (f"  {line}" for line in mutant.diff(content).splitlines())
    for advice in outcome.advice:
        yield f"  add: {advice}"
    yield ""


def _table(name: str, pairs: Sequence[tuple[Mutant, Outcome]], key: Callable[[Mutant], str]) -> Iterator[str]:
    groups: dict[str, list[Outcome]] = {}
    for mutant, outcome in pairs:
        groups.setdefault(key(mutant), []).append(outcome)
    width = max(map(len, [*groups, name]))
    yield f"{name:<{width}}  mutants  valid  detected  survived  score"
    for label, outcomes in sorted(groups.items()):
        counts = score(outcomes)
        share = "-" if counts.share is None else f"{counts.share:.0%}"
        yield (
            f"{label:<{width}}  {len(outcomes):>7}  {counts.valid:>5}  {counts.detected:>8}  {counts.survived:>8}  {share:>5}"
        )
    yield ""
