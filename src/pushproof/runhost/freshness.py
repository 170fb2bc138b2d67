"""Freshness of a host: whether any file that it has been made from has changed since."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pushproof

_PACKAGE = Path(pushproof.__file__).parent
#: Clocks of file systems run behind by some milliseconds. In seconds.
_MARGIN = 0.1


def origins() -> list[str]:
    """Return the files and directories that this process has been made from.

    Those are the files of its modules, everything of this package, and the directories that modules and distributions are looked
    for in. Compiled modules are not among them: they are made from the others.
    """
    paths = {file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    paths.update(path for path in sys.path if os.path.isdir(path))
    for folder, folders, files in os.walk(_PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        paths.update(os.path.join(folder, name) for name in files)
    return sorted(paths)


def has_changed(paths: Iterable[str], since: float) -> bool:
    """Return whether a file has changed since a time, in seconds since the epoch, or is gone.

    What counts is the change of its inode, which no program can set back: inode(7), ctime.
    """
    for path in paths:
        try:
            if os.stat(path).st_ctime > since - _MARGIN:
                return True
        except OSError:
            return True
    return False
