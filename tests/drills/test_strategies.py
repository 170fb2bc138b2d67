"""The drill of each deployment strategy on the reference: a good push, and those that health checks, hook and alarm must stop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.drills.test_examples import drill

from pushproof.drill.shifting.strategies import STRATEGIES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_keeps_its_promise(strategy: str, tmp_path: Path) -> None:
    """Requests fail within the share of the strategy alone, the old revision serves after each bad push, and the plan is empty."""
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "drill", "--strategy", strategy],
        cwd=ROOT, env={**os.environ, "PUSHPROOF_STATE": str(tmp_path / "state"), "COLUMNS": "200"},
        capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Proven: a push deploys, a bad push rolls back." in done.stdout
    assert "requests sent meanwhile, 0 failed" in done.stdout
    assert "terraform plan is empty after the switch" in done.stdout
    assert "answered by the broken revision, 0 others failed" in " ".join(done.stdout.split())
    if strategy != "rolling":
        assert "lifecycle hook(s) failed" in done.stdout
        assert "the load balancer gave the new revision its share" in done.stdout
        assert "errors stayed within the share of the broken revision" in done.stdout


def test_codedeploy_keeps_its_promise(tmp_path: Path) -> None:
    """A replacement that fails its health check, its function or an alarm is taken back; requests fail within its share alone."""
    code, output = drill("codedeploy", tmp_path)
    assert code == 0, output
    assert "Proven: a push deploys, a bad push rolls back." in output
    assert "terraform plan is empty after a deployment by CodeDeploy" in output
    assert "HOOK_EXECUTION_FAILURE" in output
    assert "ALARM_ACTIVE" in output
    assert "the load balancer gave the new revision its share" in output
    assert "errors stayed within the share of the broken revision" in output
