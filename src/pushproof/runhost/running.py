"""Runs in forks of a host: a process that runs pytest, and one that passes signals to it and its result to the client."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time

from pushproof.runhost.groups import end_with_parent, make_group, signal_group
from pushproof.runhost.messages import AHEAD, ConnectionLost, Order, Result, receive_order, signals_of
from pushproof.runhost.pytestrun import run_pytest
from pushproof.targets.forkprocess import prepare_host

#: Seconds that a run has to clean up after its client is gone.
_PATIENCE = 60.0


def supervise(line: socket.socket, held: int) -> Order:
    """Fork the run that a client orders, and supervise it. Returns the order in the run's process, and never in this one.

    `held`: a file descriptor whose end tells the host that the run is over.
    """
    code = 1
    try:
        line.sendall(AHEAD)
        order, streams = receive_order(line)
        end, start = os.pipe()
        child = os.fork()
        if child == 0:
            line.close()
            for other in (end, held):
                os.close(other)
            _begin(streams)
            return order
        for other in (start, *streams):
            os.close(other)
        # Both sides do it: whichever comes first, the group is there.
        make_group(child)
        result = _watch(line, child, end)
        with contextlib.suppress(OSError):
            line.sendall(result.to_bytes())
        code = 0
    except (ConnectionLost, OSError):
        # The client is gone, and nothing has begun.
        pass
    os._exit(code)


def run(order: Order) -> int:
    """Run pytest as a client has ordered; returns its exit code."""
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.directory)
    os.umask(order.mask)
    # This process has one thread yet.
    prepare_host()
    return run_pytest(order.arguments)


def _begin(streams: list[int]) -> None:
    """Make this process one that runs tests: with its own group, the client's files, and a parent that it does not outlive."""
    os.setpgid(0, 0)
    end_with_parent()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # As Python decides when it starts; the host's output is no terminal.
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]


def _watch(line: socket.socket, child: int, end: int) -> Result:
    """Pass signals to a run until it ends; interrupt it when its client is gone."""
    deadline: float | None = None
    while True:
        watched = [end] if deadline is not None else [end, line.fileno()]
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(watched, [], [], left)
        if end in ready:
            break
        if not ready:
            signal_group(child, signal.SIGKILL)
            break
        try:
            data = line.recv(64)
        except OSError:
            data = b""
        for number in signals_of(data):
            signal_group(child, number)
        if not data:
            deadline = time.monotonic() + _PATIENCE
            signal_group(child, signal.SIGCONT)
            signal_group(child, signal.SIGINT)
    os.close(end)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return Result(code) if code >= 0 else Result(None, -code)
