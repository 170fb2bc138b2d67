"""Outcomes of mutants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, cast

Status = Literal["killed", "refused", "survived", "equivalent", "timed out", "broken"]
STATUSES: tuple[Status, ...] = ("killed", "refused", "survived", "equivalent", "timed out", "broken")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a mutant.

    "killed": a test is red. "refused": Terraform refuses the configuration. "survived": no test noticed. "equivalent": every plan
    is the same as the original's. "timed out": the suite took too long, which a team notices. "broken": the run itself failed.
    `by`: the test; `message`: its message, or the reason. `seconds`: of all runs. `runs`: of pytest.
    """

    mutant: str
    status: Status
    by: str = ""
    message: str = ""
    seconds: float = 0.0
    runs: int = 0
    advice: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the outcome as JSON values."""
        return asdict(self)


def outcome_of_json(values: Mapping[str, object]) -> Outcome:
    """Return the outcome that JSON values describe. Raises ValueError, TypeError, KeyError."""
    status = values["status"]
    if status not in STATUSES:
        raise ValueError(f"status {status!r}: expected one of {', '.join(STATUSES)}")
    return Outcome(
        mutant=str(values["mutant"]),
        status=status,
        by=str(values.get("by", "")),
        message=str(values.get("message", "")),
        seconds=float(cast(float, values.get("seconds", 0.0))),
        runs=int(cast(int, values.get("runs", 0))),
        advice=tuple(map(str, cast(Iterable[object], values.get("advice", ())))),
    )


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of outcomes. Equivalent and broken mutants say nothing about a suite, and are left out of the score."""

    killed: int = 0
    refused: int = 0
    survived: int = 0
    equivalent: int = 0
    timed_out: int = 0
    broken: int = 0

    @property
    def valid(self) -> int:
        """Return the number of mutants that a suite could notice."""
        return self.killed + self.refused + self.survived + self.timed_out

    @property
    def detected(self) -> int:
        """Return the number of valid mutants that were noticed."""
        return self.valid - self.survived

    @property
    def share(self) -> float | None:
        """Return the share of valid mutants that were noticed, from 0 to 1; None where there is no valid one."""
        return self.detected / self.valid if self.valid else None

    @property
    def tested_share(self) -> float | None:
        """Return the share of mutants that tests noticed, among those that Terraform lets through; None where there is none."""
        tested = self.valid - self.refused
        return (tested - self.survived) / tested if tested else None


def score(outcomes: Iterable[Outcome]) -> Score:
    """Count outcomes."""
    counts: dict[str, int] = dict.fromkeys(STATUSES, 0)
    for outcome in outcomes:
        counts[outcome.status] += 1
    return Score(**{status.replace(" ", "_"): count for status, count in counts.items()})
