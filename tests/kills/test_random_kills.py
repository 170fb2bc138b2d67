"""kill -9 at random points: the next command finds nothing torn, and removes everything that is left.

`PUSHPROOF_KILLS` is the number of points (12), `PUSHPROOF_KILLS_SEED` the seed that draws them (1): the same seed draws the same
points. `tox -e kills` tries 100.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pushproof.base.environment import WORLD_VARIABLE
from pushproof.emulator.runtime.docker.host import WORLD_LABEL, connect
from pushproof.targets.journal import Journal

HERE = Path(__file__).parent
POINTS = int(os.environ.get("PUSHPROOF_KILLS", "12"))
SEED = int(os.environ.get("PUSHPROOF_KILLS_SEED", "1"))
TERRAFORM = """
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}

resource "aws_s3_bucket" "kept" {
  bucket = "kept"
}
"""


@dataclass(frozen=True, slots=True)
class Activity:
    """A command to be killed, and the seconds in which something happens."""

    name: str
    command: tuple[str, ...]
    seconds: float
    weight: int


SUITE = Activity("pytest", ("-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_small.py"), 25.0, 6)
ACTIVITIES = (
    SUITE,
    Activity("serve", ("-m", "pushproof.cli", "serve", "--port", "0"), 8.0, 2),
    Activity("drill", ("-m", "pushproof.cli", "drill"), 150.0, 1),
)


@dataclass(frozen=True, slots=True)
class Point:
    """A point: what is killed, after how many seconds, and whether the command itself or a process of it."""

    activity: Activity
    after: float
    itself: bool

    def __str__(self) -> str:
        victim = "itself" if self.itself else "a process of it"
        return f"{self.activity.name}-{self.after:.1f}s-{victim.replace(' ', '-')}"


def points() -> list[Point]:
    """Draw the points of this run."""
    draw = random.Random(SEED)
    weights = [activity.weight for activity in ACTIVITIES]
    chosen = draw.choices(ACTIVITIES, weights, k=POINTS)
    return [Point(each, draw.uniform(0.2, each.seconds), draw.random() < 0.5) for each in chosen]


@pytest.fixture
def repository(tmp_path: Path, pytestconfig: pytest.Config) -> Callable[[Activity], Path]:
    """Return the directory in which an activity runs."""

    def make(activity: Activity) -> Path:
        if activity.name != SUITE.name:
            return pytestconfig.rootpath
        root = tmp_path / "repository"
        (root / "module").mkdir(parents=True)
        (root / "module" / "main.tf").write_text(TERRAFORM)
        (root / "pytest.ini").write_text("[pytest]\n")
        shutil.copyfile(HERE / "suite.py", root / "test_small.py")
        return root

    return make


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return an environment with a state directory and a cache of its own; whatever a failed test leaves is swept."""
    state = tmp_path / "state"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    yield {**inherited, "PUSHPROOF_STATE": str(state), "PUSHPROOF_CACHE": str(tmp_path / "cache")}
    Journal(state).clean_up()


def entries(directory: Path) -> set[str]:
    """Return the names in a directory that may be missing."""
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def run(arguments: tuple[str, ...], here: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def living(worlds: set[str]) -> list[str]:
    """Return the names of living processes that carry the mark of a world."""
    marks = {f"{WORLD_VARIABLE}={world}".encode() for world in worlds}
    names = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if marks & set((entry / "environ").read_bytes().split(b"\0")):
                names.append((entry / "comm").read_text().strip())
        except OSError:
            continue
    return names


def kill(point: Point, process: subprocess.Popen[bytes], draw: random.Random) -> None:
    """Kill the command, or one of its processes; the command is then asked to end, if it does not end by itself.

    Workers of pytest-xdist notice the end of their controller, and have a minute for what they are at.
    """
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    workers = [member for member in family if is_python(member)]
    try:
        _kill(point, process, family, draw)
    finally:
        psutil.wait_procs(workers, timeout=60)


def is_python(process: psutil.Process) -> bool:
    """Return whether a process runs Python, and so can notice anything."""
    try:
        return "python" in process.name()
    except psutil.NoSuchProcess:
        return False


def _kill(point: Point, process: subprocess.Popen[bytes], family: list[psutil.Process], draw: random.Random) -> None:
    if not point.itself and family:
        victim = draw.choice(family)
        try:
            victim.kill()
        except psutil.NoSuchProcess:
            return
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
            return
        except subprocess.TimeoutExpired:
            pass
    process.kill()
    process.wait()


@pytest.mark.docker
@pytest.mark.parametrize("point", points(), ids=str)
def test_the_next_command_finds_nothing_torn(
    point: Point,
    repository: Callable[[Activity], Path],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """No process, container, network or directory of a killed command is left after a sweep, and its kept worlds are whole."""
    here = repository(point.activity)
    with (tmp_path / "output.txt").open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, *point.activity.command],
            cwd=here,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worlds: set[str] = set()
    state = Path(environment["PUSHPROOF_STATE"]) / "worlds"
    until = time.monotonic() + point.after
    while time.monotonic() < until and process.poll() is None:
        worlds |= entries(state)
        time.sleep(0.05)
    kill(point, process, random.Random(f"{SEED} {point}"))
    worlds |= entries(state)
    swept = run(("-m", "pushproof.cli", "sweep", "--local"), here, environment)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert living(worlds) == []
    assert entries(state) == set()
    engine = connect()
    try:
        for world in worlds:
            label = {"label": f"{WORLD_LABEL}={world}"}
            assert engine.containers.list(all=True, filters=label) == []
            assert engine.networks.list(filters=label) == []
    finally:
        engine.close()
    if point.activity is SUITE:
        again = run(SUITE.command, here, environment)
        assert again.returncode == 0, (tmp_path / "output.txt").read_text() + again.stdout + again.stderr
