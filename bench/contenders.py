"""Emulators that the gateway is measured beside, each in a process or container of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushproof.base.directories import cache_directory

MINISTACK = "1.5.33"
LOCALSTACK = "4.14.0"
_LIMIT = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Unavailable(Exception):
    """An emulator that is not to be had here."""


@dataclass(frozen=True, slots=True)
class Running:
    """An emulator that answers. `pid` is None where its processes cannot be seen."""

    port: int
    access_key_id: str
    secret_access_key: str
    pid: int | None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processor_seconds(self) -> float | None:
        """Return the processor time of its processes so far; None where they cannot be seen."""
        if self.pid is None or not Path("/proc/self/stat").exists():
            return None
        parents: dict[int, int] = {}
        used: dict[int, int] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                parents[int(path.parent.name)] = int(fields[1])
                used[int(path.parent.name)] = int(fields[11]) + int(fields[12])
        ticks = 0
        for process, taken in used.items():
            ancestor = process
            while ancestor and ancestor != self.pid:
                ancestor = parents.get(ancestor, 0)
            ticks += taken if ancestor else 0
        return ticks / _TICKS


@contextmanager
def pushproof() -> Iterator[Running]:
    """Run `pushproof serve` with scripted tasks: signatures are verified, policies decide."""
    with tempfile.TemporaryDirectory() as home:
        places = {f"XDG_{name}_HOME": f"{home}/{name}" for name in ("STATE", "CACHE", "DATA", "CONFIG")}
        command = [sys.executable, "-m", "pushproof.cli", "serve", "--port", "0", "--task-runtime", "scripted"]
        with _process(command, {**places, "PYTHONUNBUFFERED": "1"}) as process:
            assert process.stdout is not None
            exported = {}
            for line in process.stdout:
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exported[name] = value.strip("'")
                if "Ctrl-C takes it down" in line:
                    break
            else:
                raise Unavailable(f"it ended with code {process.wait()}")
            port = int(exported["AWS_ENDPOINT_URL"].rpartition(":")[2])
            yield Running(port, exported["AWS_ACCESS_KEY_ID"], exported["AWS_SECRET_ACCESS_KEY"], process.pid)


@contextmanager
def moto_server() -> Iterator[Running]:
    """Run moto's own server, of the version below Pushproof: neither signatures nor policies are checked."""
    port = _free_port()
    with _process([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], {}) as process:
        yield _ready(Running(port, "testing", "testing", process.pid), process)


@contextmanager
def ministack() -> Iterator[Running]:
    """Run MiniStack, from an environment of its own: neither signatures nor policies are checked."""
    program = _ministack()
    port = _free_port()
    settings = {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    with _process([str(program)], settings) as process:
        yield _ready(Running(port, "test", "test", process.pid), process)


def _ministack() -> Path:
    place = cache_directory() / "bench" / f"ministack-{MINISTACK}"
    program = place / "bin" / "ministack"
    if not program.exists():
        venv.create(place, with_pip=True)
        command = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", f"ministack=={MINISTACK}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"MiniStack cannot be installed: {done.stderr.strip().rpartition(chr(10))[2]}")
    return program


@contextmanager
def localstack() -> Iterator[Running]:
    """Run LocalStack's community services in a container: signatures are not verified, policies not enforced."""
    image = os.environ.get("LOCALSTACK_IMAGE", f"pushproof/localstack:{LOCALSTACK}")
    here = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)
    if here.returncode:
        raise Unavailable(f"there is no image {image}; `make localstack-image` builds it")
    port = _free_port()
    options = ["-e", "DISABLE_EVENTS=1", "-e", "SKIP_SSL_CERT_DOWNLOAD=1", "-e", "DNS_ADDRESS=0"]
    command = ["docker", "run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:4566", *options, image]
    container = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        shown = ["docker", "inspect", "--format", "{{.State.Pid}}", container]
        pid = int(subprocess.run(shown, capture_output=True, text=True, check=True).stdout)
        yield _ready(Running(port, "test", "test", pid), None)
    finally:
        subprocess.run(["docker", "kill", container], capture_output=True, check=False)


CONTENDERS = {"Pushproof": pushproof, "moto_server": moto_server, "MiniStack": ministack, "LocalStack": localstack}
# What belongs to no start-up.
PREPARATIONS = {"MiniStack": _ministack}


@contextmanager
def _process(command: list[str], settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _ready(running: Running, process: subprocess.Popen[str] | None) -> Running:
    """Wait until it answers HTTP. Raises Unavailable if it ends, or does not within two minutes."""
    until = time.monotonic() + _LIMIT
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            raise Unavailable(f"it ended with code {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", running.port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            if client.recv(12).startswith(b"HTTP/"):
                return running
        time.sleep(0.05)
    raise Unavailable(f"it did not answer within {_LIMIT:.0f} s")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
