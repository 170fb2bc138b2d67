"""Directories of the user for files that outlive a process: records of runs, and caches."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

# These hold working copies, Terraform states and images: other users of the machine must not read them.
_OWN = 0o700


def state_directory() -> Path:
    """Return `$PUSHPROOF_STATE`, or `pushproof` below the system's state directory. Created if need be."""
    choice = os.environ.get("PUSHPROOF_STATE")
    path = Path(choice) if choice else Path(platformdirs.user_state_dir("pushproof", appauthor=False))
    path.mkdir(mode=_OWN, parents=True, exist_ok=True)
    return path


def private(path: Path) -> Path:
    """Create a directory that only its owner can enter, or restrict an existing one, and return it."""
    path.mkdir(mode=_OWN, parents=True, exist_ok=True)
    path.chmod(_OWN)
    return path


def cache_directory() -> Path:
    """Return `pushproof` below the system's cache directory; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("pushproof", appauthor=False))
