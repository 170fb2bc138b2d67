"""The files of a world's parts: git repositories and layers of images."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

#: Directories in a world's directory that belong to its state.
STATE_DIRECTORIES = ("git", "ecr")
#: Directories of files that are written once and never changed: a link is as good as a copy.
_UNCHANGING = frozenset({"blobs", "objects"})


def copy_files(source: Path, target: Path) -> None:
    """Copy what belongs to a world's state from one directory to another. Raises OSError."""
    for name in STATE_DIRECTORIES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, copy_function=_copy, dirs_exist_ok=True)


def _copy(source: str, target: str) -> str:
    if _UNCHANGING.intersection(Path(source).parts):
        try:
            os.link(source, target)
            return target
        except FileExistsError:
            return target
        except OSError:
            # Another file system, or one without links.
            pass
    return shutil.copy2(source, target)
