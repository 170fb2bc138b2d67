"""A world's state as files: `state`, written by pickle, `clock.json`, and the files of its parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pushproof.base.clock import ClockReading, ClockSpan
from pushproof.emulator.keeping.reading import UnreadableState

_STATE, _CLOCK, _FILES = "state", "clock.json", "files"


def write_state(directory: Path, state: bytes, clock: ClockReading) -> None:
    """Write a world's state into a directory. Raises OSError."""
    (directory / _STATE).write_bytes(state)
    (directory / _CLOCK).write_text(json.dumps(asdict(clock)), encoding="utf-8")


def read_state(directory: Path) -> bytes:
    """Return the state in a directory. Raises UnreadableState."""
    try:
        return (directory / _STATE).read_bytes()
    except OSError as error:
        raise UnreadableState(f"{directory / _STATE}: {error.strerror}") from error


def read_clock(directory: Path) -> ClockReading:
    """Return the reading of the world's clock at the moment it was kept. Raises UnreadableState."""
    try:
        content: Mapping[str, object] = json.loads((directory / _CLOCK).read_text(encoding="utf-8"))
        spans = content["spans"]
        assert isinstance(spans, list)
        return ClockReading(float(str(content["now"])), tuple(ClockSpan(**span) for span in spans))
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise UnreadableState(f"{directory / _CLOCK}: {error!r}") from error


def files_of(directory: Path) -> Path:
    """Return the directory of the parts' files."""
    return directory / _FILES
