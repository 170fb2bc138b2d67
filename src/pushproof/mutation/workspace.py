"""Copies of a repository: the snapshot that a campaign begins with, and the copy that a worker changes."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from pushproof.engines.mutation.model import Mutant
from pushproof.terraform.working_copy import copy_repository

_AUTHOR = ("-c", "user.name=pushproof", "-c", "user.email=pushproof@localhost", "-c", "commit.gpgsign=false")


def take_snapshot(root: Path, target: Path) -> None:
    """Copy a repository, so that later edits of the tree change nothing."""
    copy_repository(root, target)


def pack(snapshot: Path) -> bytes:
    """Return a snapshot as one archive, for workers elsewhere. Links that lead out of it stay links."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        archive.add(snapshot, arcname=".", recursive=True)
    return buffer.getvalue()


def unpack(archive: bytes, target: Path) -> None:
    """Unpack a snapshot. Raises ValueError for an entry that would leave the directory (PEP 706)."""
    target.mkdir(parents=True, exist_ok=True)
    inside = target.resolve()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        for member in packed:
            # A link that was unpacked before may lead out.
            if not (target / member.name).parent.resolve().is_relative_to(inside) and member.name != ".":
                raise ValueError(f"{member.name!r} of the snapshot would be outside of {target}")
            if hasattr(tarfile, "tar_filter"):
                packed.extract(member, target, filter="tar")
            else:
                # Older versions of 3.11 have no filters.
                packed.extract(member, target)


class Workspace:
    """A worker's own copy of a snapshot, in which one mutant at a time is in place."""

    def __init__(self, snapshot: Path, directory: Path) -> None:
        self.root = directory / "repository"
        shutil.copytree(snapshot, self.root, symlinks=True)
        _begin_repository(self.root)

    @contextlib.contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """Put a mutant in place, and the original back."""
        path = self.root / mutant.path
        original = path.read_bytes()
        path.write_bytes(mutant.apply(original))
        try:
            yield
        finally:
            path.write_bytes(original)


def _begin_repository(root: Path) -> None:
    """Make the copy a repository with one commit: suites look for its root, and read commits."""
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    commands = (
        ("init", "--quiet"),
        ("add", "--all", "--force"),
        (*_AUTHOR, "commit", "--quiet", "--no-verify", "--allow-empty", "--message", "The original"),
    )
    for command in commands:
        try:
            subprocess.run(("git", *command), cwd=root, env=environment, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError):
            # Without git, an empty folder of that name marks the root.
            (root / ".git").mkdir(exist_ok=True)
            return
