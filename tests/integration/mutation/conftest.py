"""A small repository with a suite of its own, and the command that mutates it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

TERRAFORM = """\
resource "aws_ecr_repository" "app" {
  name                 = "app"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}
"""
# Reads the configuration and applies nothing, so that a run of it takes a moment.
SUITE = """\
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "infra" / "main.tf").read_text()

def test_tags_are_immutable():
    assert 'image_tag_mutability = "IMMUTABLE"' in TEXT
"""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, and a directory for what its campaigns leave."""

    root: Path
    state: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Write files."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def environment(self) -> dict[str, str]:
        """Return the environment of its commands."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return {**inherited, "PUSHPROOF_STATE": str(self.state), "COLUMNS": "200"}

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `pushproof mutate`."""
        return [sys.executable, "-m", "pushproof.cli", "mutate", *arguments]

    def mutate(self, *arguments: str, limit: float = 300, here: str = ".") -> subprocess.CompletedProcess[str]:
        """Run `pushproof mutate` in a directory of the repository."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root / here,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )

    def seen(self) -> dict[str, tuple[int, int, bytes]]:
        """Return inode, time of the last change and content of every file."""
        return {
            str(path.relative_to(self.root)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Repository]:
    """Make the small repository, with other files over or beside its own."""

    def make(**files: str) -> Repository:
        # A space in the path: nothing may split it.
        made = Repository(tmp_path / "a tree", tmp_path / "state")
        named = {"infra/main.tf": TERRAFORM, "tests/test_infra.py": SUITE, "pytest.ini": "[pytest]\n"}
        made.write({**named, **files})
        return made

    return make
