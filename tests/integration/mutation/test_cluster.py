"""Campaigns on the workers of a dask cluster."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.mutation.conftest import Repository

Make = Callable[..., Repository]


@contextmanager
def process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    with log.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
        running.wait(60)


@contextmanager
def cluster(repository: Repository, directory: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a scheduler with two workers on loopback; yields its address and the workers."""
    scheduler_file = directory / "scheduler.json"
    environment = repository.environment()
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter"]
    scheduler = ["-m", "distributed.cli.dask_scheduler", *options, "--scheduler-file", str(scheduler_file)]
    worker = [
        "-m", "distributed.cli.dask_worker", "--scheduler-file", str(scheduler_file), "--nthreads", "1", "--no-nanny",
        "--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(directory / "dask"),
    ]  # fmt: skip
    with process(scheduler, environment, directory / "scheduler.log"):
        _wait(lambda: scheduler_file.exists() and scheduler_file.read_text().endswith("}"))
        logs = [directory / "1.log", directory / "2.log"]
        with process(worker, environment, logs[0]) as first, process(worker, environment, logs[1]) as second:
            _wait(lambda: all("Registered to" in log.read_text() for log in logs))
            yield json.loads(scheduler_file.read_text())["address"], [first, second]


def test_a_lost_worker_loses_nothing(repository: Make, tmp_path: Path) -> None:
    """A worker is killed in the middle; every mutant has the outcome that it has on one machine."""
    made = repository()
    alone = made.mutate("--tests", "tests")
    expected = outcomes(alone.stdout)
    assert len(expected) > 4, alone.stdout + alone.stderr
    with cluster(made, tmp_path) as (address, workers):
        campaign = subprocess.Popen(
            made.command("--tests", "tests", "--scheduler", address),
            cwd=made.root,
            env=made.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert campaign.stdout is not None
        text = ""
        with campaign:
            for line in campaign.stdout:
                text += line
                if line.startswith("[   2/"):
                    workers[0].kill()
        assert campaign.returncode == 0, text
    assert outcomes(text) == expected


def outcomes(text: str) -> dict[str, str]:
    """Return the outcome of each mutant."""
    lines = re.findall(r"\[ *\d+/\d+\] (killed|refused|survived|equivalent|timed out|broken) +([0-9a-f]{10})", text)
    return {mutant: status for status, mutant in lines}


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
