"""Terraform behind a command of a team's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = """\
variable "stage" {}
provider "aws" {
  region = "eu-west-1"
}
resource "aws_s3_bucket" "only" {
  bucket = "only-${var.stage}"
}
"""
# As wrappers do: a value from the team's own settings, and a note of each command.
_WRAPPER = """\
#!/bin/sh
[ "$1" = run ] && shift
echo "$1" >> "{calls}"
TF_VAR_stage=wrapped exec "{terraform}" "$@"
"""


def test_every_command_goes_through_the_wrapper(tmp_path: Path) -> None:
    """It gives a variable that nothing else gives, in the plan, the apply and the destroy of a drill."""
    (tmp_path / "live").mkdir()
    (tmp_path / "live/main.tf").write_text(_ROOT)
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\n")
    wrapper, calls = tmp_path / "team terraform", tmp_path / "calls"
    wrapper.write_text(_WRAPPER.format(calls=calls, terraform=shutil.which("terraform")))
    wrapper.chmod(0o755)
    (tmp_path / "pushproof.toml").write_text(
        f'[drill]\nenvironment = "live"\napp = "app"\nterraform = ["{wrapper}", "run"]\nskip = ["empty-plan"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "drill"],
        cwd=tmp_path, env={**os.environ, "PUSHPROOF_STATE": str(tmp_path / "state"), "COLUMNS": "300"},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert "1 resources in" in done.stdout, done.stdout + done.stderr
    # Nothing but a bucket is there: the drill stops where it would push.
    assert "live has no pipeline" in done.stdout + done.stderr
    assert {"version", "init", "apply", "show", "plan"} <= set(calls.read_text().split())
