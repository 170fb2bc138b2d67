"""The diary of a campaign: what it was about, and each outcome as soon as there is one, for `--resume`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushproof.base.directories import private, remove_tree, state_directory
from pushproof.base.processes import process_start
from pushproof.engines.mutation.model import Mutant
from pushproof.mutation.outcome import Outcome, outcome_of_json
from pushproof.mutation.proposing import mutant_of_json, mutant_to_json

FORMAT = 1
_WORK = "work-"


class Busy(Exception):
    """Another campaign of the same repository is running."""


@dataclass(frozen=True, slots=True)
class Prologue:
    """The findings of a campaign before its first mutant.

    `fingerprint`: of the repository, the suite's arguments and the programs. `observed`: the suite, as its run reported it.
    `operators`: name, description, harm and page of each. `unreadable`: files that cannot be parsed, with line and reason.
    """

    fingerprint: str
    observed: Mapping[str, object]
    mutants: tuple[Mutant, ...]
    unreadable: tuple[Mapping[str, object], ...] = ()
    operators: tuple[Mapping[str, object], ...] = ()
    seconds: float = 0.0


class Diary:
    """The files of the campaigns of one repository."""

    def __init__(self, root: Path, directory: Path | None = None) -> None:
        name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
        self.directory = private((directory or state_directory() / "mutate") / name)

    @contextmanager
    def only_here(self) -> Iterator[None]:
        """Keep other campaigns of the repository out. Raises Busy."""
        with open(self.directory / "lock", "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Busy(
                    "another `pushproof mutate` of this repository is running; wait for it, or interrupt it and continue with "
                    "--resume"
                ) from error
            self._clean_up()
            yield

    def work_directory(self) -> Path:
        """Return a new directory for the copies of this process."""
        return private(self.directory / f"{_WORK}{os.getpid()}~{process_start(os.getpid()) or 0}")

    def _clean_up(self) -> None:
        """Remove the copies of processes that were killed."""
        for path in self.directory.glob(f"{_WORK}*"):
            pid, _, started = path.name.removeprefix(_WORK).partition("~")
            if not pid.isdigit() or process_start(int(pid)) != started:
                remove_tree(path)

    # What was found.

    def prologue(self) -> Prologue | None:
        """Return the prologue of the last campaign; None if there is none that can be read."""
        try:
            values = json.loads((self.directory / "campaign.json").read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                return None
            return Prologue(
                fingerprint=str(values["fingerprint"]),
                observed=values["observed"],
                mutants=tuple(map(mutant_of_json, values["mutants"])),
                unreadable=tuple(values["unreadable"]),
                operators=tuple(values["operators"]),
                seconds=float(values["seconds"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, prologue: Prologue) -> None:
        """Begin a campaign: outcomes of an earlier one are forgotten."""
        (self.directory / "outcomes.jsonl").unlink(missing_ok=True)
        values = {
            "format": FORMAT,
            "fingerprint": prologue.fingerprint,
            "observed": prologue.observed,
            "mutants": [mutant_to_json(mutant) for mutant in prologue.mutants],
            "unreadable": prologue.unreadable,
            "operators": prologue.operators,
            "seconds": prologue.seconds,
        }
        new = self.directory / f".campaign-{os.getpid()}"
        new.write_text(json.dumps(values), encoding="utf-8")
        new.replace(self.directory / "campaign.json")

    def note(self, outcome: Outcome) -> None:
        """Append an outcome."""
        with (self.directory / "outcomes.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(outcome.to_json()) + "\n")

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcomes so far, by mutant. A torn last line is left out, and broken mutants are tried again."""
        found: dict[str, Outcome] = {}
        try:
            text = (self.directory / "outcomes.jsonl").read_text(encoding="utf-8")
        except OSError:
            return found
        for line in text.splitlines():
            try:
                outcome = outcome_of_json(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue
            if outcome.status != "broken":
                found[outcome.mutant] = outcome
        return found


def fingerprint(snapshot: Path, others: Sequence[str]) -> str:
    """Return a digest of every file of a snapshot, its mode and its name, and of other texts."""
    digest = hashlib.sha256()
    for directory, directories, files in os.walk(snapshot):
        directories.sort()
        for name in sorted(files):
            path = Path(directory) / name
            digest.update(os.path.relpath(path, snapshot).encode() + b"\0")
            digest.update(os.readlink(path).encode() if path.is_symlink() else path.read_bytes())
            digest.update(b"\1" if os.access(path, os.X_OK) else b"\0")
    digest.update(json.dumps(list(others)).encode())
    return digest.hexdigest()
