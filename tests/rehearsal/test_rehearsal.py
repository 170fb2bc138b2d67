"""The sandbox target's own code against a world that stands in for AWS: killed anywhere, faulted anywhere, it leaves nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
KILLS = int(os.environ.get("PUSHPROOF_REHEARSAL_KILLS", "30"))
# One in so many kills the whole environment's run, which takes minutes; the others the reduced one's.
WHOLE_EVERY = int(os.environ.get("PUSHPROOF_REHEARSAL_WHOLE_EVERY", "8"))
SEED = int(os.environ.get("PUSHPROOF_REHEARSAL_SEED", "20261123"))
# Where to kill, in turn: most is made and unmade in apply and destroy.
PLAN = {"reduced": ("APPLY", "DESTROY", "APPLY", "BOOTSTRAP"), "dev": ("APPLY", "DEPLOY", "DESTROY")}
STEPS = ("BOOTSTRAP", "PLAN", "APPLY", "DEPLOY", "DESTROY", "CLOSE", "DONE")


def start(which: str, environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, str(HERE / "run.py"), which], env=environment, stdout=stream, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip


def wait_for(run: subprocess.Popen[bytes], output: Path, step: str) -> None:
    """Wait until a run says that it is at a step, or ends."""
    deadline = time.monotonic() + 600
    while f" {step}\n" not in output.read_text() and run.poll() is None:
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.05)


def sweep(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "sweep", *arguments], env=environment, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip


def step_of(text: str) -> str:
    reached = [step for step in STEPS if f" {step}\n" in text]
    return reached[-1] if reached else "OPEN"


def steps_of(text: str) -> dict[str, float]:
    """Seconds that each step of a run took, from the times it told."""
    at: dict[str, float] = {}
    for line in text.splitlines():
        told, _, step = line.partition(" ")
        if step in STEPS:
            hours, minutes, seconds = (int(part) for part in told.split(":"))
            at[step] = hours * 3600 + minutes * 60 + seconds
    reached = list(at.items())
    return {step: (after - begun) % 86400 for (step, begun), (_, after) in pairwise(reached)}


@pytest.fixture(scope="module")
def took() -> dict[str, dict[str, float]]:
    """Seconds that each step takes: a guess, until a whole run has been measured."""
    return {
        "reduced": {"BOOTSTRAP": 25.0, "APPLY": 20.0, "DESTROY": 20.0},
        "dev": {"APPLY": 70.0, "DEPLOY": 20.0, "DESTROY": 50.0},
    }


@pytest.mark.parametrize("which", ["reduced", "dev"])
def test_a_whole_run_leaves_nothing(
    which: str, standin: Any, environment: dict[str, str], tmp_path: Path, took: dict[str, dict[str, float]]
) -> None:
    """Applied, deployed, destroyed and closed: the account is as it was, and the journal is empty."""
    before = standin.resources()
    run = start(which, environment, tmp_path / "output.txt")
    assert run.wait(900) == 0, (tmp_path / "output.txt").read_text()
    took[which] |= steps_of((tmp_path / "output.txt").read_text())
    print(f"{which}: {took[which]}")
    assert standin.resources() == before
    assert list((tmp_path / "state" / "sandbox").iterdir()) == []


@pytest.mark.parametrize("number", range(KILLS))
def test_after_kill_9_a_fresh_sweep_leaves_nothing(
    number: int, standin: Any, environment: dict[str, str], tmp_path: Path, took: dict[str, dict[str, float]]
) -> None:
    """At a random moment of apply, deployment or destroy; bystanders' resources are the same before and after."""
    which = "dev" if number % WHOLE_EVERY == WHOLE_EVERY - 1 else "reduced"
    before = standin.resources()
    aimed = PLAN[which][number % len(PLAN[which])]
    # The moments spread over the step, whatever the seed.
    rounds = max(1, KILLS // len(PLAN[which]))
    within = (number // len(PLAN[which]) + random.Random(SEED + number).random()) / rounds
    moment = took[which][aimed] * min(within, 1.0)
    output = tmp_path / "output.txt"
    run = start(which, environment, output)
    wait_for(run, output, aimed)
    try:
        run.wait(moment)
    except subprocess.TimeoutExpired:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert f" {aimed}\n" in output.read_text(), output.read_text()
    step, left = step_of(output.read_text()), len(standin.resources() - before)
    done = sweep(environment, "--yes")
    swept = done.stdout.strip().splitlines()[-1:]
    print(f"{which} killed {moment:.1f} s after {aimed}, at {step}: {left} resources; swept: {swept}")
    assert standin.resources() == before, f"killed at {step}\n{done.stdout}{done.stderr}"
    assert done.returncode == 0, done.stdout + done.stderr
    again = sweep(environment)
    assert "nothing is to be removed" in again.stdout, again.stdout + again.stderr


def test_faults_at_every_tenth_call(standin: Any, environment: dict[str, str], tmp_path: Path) -> None:
    """Throttling, 500s and dropped connections: the run completes or fails in words, and the sweep still ends at zero."""
    before = standin.resources()
    standin.faults(0.1)
    try:
        run = start("reduced", environment, tmp_path / "output.txt")
        code = run.wait(900)
        done = sweep(environment, "--yes")
    finally:
        counted = standin.faults(0.0)
    text = (tmp_path / "output.txt").read_text()
    print(f"exit code {code}; faults: {counted}; swept: {done.stdout.strip().splitlines()[-1:]}")
    assert sum(counted.values()) > 20
    assert code == 0 or "Error" in text, text
    assert done.returncode == 0, done.stdout + done.stderr
    assert standin.resources() == before, done.stdout


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"PUSHPROOF_SANDBOX_ACCOUNTS": "123456789012"}, "PUSHPROOF_SANDBOX_ACCOUNTS", id="account"),
        pytest.param({"PUSHPROOF_SANDBOX_REGIONS": "us-east-1"}, "PUSHPROOF_SANDBOX_REGIONS", id="region"),
        pytest.param({"AWS_SESSION_TOKEN": ""}, "session token", id="long-lived-keys"),
        pytest.param({"PUSHPROOF_SANDBOX_MAX_USD": "0.1"}, "above the ceiling", id="ceiling"),
        pytest.param(
            {
                "PUSHPROOF_SANDBOX_CONNECTION_ARN": "arn:aws:codeconnections:eu-west-1:210987654321:connection/0a-b1",
                "PUSHPROOF_SANDBOX_REPOSITORY": "example/shop",
            },
            "cannot be read",
            id="connection",
        ),
    ],
)
def test_what_the_guard_refuses_starts_nothing(
    changes: dict[str, str], said: str, standin: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    """Refused in words, with nothing created and no run written down."""
    before = standin.resources()
    run = start("reduced", {**environment, **changes}, tmp_path / "output.txt")
    assert run.wait(120) != 0
    assert said in (tmp_path / "output.txt").read_text()
    assert standin.resources() == before
    assert not list((tmp_path / "state").glob("sandbox/*/run.json"))


def test_a_dry_run_is_what_a_sweep_is_without_yes(standin: Any, environment: dict[str, str]) -> None:
    """It tells what would go and changes nothing; the run that still goes on elsewhere is told as kept."""
    before = standin.resources()
    done = sweep(environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is to be removed" in done.stdout
    assert "may still be running elsewhere" in done.stdout
    assert standin.resources() == before
