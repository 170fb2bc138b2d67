"""A killed drill leaves nothing that the next command does not remove, and that command removes nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.emulator.runtime.docker.host import WORLD_LABEL, connect, labelled_worlds
from pushproof.targets.journal import WORLD_VARIABLE, Journal

pytestmark = pytest.mark.docker


@pytest.fixture
def engine() -> Iterator[Any]:
    client = connect()
    yield client
    client.close()


@pytest.fixture
def bystander(engine: Any) -> Iterator[str]:
    """Create a network of another user's open world, which must survive."""
    name = f"pushproof-bystander-{os.getpid()}"
    network = engine.networks.create(name, labels={WORLD_LABEL: f"bystander{os.getpid()}"})
    yield name
    network.remove()


def processes_of(world: str) -> list[str]:
    """Command names of living processes that carry the world's mark."""
    mark, found = f"{WORLD_VARIABLE}={world}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0") and " Z " not in (entry / "stat").read_text():
                found.append((entry / "comm").read_text().strip())
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda text: "An embedded world is up" in text, id="while-the-world-starts"),
        pytest.param(lambda text: "Terraform applies" in text, id="while-terraform-applies"),
    ],
)
def test_after_kill_9_the_next_command_removes_what_was_left(
    moment: Callable[[str], bool], tmp_path: Path, engine: Any, bystander: str, pytestconfig: pytest.Config
) -> None:
    """Containers, networks, processes and files of the killed run go; a bystander's stay."""
    environment = {**os.environ, "PUSHPROOF_STATE": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    output = tmp_path / "output.txt"
    with output.open("wb") as stream:
        drill = subprocess.Popen(
            [sys.executable, "-m", "pushproof.cli", "drill"],
            cwd=pytestconfig.rootpath,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 240
        while not moment(output.read_text(errors="replace")):
            assert drill.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        time.sleep(5)
    finally:
        os.kill(drill.pid, signal.SIGKILL)
        drill.wait()
    world = Journal(tmp_path).orphans()[0].id
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "sweep", "--local"],
        cwd=pytestconfig.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert world in done.stdout
    assert world not in labelled_worlds(engine)
    assert processes_of(world) == []
    assert list((tmp_path / "worlds").iterdir()) == []
    assert [n.name for n in engine.networks.list(names=[bystander])] == [bystander]
