"""Directories of the user for files that outlive a process: records of runs, and caches."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
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


def remove_tree(path: Path) -> bool:
    """Remove a directory and all that is in it, whatever the modes; returns whether it is gone."""
    if path.is_dir() and not path.is_symlink():
        for directory, _, _ in os.walk(path):
            # Only its owner can, and only a directory that can be written gives up its entries.
            _let_in(Path(directory))
    shutil.rmtree(path, onerror=_once_more)
    return not path.exists()


def _let_in(directory: Path) -> None:
    try:
        mode = directory.stat().st_mode
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            directory.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
    except OSError:
        return


def _once_more(remove: Callable[..., object], name: str, _: object) -> None:
    """Try again, once the directory above can be written."""
    try:
        _let_in(Path(name).parent)
        remove(name)
    except OSError:
        return
