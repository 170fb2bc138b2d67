"""The Terraform of the sandbox account is in form."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pushproof.terraform.providers import cli_configuration, find_mirrors

SOURCE = Path(__file__).resolve().parents[3] / "infrastructure" / "sandbox-account"
pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")


def terraform(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["terraform", *arguments], cwd=directory, env={**os.environ, "CHECKPOINT_DISABLE": "1", **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_it_is_formatted() -> None:
    """`terraform fmt` changes nothing."""
    done = terraform(SOURCE, "fmt", "-check", "-diff")
    assert done.returncode == 0, done.stdout


def test_it_is_valid(tmp_path: Path) -> None:
    """`terraform validate` finds nothing."""
    if not find_mirrors():
        pytest.skip("no filesystem mirror with the AWS provider; PUSHPROOF_PROVIDER_MIRROR names one")
    copy = tmp_path / "copy"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns(".terraform*"))
    configuration = tmp_path / "cli.tfrc"
    configuration.write_text(cli_configuration(find_mirrors()))
    made = terraform(copy, "init", "-backend=false", "-input=false", TF_CLI_CONFIG_FILE=str(configuration))
    assert made.returncode == 0, made.stderr
    done = terraform(copy, "validate", "-no-color", TF_CLI_CONFIG_FILE=str(configuration))
    assert done.returncode == 0, done.stderr
