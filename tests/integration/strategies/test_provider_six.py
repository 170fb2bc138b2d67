"""The strategies in the provider's own words, where a version that knows them can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/traffic-shift"


def terraform(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["terraform", *arguments],
        cwd=directory, env={**os.environ, "TF_IN_AUTOMATION": "1"}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


def test_the_example_is_valid(tmp_path: Path) -> None:
    """Terraform takes `deployment_configuration` and `advanced_configuration` as the example writes them."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    copy = tmp_path / "traffic-shift"
    shutil.copytree(EXAMPLE, copy)
    initialised = terraform(copy, "init", "-backend=false", "-input=false", "-no-color")
    if initialised.returncode:
        pytest.skip(f"version 6.21 of the AWS provider cannot be had here: {initialised.stderr.strip()[-300:]}")
    validated = terraform(copy, "validate", "-no-color")
    assert validated.returncode == 0, validated.stdout + validated.stderr
