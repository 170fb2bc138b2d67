"""scripts/foreign-modules brings pinned commits into a folder, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.unit.workflows.runner import ROOT

PINS = ROOT / "tests" / "integration" / "foreign" / "modules.json"
STACKS = ROOT / "tests" / "drills" / "stacks.json"
SCRIPT = "scripts/foreign-modules"
IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test")


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *words], cwd=place, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The script beside a list of pins of its own: a repository's first commit, which no branch ends in."""
    source = tmp_path / "github" / "example" / "terraform-aws-thing"
    source.mkdir(parents=True)
    git(source, "init", "--quiet")
    for text in ("first", "second"):
        (source / "main.tf").write_text(f"# {text}\n")
        git(source, "add", "main.tf")
        git(source, "commit", "--quiet", "--message", text)
    pin = {
        "repository": "example/terraform-aws-thing",
        "version": "1.0.0",
        "commit": git(source, "rev-parse", "HEAD~1"),
    }
    copy = tmp_path / "tree"
    (copy / "scripts").mkdir(parents=True)
    (copy / SCRIPT).write_text((ROOT / SCRIPT).read_text())
    pins = copy / PINS.relative_to(ROOT)
    pins.parent.mkdir(parents=True)
    pins.write_text(json.dumps([pin]))
    stacks = copy / STACKS.relative_to(ROOT)
    stacks.parent.mkdir(parents=True)
    stacks.write_text("[]")
    return copy


def run(tree: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script, with GitHub in a folder beside the tree."""
    github: Mapping[str, str] = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{tree.parent}/github/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
    }
    return subprocess.run(
        [sys.executable, str(tree / SCRIPT), str(folder)],
        env={**os.environ, **github, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_pinned_commit_is_brought_once(tree: Path, tmp_path: Path) -> None:
    """The pinned commit's files arrive without git's own, and are left alone the second time."""
    folder = tmp_path / "modules"
    assert run(tree, folder).returncode == 0
    place = folder / "example" / "terraform-aws-thing" / "1.0.0"
    assert [path.name for path in place.iterdir()] == ["main.tf"]
    assert (place / "main.tf").read_text() == "# first\n"
    (place / "main.tf").write_text("# mine\n")
    assert "there already" in run(tree, folder).stdout
    assert (place / "main.tf").read_text() == "# mine\n"


def test_what_cannot_be_had_leaves_no_half(tree: Path, tmp_path: Path) -> None:
    """A commit that the repository has not fails the script, names the module, and leaves nothing in its place."""
    pins = tree / PINS.relative_to(ROOT)
    (pin,) = json.loads(pins.read_text())
    pins.write_text(json.dumps([{**pin, "commit": "0" * 39 + "1"}]))
    folder = tmp_path / "modules"
    done = run(tree, folder)
    assert done.returncode == 1
    assert "example/terraform-aws-thing 1.0.0" in done.stderr
    assert not (folder / "example" / "terraform-aws-thing" / "1.0.0").exists()


def test_the_modules_are_pinned() -> None:
    """Modules are pinned by whole commits, each version of a repository once."""
    pins = json.loads(PINS.read_text())
    assert all(re.fullmatch(r"[0-9a-f]{40}", pin["commit"]) for pin in pins)
    assert len({(pin["repository"], pin["version"]) for pin in pins}) == len(pins)
