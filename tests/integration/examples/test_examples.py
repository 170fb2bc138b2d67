"""The examples, run like a new user does: a copy of the directory, and `pytest` in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


def run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--target", "embedded", "--task-runtime", "scripted", *options],
        cwd=directory,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/pytest.ini")))
def test_an_example_passes(name: str, tmp_path: Path) -> None:
    """A module that Pushproof has never seen is judged by the same vocabulary, in ten lines of its own."""
    copy = tmp_path / name
    shutil.copytree(EXAMPLES / name, copy)
    done = run(copy, "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
    written = [path for path in copy.rglob("*") if ".terraform" in path.name or path.suffix == ".tfstate"]
    assert written == []


def test_an_apply_that_fails_is_told_in_terraforms_words(tmp_path: Path) -> None:
    """A mistake that only applying shows is reported with Terraform's message and the caller's line; the world is gone."""
    module = tmp_path / "broken"
    module.mkdir()
    (module / "main.tf").write_text(
        'resource "aws_vpc" "first" {\n  cidr_block = "10.0.0.0/16"\n}\n\n'
        'resource "aws_subnet" "outside" {\n  vpc_id     = aws_vpc.first.id\n  cidr_block = "192.168.0.0/24"\n}\n'
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_broken.py").write_text("def test_it(applied):\n    applied('broken')\n")
    done = run(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "InvalidSubnet.Range" in done.stdout
    assert "broken/main.tf:5" in done.stdout
    assert "applied('broken')" in done.stdout
    assert "driver.py" not in done.stdout
