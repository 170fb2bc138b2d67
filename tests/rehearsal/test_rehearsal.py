"""The sandbox target's own code against a world in place of AWS: killed anywhere, faulted anywhere, it leaves nothing."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.processes import is_running

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
HERE = Path(__file__).parent
# Whole runs on a busy machine, aimed at more than once.
pytestmark = pytest.mark.timeout(2400)
KILLS = int(os.environ.get("PUSHPROOF_REHEARSAL_KILLS", "30"))
# One in so many kills the whole environment's run, which takes minutes; the others a reduced one's.
WHOLE_EVERY = int(os.environ.get("PUSHPROOF_REHEARSAL_WHOLE_EVERY", "5"))
SEED = int(os.environ.get("PUSHPROOF_REHEARSAL_SEED", "20261123"))
FAULT_SEEDS = [int(seed) for seed in os.environ.get("PUSHPROOF_REHEARSAL_FAULT_SEEDS", "1,2,3,4").split(",")]
STEPS = ("BOOTSTRAP", "PLAN", "APPLY", "DEPLOY", "DESTROY", "CLOSE", "DONE")
# Where to kill, in turn: most is made and unmade in apply and destroy.
PLAN = {
    "dev": ("APPLY", "DEPLOY", "DESTROY"),
    "reduced": ("APPLY", "DESTROY", "APPLY", "DESTROY", "APPLY", "DESTROY", "APPLY", "BOOTSTRAP"),
}
# About how many calls a step makes. A run that is past the step when its call came is aimed at anew, by what it did make.
CALLS = {
    "light": {"APPLY": 150, "DESTROY": 150},
    "reduced": {"BOOTSTRAP": 38},
    "dev": {"APPLY": 320, "DEPLOY": 13, "DESTROY": 350},
}
ATTEMPTS = 5


def start(which: str, environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, str(HERE / "run.py"), which], env=environment, stdout=stream, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip


def sweeping(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pushproof.cli", "sweep", *arguments], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def sweep(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run a sweep. Return its exit code and its output."""
    with sweeping(environment, *arguments) as process:
        said, _ = process.communicate(timeout=600)
    return process.returncode, said


def step_of(text: str) -> str:
    reached = [step for step in STEPS if f" {step}\n" in text]
    return reached[-1] if reached else "OPEN"


def descendants(pid: int) -> list[int]:
    """The processes that a process started, directly or not."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def running(pids: list[int]) -> list[int]:
    """Return the processes that still run."""
    return [pid for pid in pids if is_running(pid)]


def kill(run: subprocess.Popen[bytes], *, all_of_it: bool) -> list[int]:
    """Kill -9; returns which of its processes still run: none of them, or (not all of it) whatever it had started."""
    started = descendants(run.pid)
    run.kill()
    if all_of_it:
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    run.wait()
    return running(started)


@dataclass(slots=True)
class Aim:
    """The moment of a kill in a run: that many calls into a step, or as soon as `ready` returns true."""

    step: str
    calls: int
    ready: Callable[[], bool] | None = None

    def wait(self, run: subprocess.Popen[bytes], output: Path, standin: Any) -> int:
        """Return at the moment, or when it has been missed; says how many calls the step had made."""
        deadline, begun, made = time.monotonic() + 800, None, 0
        while run.poll() is None:
            assert time.monotonic() < deadline, output.read_text()
            at = step_of(output.read_text())
            if begun is not None:
                made = standin.calls() - begun
            if at == self.step and begun is None:
                begun = standin.calls()
            if begun is not None and (at != self.step or (made >= self.calls and (self.ready is None or self.ready()))):
                break
            time.sleep(0.05)
        return made


def deploying(standin: Any, stage: str | None) -> bool:
    """Return whether an execution of a run's pipeline is in progress, in a stage if one is named."""
    api = standin.administrator("codepipeline")
    for pipeline in api.list_pipelines()["pipelines"]:
        for at in api.get_pipeline_state(name=pipeline["name"])["stageStates"]:
            if at.get("latestExecution", {}).get("status") == "InProgress" and stage in (None, at["stageName"]):
                return True
    return False


def by_service(resources: set[str]) -> str:
    counted = Counter(resource.split()[0] for resource in resources)
    return ", ".join(f"{service} {count}" for service, count in sorted(counted.items())) or "none"


def aimed(number: int) -> tuple[str, str]:
    """Return the run and the step that a kill of the campaign hits."""
    whole = number % WHOLE_EVERY == WHOLE_EVERY - 1
    turn = number // WHOLE_EVERY if whole else number - number // WHOLE_EVERY
    steps = PLAN["dev" if whole else "reduced"]
    step = steps[turn % len(steps)]
    return "dev" if whole else "reduced" if step == "BOOTSTRAP" else "light", step


@pytest.mark.parametrize("number", range(KILLS))
def test_after_kill_9_a_fresh_sweep_leaves_nothing(
    number: int, standin: Any, environment: dict[str, str], tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """Bystanders' resources are the same before and after a kill at a random moment of apply, deployment or destroy."""
    which, step = aimed(number)
    alike = [other for other in range(KILLS) if aimed(other) == (which, step)]
    place = alike.index(number)
    dice = random.Random(SEED + number)
    # What a run started goes with it, or (each third time) survives it and works on until the sweep ends it.
    all_of_it = number % 3 != 2 or step == "DEPLOY"
    stage = ("Deploy", "Build")[place % 2]
    before, expected = standin.resources(), CALLS[which][step]
    for attempt in range(ATTEMPTS):
        output = tmp_path / f"output-{attempt}.txt"
        # Random, and spread over the step, from its first reading to its last change.
        aim = Aim(step, int((place + dice.random()) / len(alike) * expected))
        if step == "DEPLOY":
            aim = Aim(step, 0, lambda: deploying(standin, stage))
        run = start(which, environment, output)
        try:
            made = aim.wait(run, output, standin)
        finally:
            left_running = kill(run, all_of_it=all_of_it)
        killed_at = step_of(output.read_text())
        hit = run.returncode == -signal.SIGKILL and killed_at == step and (all_of_it or bool(left_running))
        going_on = step != "DEPLOY" or deploying(standin, None)
        if not all_of_it:
            time.sleep(dice.random() * 3)
        left = standin.resources() - before
        began = time.monotonic()
        code, said = sweep(environment, "--yes")
        took = time.monotonic() - began
        still = running(left_running)
        assert standin.resources() == before, f"killed at {killed_at}\n{said}"
        assert code == 0, said
        assert still == [], said
        if hit and going_on:
            break
        # A miss shows that the sweep works, and counts for nothing: once more, at another moment.
        expected = max(2, min(expected, made))
    else:
        pytest.fail(f"{step} was missed {ATTEMPTS} times: {output.read_text()}")
    how = "with all it started" if all_of_it else f"alone, {len(left_running)} processes worked on"
    record_property(
        "kill",
        f"{number:02} {which:7} {step:9} after {made:4} calls, {how}: {len(left)} resources left ({by_service(left)}); "
        f"swept to 0 in {took:.0f} s" + (f" (aimed {attempt + 1} times)" if attempt else ""),
    )


def test_a_sweep_that_is_killed_is_finished_by_the_next(
    standin: Any, environment: dict[str, str], tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """The journal stays until a sweep has found nothing left."""
    before = standin.resources()
    left = applied_and_killed(standin, environment, tmp_path)
    first = sweeping(environment, "--yes")
    assert first.stdout is not None
    with first:
        for _ in range(8):
            first.stdout.readline()
        first.kill()
    assert before < standin.resources()
    code, said = sweep(environment, "--yes")
    assert standin.resources() == before, said
    assert code == 0, said
    code, said = sweep(environment)
    assert "nothing is to be removed" in said, said
    record_property("kill", f"the sweep itself, after 8 of {len(left)} resources: the next one ends at 0")


def applied_and_killed(standin: Any, environment: dict[str, str], directory: Path) -> set[str]:
    """Return the leftovers of a run that was killed when all its resources existed."""
    before, output = standin.resources(), directory / "output.txt"
    run = start("light", environment, output)
    try:
        Aim("DESTROY", 0).wait(run, output, standin)
    finally:
        kill(run, all_of_it=True)
    assert run.returncode == -signal.SIGKILL, output.read_text()
    found: set[str] = standin.resources() - before
    assert len(found) > 20
    return found


@pytest.mark.parametrize("which", ["light", "reduced", "dev"])
def test_a_whole_run_leaves_nothing(
    which: str, standin: Any, environment: dict[str, str], tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """Applied, deployed, destroyed and closed: the account is as it was, and the journal is empty."""
    before, calls, began = standin.resources(), standin.calls(), time.monotonic()
    run, output = start(which, environment, tmp_path / "output.txt"), tmp_path / "output.txt"
    at: dict[str, int] = {}
    try:
        while run.poll() is None:
            assert time.monotonic() < began + 900, output.read_text()
            at.setdefault(step_of(output.read_text()), standin.calls() - calls)
            time.sleep(0.05)
    finally:
        kill(run, all_of_it=True)
    assert run.returncode == 0, output.read_text()
    if which == "dev":
        assert "the execution is Succeeded" in output.read_text()
    record_property("run", f"{which}: {time.monotonic() - began:.0f} s; calls made before each step: {at}")
    assert standin.resources() == before
    assert list((tmp_path / "state" / "sandbox").iterdir()) == []


# The whole environment takes minutes: once from the beginning, and once from the deployment on, which a failed apply never reaches.
@pytest.mark.parametrize(
    ("which", "since", "seed"),
    [
        *(("light", "OPEN", seed) for seed in FAULT_SEEDS),
        *(("dev", "OPEN", seed) for seed in FAULT_SEEDS[1:2]),
        *(("dev", "DEPLOY", seed) for seed in FAULT_SEEDS[2:3]),
    ],
)
def test_faults_at_every_tenth_call(
    which: str,
    since: str,
    seed: int,
    standin: Any,
    environment: dict[str, str],
    tmp_path: Path,
    record_property: Callable[[str, Any], None],
) -> None:
    """Throttling, 500s and dropped connections: the run completes or says what failed and what to do, and nothing is left."""
    before, output = standin.resources(), tmp_path / "output.txt"
    try:
        standin.faults(0.1 if since == "OPEN" else 0.0, seed)
        run = start(which, environment, output)
        if since != "OPEN":
            while run.poll() is None and step_of(output.read_text()) != since:
                time.sleep(0.05)
            standin.faults(0.1, seed)
        code = run.wait(1500)
        code_of_sweep, said = sweep(environment, "--yes")
    finally:
        counted = standin.faults(0.0)
    text = output.read_text()
    failure = re.search(r"failed: (.*)", text)
    record_property(
        "faults",
        f"{which} from {since}, seed {seed}: {counted}; " + ("completed" if code == 0 else f"{failure and failure[1]}"),
    )
    assert sum(counted.values()) > 10
    assert all(counted.values())
    if code != 0:
        assert failure, text
        assert "pushproof sweep --run" in text, text
    assert code_of_sweep == 0, said
    assert standin.resources() == before, said


@pytest.mark.parametrize("seed", FAULT_SEEDS[:2])
def test_a_sweep_under_faults_ends_at_zero(
    seed: int, standin: Any, environment: dict[str, str], tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """Every tenth of its calls fails, with everything of a run still there."""
    before = standin.resources()
    left = applied_and_killed(standin, environment, tmp_path)
    standin.faults(0.1, seed)
    try:
        began = time.monotonic()
        code, said = sweep(environment, "--yes")
        took = time.monotonic() - began
    finally:
        counted = standin.faults(0.0)
    record_property("faults", f"sweep of {len(left)} resources, seed {seed}: {counted}; ended at 0 in {took:.0f} s")
    assert sum(counted.values()) > 10
    assert code == 0, said
    assert standin.resources() == before, said


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
    iam = standin.administrator("iam")
    if "AWS_SESSION_TOKEN" in changes:
        # Keys of a session are no keys without its token: only a user's are good without one.
        iam.create_user(UserName="by-hand")
        iam.attach_user_policy(UserName="by-hand", PolicyArn=ADMINISTRATOR)
        key = iam.create_access_key(UserName="by-hand")["AccessKey"]
        changes = {**changes, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    before = standin.resources()
    run = start("reduced", {**environment, **changes}, tmp_path / "output.txt")
    assert run.wait(120) != 0
    assert said in (tmp_path / "output.txt").read_text()
    assert standin.resources() == before
    assert not list((tmp_path / "state").glob("sandbox/*/run.json"))
    if "AWS_SESSION_TOKEN" in changes:
        iam.delete_access_key(UserName="by-hand", AccessKeyId=changes["AWS_ACCESS_KEY_ID"])
        iam.detach_user_policy(UserName="by-hand", PolicyArn=ADMINISTRATOR)
        iam.delete_user(UserName="by-hand")


def test_a_dry_run_is_what_a_sweep_is_without_yes(standin: Any, environment: dict[str, str]) -> None:
    """A dry run lists what would go and changes nothing; a run that still works elsewhere is listed as kept."""
    before = standin.resources()
    code, said = sweep(environment)
    assert code == 0, said
    assert "nothing is to be removed" in said
    assert "may still be running on another machine" in said
    assert standin.resources() == before
