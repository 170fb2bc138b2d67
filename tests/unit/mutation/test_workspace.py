"""Copies of a repository: a mutant is in place for as long as it is tried, and the tree is only read."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from pushproof.engines.mutation import Edit, Mutant
from pushproof.mutation.workspace import Workspace, pack, take_snapshot, unpack

MUTANT = Mutant("0123456789", "hcl.x", "a b/main.tf", 1, "", "Says.", (Edit(0, 3, "new"),), True, "", "", ())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "the tree"
    (root / "a b").mkdir(parents=True)
    (root / "a b" / "main.tf").write_bytes(b"old = 1\r\n")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("run")
    return root


def test_a_mutant_is_in_place_and_gone(repository: Path, tmp_path: Path) -> None:
    """The copy has the mutant while it is tried, also after an error, and the original before and after."""
    take_snapshot(repository, tmp_path / "snapshot")
    workspace = Workspace(tmp_path / "snapshot", tmp_path / "work")
    file = workspace.root / "a b" / "main.tf"

    def try_it() -> None:
        with workspace.mutated(MUTANT):
            assert file.read_bytes() == b"new = 1\r\n"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        try_it()
    assert file.read_bytes() == b"old = 1\r\n"
    assert (repository / "a b" / "main.tf").read_bytes() == b"old = 1\r\n"


def test_a_copy_is_a_repository(repository: Path, tmp_path: Path) -> None:
    """Suites look for the root of their repository."""
    take_snapshot(repository, tmp_path / "snapshot")
    assert (Workspace(tmp_path / "snapshot", tmp_path / "work").root / ".git").exists()


def test_a_snapshot_travels(repository: Path, tmp_path: Path) -> None:
    """A worker elsewhere has the same files, modes and links."""
    unpack(pack(repository), tmp_path / "there")
    assert (tmp_path / "there" / "a b" / "main.tf").read_bytes() == b"old = 1\r\n"
    assert (tmp_path / "there" / "run").stat().st_mode & 0o111
    assert (tmp_path / "there" / "link").is_symlink()


@pytest.mark.parametrize("name", ["../out", "link/out", "/out"])
def test_a_snapshot_stays_in_its_place(tmp_path: Path, name: str) -> None:
    """An archive whose entries lead out of the directory is refused, by name or by a link in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(ValueError, match="would be outside"):
        unpack(buffer.getvalue(), tmp_path / "there")
    assert not (tmp_path / "out").exists()
