"""Directories of the user for what outlives a process: records of runs, and caches."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def state_directory() -> Path:
    """Return `$PUSHPROOF_STATE`, or `pushproof` below the system's state directory. Created if need be."""
    choice = os.environ.get("PUSHPROOF_STATE")
    path = Path(choice) if choice else Path(platformdirs.user_state_dir("pushproof", appauthor=False))
    path.mkdir(parents=True, exist_ok=True)
    return path


def cache_directory() -> Path:
    """Return `pushproof` below the system's cache directory; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("pushproof", appauthor=False))
