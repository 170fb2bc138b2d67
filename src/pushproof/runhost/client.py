"""The client of a host: it orders a run, passes signals on, and ends as the run does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from pushproof.runhost.messages import (
    AHEAD,
    END,
    RUN,
    ConnectionLost,
    Order,
    Result,
    receive_result,
    send_order,
    send_signal,
)
from pushproof.runhost.places import forget, host_environment, socket_of, sockets
from pushproof.runhost.pytestrun import run_pytest

#: Set to 0, every run has a process of its own.
VARIABLE = "PUSHPROOF_RESIDENT_TESTS"
# Seconds for a host to import everything: only a machine that is out of memory needs longer.
_PATIENCE = 120.0
_PASSED_ON = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
)
# Programs that look into a process from its start.
_OBSERVERS = (
    "COVERAGE_PROCESS_START",
    "COV_CORE_SOURCE",
    "PYTHONDEVMODE",
    "PYTHONTRACEMALLOC",
    "PYTHONPROFILEIMPORTTIME",
)


def run_tests(arguments: Sequence[str]) -> int:
    """Run pytest with arguments, in a fork of the host where that is possible; returns pytest's exit code."""
    line = None if must_run_here(os.environ) else _line_to_host(os.environ)
    if line is None:
        return run_pytest(arguments)
    with line:
        order = Order(list(arguments), os.getcwd(), dict(os.environ), _mask())
        try:
            result = _follow(line, order)
        except (ConnectionLost, OSError) as error:
            print(f"pushproof test: {error}", file=sys.stderr)
            return 3
    return _ended(result)


def must_run_here(environment: Mapping[str, str]) -> bool:
    """Return whether runs need a process of their own: on CI, where no second one follows; on macOS; under a program's eyes."""
    flags = sys.flags
    special = flags.optimize or flags.dev_mode or flags.isolated or flags.ignore_environment or flags.no_site
    return bool(
        sys.platform != "linux"
        or environment.get(VARIABLE) == "0"
        or environment.get("CI")
        or any(environment.get(name) for name in _OBSERVERS)
        or special
        or sys._xoptions
        or sys.warnoptions
    )


def end_hosts() -> int:
    """End the hosts of this user that wait for runs; returns how many were there. Runs go on."""
    ended = 0
    for path in sockets():
        line = _connected(path)
        if line is not None:
            line.settimeout(_PATIENCE)
            with line, contextlib.suppress(OSError):
                line.sendall(END)
                # It closes the line when it ends.
                line.recv(1)
                ended += 1
        forget(path)
    return ended


def _line_to_host(environment: Mapping[str, str]) -> socket.socket | None:
    """Return a line to a fork that waits for an order. Where there is no host, start one for the next run, and return None."""
    try:
        path = socket_of(environment)
        line = _connected(path)
        if line is not None and _goes_ahead(line):
            return line
        _start(path, environment)
    except OSError:
        # No host is no reason not to run tests.
        pass
    return None


def _connected(path: Path) -> socket.socket | None:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(path))
    except OSError:
        line.close()
        return None
    return line


def _goes_ahead(line: socket.socket) -> bool:
    """Ask for a run. Closes the line if the host does not go ahead: it is out of date, or ends."""
    line.settimeout(_PATIENCE)
    try:
        line.sendall(RUN)
        if line.recv(1) == AHEAD:
            line.settimeout(None)
            return True
    except OSError:
        pass
    line.close()
    return False


def _start(path: Path, environment: Mapping[str, str]) -> None:
    """Start a host, and do not wait for it, unless another client has just done so."""
    with path.with_suffix(".lock").open("w") as lock, socket.socket(socket.AF_UNIX) as listener:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (line := _connected(path)) is not None:
            line.close()
            return
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        # Clients can connect from now on, and wait until the host is ready.
        listener.listen()
        with path.with_suffix(".log").open("wb") as log:
            subprocess.Popen(
                [sys.executable, "-P", "-m", "pushproof.runhost.host", str(path), str(listener.fileno())],
                cwd=path.parent,
                env=host_environment(environment),
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )


def _follow(line: socket.socket, order: Order) -> Result:
    """Send an order, and pass signals on until the run's result comes."""

    def pass_on(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            send_signal(line, number)

    def stop(_: int, __: FrameType | None) -> None:
        pass_on(signal.SIGSTOP, None)
        os.kill(os.getpid(), signal.SIGSTOP)

    # A signal must not come between the parts of an order.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [*_PASSED_ON, signal.SIGTSTP])
    try:
        send_order(line, order, [0, 1, 2])
        for number in _PASSED_ON:
            # What the caller ignores, such as hang-ups under nohup, is not for the run either.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, pass_on)
        if signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN:
            signal.signal(signal.SIGTSTP, stop)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return receive_result(line)


def _ended(result: Result) -> int:
    """Return the exit code of a run; end by the signal that ended it."""
    if result.signal is not None:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(result.signal, signal.SIG_DFL)
        os.kill(os.getpid(), result.signal)
    return 128 + result.signal if result.code is None and result.signal is not None else result.code or 0


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
