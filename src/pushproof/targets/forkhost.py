"""The process that forks worlds: `python -m pushproof.targets.forkhost <socket>`.

It uses a world once, and then forks itself for each world: twenty worlds share what that imported, parsed and cached, and none
waits for it. It has a single thread, so that nothing is half done in a fork. A fork ends when the other side of its socket is
closed, however that happens, and the host ends when the socket to it is.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import IO

from pushproof.base.garbage import collector_paused
from pushproof.base.target import TargetUnavailable
from pushproof.emulator.keeping.reading import UnreadableState
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.forkwords import Order, World, decode_settings
from pushproof.targets.warmup import warm_up


def main() -> int:
    """Serve the socket that was inherited."""
    here = socket.socket(fileno=int(sys.argv[1]))
    # Ctrl-C is for the process that asks; this one ends with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warm_up()
    gc.collect()
    # What is there now is not looked at again, so that its pages stay shared.
    gc.freeze()
    return serve(here)


def serve(here: socket.socket) -> int:
    """Fork this process, which is warm, for each world that is asked for; returns when the other side of the socket is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    here.sendall(b"+")
    while True:
        message, descriptors = _received(here)
        if not message:
            return 0
        for descriptor in descriptors:
            if os.fork() == 0:
                here.close()
                code = 1
                try:
                    _live(socket.socket(fileno=descriptor), message)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    # Nothing of the host's is cleaned up here.
                    os._exit(code)
            os.close(descriptor)


def _received(here: socket.socket) -> tuple[bytes, list[int]]:
    """Return a message and the file descriptors that came with it; an empty one at the end."""
    try:
        message, descriptors, _, _ = socket.recv_fds(here, 65_536, 1)
    except ConnectionResetError:
        # The other side has ended, and has not even read that this one is ready.
        return b"", []
    return message, descriptors


def _live(line: socket.socket, settings: bytes) -> None:
    """Be one world: open it, continue a kept one when that is asked for, and end with the line."""
    with line, line.makefile("r", encoding="utf-8") as orders:
        try:
            world, runtime = decode_settings(settings)
            target = EmbeddedTarget(EmbeddedSettings(world=world, runtime=runtime))
        except (TargetUnavailable, OSError, ValueError) as error:
            _answer(line, {"refused": str(error)})
            return
        try:
            _answer(line, _described(target))
            while text := _next(orders):
                order: Order = json.loads(text)
                try:
                    with collector_paused():
                        target.continue_from(Path(order["kept"]), order["origin"])
                        # The world is there until the end of this process.
                        gc.freeze()
                except (UnreadableState, OSError) as error:
                    _answer(line, {"refused": str(error)})
                    return
                _answer(line, _described(target))
        finally:
            target.close()


def _next(orders: IO[str]) -> str:
    """Return the next order; an empty text when the other side is gone."""
    try:
        return orders.readline()
    except OSError:
        return ""


def _described(target: EmbeddedTarget) -> World:
    place = target.place
    return World(
        id=target.world_id,
        pid=os.getpid(),
        endpoint=target.endpoint,
        keys=target.keys,
        directory=str(place.directory),
        balancers=place.balancers,
        bridge=place.bridge,
    )


def _answer(line: socket.socket, answer: World | dict[str, str]) -> None:
    # Whoever asked may be gone; the next order tells.
    with contextlib.suppress(OSError):
        line.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
