"""Test runs in forks of a host: they behave as pytest's own program does."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.processes import ends

from pushproof.runhost.client import VARIABLE

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux alone"),
    # One host for all of them.
    pytest.mark.xdist_group("runhost"),
]

# Tests that say which process they run in, and what that has.
_SUITE = """
import os, signal, sys, time
from pathlib import Path
import pytest

def test_ancestors():
    parent = Path(f"/proc/{os.getppid()}/cmdline").read_text()
    print("forked" if "pushproof.runhost.host" in parent else "alone", end=" ")
    print(os.getcwd(), os.environ.get("SHLVL"), sys.argv[1:], os.umask(0o022))

def test_input():
    print("read", sys.stdin.read())

def test_terminal():
    print("terminal", os.isatty(1), sys.__stdout__.line_buffering)

def test_failing():
    assert 1 == 2

@pytest.fixture
def clean():
    yield
    Path("cleaned").write_text("")

def test_waiting(clean):
    Path("waiting").write_text(str(os.getpid()))
    time.sleep(600)

def test_killed():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass
class Place:
    """A directory with tests, and the environment of its runs."""

    directory: Path
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pushproof.cli", *words]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a run, with nothing on its standard input."""
        return subprocess.Popen(
            self.command("test", "-p", "no:cacheprovider", *arguments),
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, text: str = "") -> tuple[int, str]:
        """Run tests; return the exit code and the output."""
        with self.begin(*arguments) as process:
            output, _ = process.communicate(text, timeout=120)
        return process.returncode, output

    def end_hosts(self) -> str:
        done = subprocess.run(
            self.command("sweep", "--local"), env=self.environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    def hosts(self) -> list[int]:
        """Return the processes of hosts of this environment."""
        mark = f"TMPDIR={self.environment['TMPDIR']}\0"
        return [pid for pid in _processes("pushproof.runhost.host") if mark in _read(pid, "environ")]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def _processes(word: str) -> list[int]:
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in numbers if word in _read(pid, "cmdline")]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Return a place whose host runs."""
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="runs-") as name:
        directory = Path(name)
        (directory / "suite").mkdir()
        (directory / "suite/test_it.py").write_text(_SUITE)
        (directory / "suite/pytest.ini").write_text("[pytest]\naddopts = -p no:randomly\n")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "CI", "COV"))}
        environment |= {"TMPDIR": name, "PUSHPROOF_STATE": f"{name}/state", "PUSHPROOF_CACHE": f"{name}/cache"}
        environment.pop(VARIABLE, None)
        made = Place(directory / "suite", environment)
        assert "alone" in made.run("-s", "-k", "ancestors")[1]
        try:
            yield made
        finally:
            made.end_hosts()
            for pid in made.hosts():
                os.kill(pid, signal.SIGKILL)


def _wait_for(path: Path, seconds: float = 60.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()):
            path.unlink()
            return text
        time.sleep(0.02)
    raise AssertionError(f"{path} is not there after {seconds} s")


def test_a_run_is_a_fork_with_everything_of_its_client(place: Place) -> None:
    """Directory, environment, arguments and umask are the client's, and the first run's host is used."""
    environment = place.environment
    place.environment = {**environment, "SHLVL": "7"}
    try:
        code, output = place.run("-s", "-k", "ancestors")
    finally:
        place.environment = environment
    assert code == 0
    assert f"forked {place.directory} 7 ['-p', 'no:cacheprovider', '-s', '-k', 'ancestors'] {os.umask(0o022)}" in output


def test_standard_input_is_the_clients(place: Place) -> None:
    """A debugger in a test reads what is typed."""
    assert "read typed" in place.run("-s", "-k", "input", text="typed")[1]


def test_a_terminal_is_a_terminal(place: Place) -> None:
    """Colours and line buffering are as without a host."""
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        place.command("test", "-p", "no:cacheprovider", "-s", "-k", "terminal"),
        cwd=place.directory,
        env=place.environment,
        stdin=inner,
        stdout=inner,
        stderr=inner,
    )
    os.close(inner)
    output = b""
    while b"passed" not in output:
        output += os.read(outer, 4096)
    assert process.wait(60) == 0
    os.close(outer)
    assert b"terminal True True" in output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["-k", "ancestors"], 0), (["-k", "failing"], 1), (["--no-such"], 4), (["-k", "nothing"], 5)],
)
def test_exit_codes_are_pytests(place: Place, arguments: Sequence[str], code: int) -> None:
    """Passed, failed, wrong usage and no tests are told apart."""
    assert place.run(*arguments)[0] == code


def test_an_interrupt_lets_fixtures_clean_up(place: Place) -> None:
    """Ctrl-C reaches the run, and the client ends as pytest does."""
    process = place.begin("-k", "waiting")
    _wait_for(place.directory / "waiting")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "KeyboardInterrupt" in output
    assert (place.directory / "cleaned").exists()
    (place.directory / "cleaned").unlink()


def test_a_killed_client_leaves_no_run(place: Place) -> None:
    """The run of a client that is killed cleans up, and ends."""
    process = place.begin("-k", "waiting")
    run = int(_wait_for(place.directory / "waiting"))
    process.kill()
    process.communicate(timeout=60)
    assert ends(run)
    assert (place.directory / "cleaned").exists()
    (place.directory / "cleaned").unlink()


def test_a_killed_run_ends_its_client(place: Place) -> None:
    """The client ends by the signal that its run has ended by."""
    assert place.run("-k", "killed")[0] == -signal.SIGKILL


def test_a_run_outlives_its_host(place: Place) -> None:
    """Hosts end on request; runs go on, and the next run has a process of its own and starts another host."""
    process = place.begin("-k", "waiting")
    _wait_for(place.directory / "waiting")
    (host,) = [pid for pid in place.hosts() if os.getsid(pid) == pid]
    assert "ended 1 process" in place.end_hosts()
    assert ends(host)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 2
    assert "alone" in place.run("-s", "-k", "ancestors")[1]
    assert "forked" in place.run("-s", "-k", "ancestors")[1]


def test_a_killed_host_is_replaced(place: Place) -> None:
    """The next run after kill -9 of a host has a process of its own, and the one after it a new host."""
    for pid in place.hosts():
        os.kill(pid, signal.SIGKILL)
        assert ends(pid)
    assert "alone" in place.run("-s", "-k", "ancestors")[1]
    assert "forked" in place.run("-s", "-k", "ancestors")[1]


@pytest.mark.parametrize("variable", [{"CI": "true"}, {VARIABLE: "0"}, {"PYTHONDEVMODE": "1"}])
def test_runs_without_a_host(place: Place, variable: dict[str, str]) -> None:
    """On CI, on request and in Python's development mode each run has a process of its own, and starts no host."""
    environment = place.environment
    place.environment = {**environment, **variable}
    before = place.hosts()
    try:
        assert "alone" in place.run("-s", "-k", "ancestors")[1]
    finally:
        place.environment = environment
    assert place.hosts() == before
