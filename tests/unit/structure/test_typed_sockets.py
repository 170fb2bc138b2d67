"""mypy sees what goes wrong between neighbours: a method renamed on one side, or called with the wrong arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.unit.structure.graph import SOURCE

ROOT = SOURCE.parent
EMULATOR = Path("src/pushproof/emulator")


@dataclass(frozen=True)
class Break:
    """A change on one side of a wall, and the complaint that mypy must make."""

    file: Path
    before: str
    after: str
    complaint: str


BREAKS = (
    # The git host's archive takes one argument less than pipelines give it.
    Break(
        EMULATOR / "githost/host.py",
        "def archive(self, repository: str, commit: str)",
        "def archive(self, repository: str)",
        '"GitHost"',
    ),
    # Load balancing renames what ECS registers targets with.
    Break(
        EMULATOR / "services/elbv2/targetgroups.py",
        "def register_target(self",
        "def add_target(self",
        '"LoadBalancingService"',
    ),
    # A pipeline's action gives the git host one argument too many.
    Break(
        EMULATOR / "services/codepipeline/actions/connection.py",
        "git.archive(repository, commit.id)",
        "git.archive(repository, commit.id, 1)",
        'Too many arguments for "archive" of "GitSource"',
    ),
    # ECS calls a method that load balancing does not have.
    Break(
        EMULATOR / "services/ecs/controller.py",
        ".deregister_target(arn, address, port)",
        ".unregister_target(arn, address, port)",
        '"LoadBalancers" has no attribute "unregister_target"',
    ),
)


def test_a_break_between_neighbours_is_a_type_error(tmp_path: Path) -> None:
    """A method renamed, or given too few or too many arguments, does not pass mypy --strict."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for broken in BREAKS:
        text = (tmp_path / broken.file).read_text(encoding="utf-8")
        assert broken.before in text, f"{broken.file} has no {broken.before!r} any more"
        (tmp_path / broken.file).write_text(text.replace(broken.before, broken.after), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "src"],
        cwd=tmp_path, capture_output=True, text=True, timeout=800, check=False,
        # The installed package must not stand in for the copy.
        env={**os.environ, "MYPYPATH": str(tmp_path / "src")},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert [broken.complaint for broken in BREAKS if broken.complaint not in done.stdout] == [], done.stdout
