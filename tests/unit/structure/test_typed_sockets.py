"""mypy sees what goes wrong between neighbours: a method renamed on one side, or called with the wrong arguments."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.structure.graph import SOURCE

ROOT = SOURCE.parent
EMULATOR = Path("src/pushproof/emulator")


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        pytest.param(
            EMULATOR / "githost/host.py",
            "def archive(self, repository: str, commit: str)",
            "def archive(self, repository: str)",
            "archive",
            id="a-parameter-less",
        ),
        pytest.param(
            EMULATOR / "services/elbv2/targetgroups.py",
            "def register_target(",
            "def add_target(",
            "register_target",
            id="a-method-renamed",
        ),
        pytest.param(
            EMULATOR / "services/codepipeline/actions/connection.py",
            "git.archive(repository, commit.id)",
            "git.archive(repository, commit.id, 1)",
            "archive",
            id="an-argument-more",
        ),
        pytest.param(
            EMULATOR / "services/ecs/controller.py",
            ".deregister_target(arn, address, port)",
            ".unregister_target(arn, address, port)",
            "unregister_target",
            id="a-method-that-is-not-there",
        ),
    ],
)
def test_a_break_between_neighbours_is_a_type_error(
    tmp_path: Path, file: Path, before: str, after: str, complaint: str
) -> None:
    """A broken copy of the source does not pass mypy --strict, and the message names the method."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    text = (copy / file).read_text(encoding="utf-8")
    assert before in text
    (copy / file).write_text(text.replace(before, after), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache" / "broken"), "src"],
        cwd=copy, capture_output=True, text=True, timeout=600, check=False, env=_environment(copy),
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert complaint in done.stdout


def _environment(copy: Path) -> dict[str, str]:
    import os

    # The installed package must not stand in for the copy.
    return {**os.environ, "MYPYPATH": str(copy / "src")}
