"""The drill proves stacks that look nothing like the reference, with at most ten lines of configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MOST_LINES = 10


def drill(example: str, into: Path, *options: str) -> tuple[int, str]:
    """The exit code and the output of `pushproof drill` in a copy of an example, as a user runs it."""
    copy = into / example
    shutil.copytree(EXAMPLES / example, copy)
    # A directory of its own for worlds: what this drill leaves behind is this drill's.
    environment = {**os.environ, "PUSHPROOF_STATE": str(into / "state"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "drill", *options],
        cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert list((into / "state").rglob("evidence.json")) == []
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("example", ["monorepo", "worker", "internal-api", "codedeploy"])
def test_an_example_needs_few_lines(example: str) -> None:
    """Its settings parse, and are at most ten lines."""
    text = (EXAMPLES / example / "pushproof.toml").read_text()
    assert tomllib.loads(text)["drill"]
    assert len([line for line in text.splitlines() if line.strip()]) <= MOST_LINES


def test_two_services_behind_one_load_balancer(tmp_path: Path) -> None:
    """By path, over plain HTTP, with inline buildspecs; every breakage that applies is survived."""
    code, output = drill("monorepo", tmp_path, "--break", "all")
    assert code == 0, output
    assert "revisions are told apart by their images alone" in output
    assert "the buildspec is written in project shopfront-orders, not in the repository" in output
    assert "Proven: a push deploys, a bad push rolls back." in output


def test_a_stack_without_rollback_is_reported_as_such(tmp_path: Path) -> None:
    """Not as a crash and not after hours: as soon as the deployment has failed, with the line to change."""
    code, output = drill("worker", tmp_path)
    assert code == 1, output
    assert "service worker has deploymentCircuitBreaker.rollback = false" in output
    assert "Traceback" not in output


def test_the_same_worker_with_rollback_is_proven(tmp_path: Path) -> None:
    """The running tasks decide if there is no load balancer."""
    copy = tmp_path / "changed"
    shutil.copytree(EXAMPLES / "worker", copy / "worker")
    main = copy / "worker/stack/main.tf"
    main.write_text(main.read_text().replace("rollback = false", "rollback = true"))
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "drill"],
        cwd=copy / "worker", env={**os.environ, "PUSHPROOF_STATE": str(tmp_path / "state")},
        capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no load balancer, so no requests" in done.stdout


def test_an_internal_api_tells_its_commit_in_a_header(tmp_path: Path) -> None:
    """TLS on another port, one host name, a secret by JSON keys: a throw-away value makes its tasks start."""
    code, output = drill("internal-api", tmp_path)
    assert code == 0, output
    assert "secrets without a value have one now: corp/ledger" in output
    assert ":8443/ answers" in output
