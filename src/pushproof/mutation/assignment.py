"""The assignment of one pytest run of a campaign, and the lines that the run reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

#: Environment variable with the path of a run's assignment.
VARIABLE = "PUSHPROOF_MUTATION"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The order of one pytest run.

    Attributes:
        report: File that the run appends JSON lines to.
        root: The copy of the repository.
        order: Node ids to run, in this order; None runs what is collected.
        mutated: Path of the changed file in the repository; empty for a run of the original, which is observed.
        relies: Applies of each test, where an identical plan of all of them decides the test.
        origins: Keys of the kept worlds of the original, by apply.
        propose: Files and directories to propose mutants of, in a run of the original; an empty list stands for what the suite
            applies and reads; None proposes nothing.
        rootdir: pytest's root directory, relative to the repository.
        advise: Root modules to ask every check of that applies to them, for advice about a survivor; empty for none.
    """

    report: str = ""
    root: str = ""
    order: Sequence[str] | None = None
    mutated: str = ""
    relies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    origins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    propose: Sequence[str] | None = None
    rootdir: str = "."
    advise: Sequence[str] = ()

    def write(self, path: Path) -> None:
        """Write the assignment as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def read_assignment(path: Path) -> Assignment:
    """Read an assignment."""
    return Assignment(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a run's report. `kind`: "test", "apply", "collect" or "observed"."""

    kind: str
    values: Mapping[str, object]


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a report; the last one may be torn where the run was killed."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return
    for line in text.splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        yield Line(str(values.pop("kind", "")), values)


def apply_id(source: str, variables: Mapping[str, object]) -> str:
    """Return the name of an apply: its root module, relative to the repository, and a digest of its variables."""
    text = json.dumps(dict(variables), sort_keys=True, default=repr)
    return f"{source}#{hashlib.sha256(text.encode()).hexdigest()[:12]}"
