"""Processes that a test has started, or that something it started has."""

from __future__ import annotations

import time
from pathlib import Path


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended and is not waited for yet (Z) does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        # A process may go between the opening of its file and the reading.
        return False


def ends(pid: int, within: float = 30.0) -> bool:
    """Return whether a process ends within these seconds: signals take their time."""
    until = time.monotonic() + within
    while is_running(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
