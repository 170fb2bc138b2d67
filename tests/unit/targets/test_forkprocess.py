"""A host of forks that was itself forked beforehand, from a process that is warm."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.processes import ends

_PRELUDE = """
import os, subprocess, sys, tempfile
from pathlib import Path
from pushproof.targets import forkprocess
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.forks import Forks

forkprocess.prepare_host()
host, _ = forkprocess._prepared[0]
"""

_FORKS = """
class Popen:
    def __init__(self, *_, **__):
        raise AssertionError("a process was started")

subprocess.Popen = Popen
with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as target, tempfile.TemporaryDirectory() as kept:
    target.client("sqs").create_queue(QueueName="jobs")
    target.keep(Path(kept))
    forks = Forks(target.settings.world, target.settings.runtime)
    first, second = (forks.fork(Path(kept), "test") for _ in range(2))
    first.client("sqs").create_queue(QueueName="more")
    print(*(len(each.client("sqs").list_queues()["QueueUrls"]) for each in (first, second, target)))
    assert host.poll() is None
    forks.close()
    assert host.poll() == host.wait() == 0
"""

_KILLED = """
assert host.poll() is None
try:
    host.wait(timeout=0.01)
except subprocess.TimeoutExpired:
    print("waits")
host.kill()
print(host.wait(), host.poll())
host.kill()
"""


def _run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _PRELUDE + script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_first_fork_of_a_world_starts_no_process() -> None:
    """The host that was forked beforehand makes the forks, each with a state of its own, and ends with them."""
    assert _run(_FORKS) == "2 1 1\n"


def test_a_host_can_be_awaited_and_killed() -> None:
    """A forked process has the methods of one that was started."""
    assert _run(_KILLED) == "waits\n-9 -9\n"


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)"])
def test_a_host_that_nobody_needs_ends(end: str) -> None:
    """It ends with the process that it was forked for, however that ends."""
    script = f"{_PRELUDE}print(host._pid, flush=True)\n{end}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert ends(int(done.stdout))
