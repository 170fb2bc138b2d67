"""Reading of what a run has reported: its first failure, and the outcomes of its applies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pushproof.mutation.assignment import Line


@dataclass(frozen=True, slots=True)
class Failure:
    """A red test with its message. `refused`: Terraform refused the configuration. `test` is empty outside of tests."""

    test: str
    message: str
    refused: bool = False


def first_failure(lines: Iterable[Line]) -> Failure | None:
    """Return the first failure that a run has reported; None if it has none."""
    for line in lines:
        values = line.values
        if line.kind == "collect":
            return Failure(str(values.get("id", "")), str(values.get("message", "")))
        if line.kind == "test" and values.get("outcome") == "failed":
            refusal = str(values.get("refused", ""))
            return Failure(str(values.get("id", "")), refusal or str(values.get("message", "")), bool(refusal))
    return None


def outcomes_of_applies(lines: Sequence[Line]) -> dict[str, str]:
    """Return the outcome of each apply that was tried, by its name."""
    return {str(line.values["id"]): str(line.values["outcome"]) for line in lines if line.kind == "apply"}
