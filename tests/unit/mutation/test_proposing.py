"""Files that mutants are proposed for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.mutation.proposing import files_to_mutate
from pushproof.terraform.working_copy import CACHES


@pytest.mark.parametrize("name", sorted(CACHES | {".venv", "node_modules"}))
def test_caches_and_packages_are_not_mutated(tmp_path: Path, name: str) -> None:
    """Mutants are made of a team's own files, not of what tools have copied or installed beside them."""
    for directory in ("live", f"live/{name}"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "main.tf").write_text("locals {}\n")
    assert list(files_to_mutate(tmp_path, ["live"], ())) == ["live/main.tf"]
