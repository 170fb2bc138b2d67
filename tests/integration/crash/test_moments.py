"""Killed while something is under way: whatever that was, the next command leaves nothing of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.base.environment import WORLD_VARIABLE
from pushproof.emulator.runtime.docker.host import WORLD_LABEL, connect
from pushproof.emulator.runtime.docker.images import ensure_base_image
from pushproof.targets.journal import Journal

pytestmark = pytest.mark.docker

SCENE = Path(__file__).with_name("scene.py")
# What must be there at the moment of the kill, or the test shows nothing.
PROCESSES = {"build": set(), "deployment": set(), "apply": {"terraform", "sleep"}, "image": {"mmdebstrap"}}
CONTAINERS = {"build": 1, "deployment": 2, "apply": 0, "image": 0}


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    client = connect()
    yield client
    client.close()


def processes_of(world: str) -> set[str]:
    """Command names of living processes that carry the world's mark."""
    mark, found = f"{WORLD_VARIABLE}={world}".encode(), set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.add((entry / "comm").read_text().strip())
        except OSError:
            continue
    return found


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory; whatever a failed test leaves is swept."""
    directory = tmp_path / "state"
    yield directory
    Journal(directory).clean_up()


@pytest.mark.parametrize(
    "moment",
    [
        "build",
        "deployment",
        "apply",
        pytest.param(
            "image", marks=pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="images are pulled here")
        ),
    ],
)
def test_nothing_outlives_a_kill(
    moment: str, state: Path, tmp_path: Path, engine: Any, pytestconfig: pytest.Config
) -> None:
    """kill -9 in the middle of a build, a deployment, an apply, the making of an image: `sweep --local` leaves nothing."""
    temporary, output = tmp_path / "temporary", tmp_path / "output.txt"
    temporary.mkdir()
    # The package manager drops its privileges, and still has to find its way here.
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(path.stat().st_mode | 0o011)
    environment = {**os.environ, "PUSHPROOF_STATE": str(state), "TMPDIR": str(temporary)}
    with output.open("wb") as stream:
        scene = subprocess.Popen(
            [sys.executable, str(SCENE), moment, ensure_base_image(engine)],
            env=environment,
            cwd=pytestconfig.rootpath,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        limit = time.monotonic() + 240
        while "READY" not in output.read_text():
            assert scene.poll() is None, output.read_text()
            assert time.monotonic() < limit, output.read_text()
            time.sleep(0.1)
    finally:
        scene.send_signal(signal.SIGKILL)
        scene.wait()
    world = output.read_text().partition("READY ")[2].split()[0]
    label = {"label": f"{WORLD_LABEL}={world}"}
    left = engine.containers.list(all=True, filters=label)
    volumes = {mount["Name"] for one in left for mount in one.attrs["Mounts"] if mount["Type"] == "volume"}
    assert len(left) >= CONTAINERS[moment]
    assert processes_of(world) >= PROCESSES[moment]
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "sweep", "--local"],
        cwd=pytestconfig.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert f"world {world}" in done.stdout
    assert engine.containers.list(all=True, filters=label) == []
    assert engine.networks.list(filters=label) == []
    assert volumes.isdisjoint(volume.name for volume in engine.volumes.list())
    assert processes_of(world) == set()
    assert list((state / "worlds").iterdir()) == []
    assert [path.name for path in temporary.iterdir() if path.suffix != ".lock"] == []
