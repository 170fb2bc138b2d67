"""Forks of a world: copies with the same state, each in a process of its own, at an address of its own.

A resident process (`forkhost`) has imported everything and forks itself for each. One empty world always waits, so that a fork
only loads the state.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import IO, Self

import requests

from pushproof.base.clock import ScaledClock
from pushproof.base.target import TargetUnavailable
from pushproof.emulator.keeping.places import Place
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.targets.forkprocess import HostProcess, start_host
from pushproof.targets.forkwords import Order, World, encode_settings
from pushproof.targets.gateway import GatewayTarget

#: Real seconds for the host to import everything, and for a world to answer: only a machine that is out of memory needs longer.
_PATIENCE = 120.0


class ForkUnavailable(TargetUnavailable):
    """A world cannot be forked, or a fork has ended; the message says why, and what to do."""


class _Line:
    """The connection to one forked world. Closing it ends the world."""

    def __init__(self, line: socket.socket) -> None:
        line.settimeout(_PATIENCE)
        self._line = line
        self._answers: IO[str] = line.makefile("r", encoding="utf-8")

    def order(self, order: Order) -> World:
        """Send an order, and return what the world is then. Raises ForkUnavailable."""
        try:
            self._line.sendall(json.dumps(order).encode() + b"\n")
        except OSError as error:
            raise ForkUnavailable(f"the world that waited to be a fork has ended ({error}). Fork once more") from error
        return self.answer()

    def answer(self) -> World:
        """Return the next answer. Raises ForkUnavailable."""
        try:
            text = self._answers.readline()
        except OSError as error:
            raise ForkUnavailable(f"a forked world does not answer within {_PATIENCE:.0f} s ({error})") from error
        if not text:
            raise ForkUnavailable("a forked world ended before it answered; its error is in the output above")
        answer = json.loads(text)
        if "refused" in answer:
            raise ForkUnavailable(answer["refused"])
        world: World = answer
        return world

    def close(self) -> None:
        self._answers.close()
        self._line.close()


class Forks:
    """Makes forks of worlds with the same settings. Closing it ends all of them."""

    def __init__(self, world: WorldSettings, runtime: str) -> None:
        self._settings = encode_settings(replace(world, port=0), runtime)
        self._world = world
        self._host: HostProcess | None = None
        self._socket: socket.socket | None = None
        # The line to a host that is starting.
        self._starting: socket.socket | None = None
        self._spare: _Line | None = None
        self._forks: list[Fork] = []

    def begin(self) -> None:
        """Start the process that forks, and do not wait for it: the first fork then comes sooner."""
        if self._socket is None and self._starting is None:
            self._starting = self._launch()

    def fork(self, kept: Path, origin: str) -> Fork:
        """Return a fork that continues the kept world in a directory. Raises ForkUnavailable."""
        line = self._spare or self._ask()
        self._spare = None
        try:
            line.answer()
            described = line.order(Order(kept=str(kept), origin=origin))
        except BaseException:
            line.close()
            raise
        fork = Fork(described, line, self._world)
        self._forks.append(fork)
        # The next one opens while this one is used.
        with contextlib.suppress(ForkUnavailable):
            self._spare = self._ask()
        return fork

    def _ask(self) -> _Line:
        """Ask the host for an empty world, and do not wait for it."""
        host = self._socket if self._host is not None and self._host.poll() is None else None
        host = host or self._start()
        mine, other = socket.socketpair()
        try:
            socket.send_fds(host, [self._settings], [other.fileno()])
        except OSError as error:
            mine.close()
            raise ForkUnavailable(
                f"the process that forks worlds has ended ({error}). Fork once more: another one is started"
            ) from error
        finally:
            other.close()
        return _Line(mine)

    def _start(self) -> socket.socket:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        mine, self._starting = self._starting or self._launch(), None
        try:
            ready = mine.recv(1)
        except OSError:
            ready = b""
        if not ready:
            mine.close()
            raise ForkUnavailable("the process that forks worlds has not started; its error is in the output above")
        self._socket = mine
        return mine

    def _launch(self) -> socket.socket:
        self._host, mine = start_host()
        mine.settimeout(_PATIENCE)
        return mine

    def close(self) -> None:
        """End every fork, and the host."""
        for fork in self._forks:
            fork.close()
        if self._spare is not None:
            self._spare.close()
            self._spare = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._starting is not None:
            self._starting.close()
            self._starting = None
            # It would notice only when it is ready, and has nothing to clean up before.
            if self._host is not None:
                self._host.kill()
        if self._host is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._host.wait(timeout=10)
            if self._host.poll() is None:
                self._host.kill()
                self._host.wait()


class Fork(GatewayTarget):
    """A forked world, as a target. A context manager; closing it takes the world down."""

    name = "embedded"

    def __init__(self, described: World, line: _Line, settings: WorldSettings) -> None:
        self._line = line
        # : The process that the world is.
        self.pid = described["pid"]
        self._closed = False
        key, secret = described["keys"]
        super().__init__(
            world_id=described["id"],
            endpoint=described["endpoint"],
            region=settings.region,
            account_id=settings.account_id,
            keys=(key, secret),
            clock=ScaledClock(settings.speed),
            directory=Path(described["directory"]),
        )
        host = described["endpoint"].removeprefix("http://")
        # : The addresses of the world, which texts of the forked one have marks for.
        self.place = Place(host, described["balancers"], Path(described["directory"]), described["bridge"])

    def require_alive(self) -> None:
        """Raise ForkUnavailable if the world has ended."""
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{self.endpoint}/_pushproof/health", timeout=_PATIENCE).ok:
                return
        raise ForkUnavailable(
            f"forked world {self.world_id} (process {self.pid}) does not answer at {self.endpoint}: it was closed, or the "
            "process that it was forked for has ended. Fork once more"
        )

    def lacks(self, capability: str) -> str | None:
        return "here AWS's answers are the engines' own" if capability == "oracles" else None

    def repository_url(self, repository: str) -> str:
        """Return the URL to push to; the first push creates the repository."""
        return f"{self.endpoint}/_git/{repository}.git"

    def authorise_connection(self, arn: str) -> None:
        """Complete a connection's handshake, as a person does in the console. Raises TargetUnavailable."""
        url = f"{self.endpoint}/_pushproof/connections/authorise"
        answer = requests.post(url, params={"arn": arn}, auth=self.keys, timeout=30)
        if not answer.ok:
            raise TargetUnavailable(f"{self.endpoint} does not authorise {arn}: {answer.text[:300]}")

    def remains(self) -> list[str]:
        """Return the directory of the world, if it is still there after `close`."""
        return [str(self.place.directory)] if self.place.directory.exists() else []

    def close(self) -> None:
        """Take the world down, and wait until it is gone; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(self.pid)
        self._line.close()
        with contextlib.suppress(OSError, UnboundLocalError):
            import select

            select.select([handle], [], [], 30)
            os.close(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
