"""Records on disk: written whole, found by run, and only the newest kept."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from pushproof.base.directories import private, state_directory
from pushproof.record.codec import LONGEST, Unreadable, from_json, to_json
from pushproof.record.model import Record

NAME = "pushproof-report.json"
#: Runs whose records are kept for `pushproof why`.
KEPT = 20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class NoRecord(Exception):
    """A run has no record, or none that can be read; the message says which, and what to do."""


def write(record: Record, path: Path) -> Path:
    """Write a record; a reader sees the old text or the new one, never a part. Returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(to_json(record))
    unfinished.replace(path)
    return path


def keep(record: Record) -> Path:
    """Keep a record among those of the latest runs; the oldest go. Returns its path."""
    directory = _directory()
    path = write(record, private(directory / record.run.id) / NAME)
    for old in sorted(_records(directory), key=_age, reverse=True)[KEPT:]:
        shutil.rmtree(old.parent, ignore_errors=True)
    return path


def load(path: Path) -> Record:
    """Read a record from a file. Raises NoRecord."""
    try:
        if path.stat().st_size > LONGEST:
            raise NoRecord(f"{path} cannot be read: it is longer than {LONGEST // 1024 // 1024} MB")
        return from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoRecord(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, Unreadable) as error:
        raise NoRecord(f"{path} cannot be read: {error}") from error


def find(run: str | None) -> Path:
    """Return the place of a run's record: by a file, a directory that holds one, a run's id, or None for the latest run.

    Raises NoRecord, naming the runs that there are.
    """
    directory = _directory()
    known = sorted(_records(directory), key=_age, reverse=True)
    if run is None:
        if known:
            return known[0]
        raise NoRecord(
            f"no run has left a record in {directory}. `pushproof drill` and `pytest --pushproof-report DIR` write one"
        )
    with contextlib.suppress(OSError, ValueError):
        # What cannot be a path (too long, a null character) is no file either.
        path = Path(run)
        if path.is_dir():
            path = path / NAME
        if path.is_file():
            return path
    if _ID.fullmatch(run) and (directory / run / NAME).is_file():
        return directory / run / NAME
    listed = ", ".join(path.parent.name for path in known[:5]) or "none"
    raise NoRecord(
        f"there is no run {run[:80]!r}: it is no file, and no run of this machine. The latest runs: {listed}"
    )


def known() -> list[str]:
    """Return the ids of the runs whose records are kept, the newest first."""
    return [path.parent.name for path in sorted(_records(_directory()), key=_age, reverse=True)]


def _directory() -> Path:
    return private(state_directory() / "reports")


def _records(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if (path / NAME).is_file():
            yield path / NAME


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
