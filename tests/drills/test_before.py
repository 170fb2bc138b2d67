"""The drill of the reference with a task before each deployment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_migration_runs_first_and_a_failed_one_deploys_nothing(tmp_path: Path) -> None:
    """The task of each push runs in its image before the deployment; a failed one leaves the old revision serving."""
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "drill", "--before", "python3 -m webapp.migrate"],
        cwd=ROOT, env={**os.environ, "PUSHPROOF_STATE": str(tmp_path / "state"), "COLUMNS": "200"},
        capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Proven: a push deploys, a bad push rolls back." in done.stdout
    assert done.stdout.count("before its deployment, and ended with 0") == 2
    assert "and ended with 1" in done.stdout
    assert "is Failed at Before" in done.stdout
