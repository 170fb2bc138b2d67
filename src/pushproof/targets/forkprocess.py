"""The process that forks worlds, as the one that asks for forks sees it: started, or forked beforehand from one that is warm."""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from typing import Protocol


class HostProcess(Protocol):
    """A process that forks worlds."""

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """End it at once."""


class _Forked:
    """A child that was forked, with the methods of one that was started."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._handle = os.pidfd_open(pid)
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("pushproof.targets.forkhost", timeout or 0.0)
        return code

    def kill(self) -> None:
        if self._code is None:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self._code is None and select.select([self._handle], [], [], seconds)[0]:
            _, status = os.waitpid(self._pid, 0)
            self._code = os.waitstatus_to_exitcode(status)
            os.close(self._handle)
        return self._code


#: A host that was forked beforehand, until somebody needs it.
_prepared: list[tuple[HostProcess, socket.socket]] = []


def start_host() -> tuple[HostProcess, socket.socket]:
    """Return a host and the socket to it, on which it says when it is ready."""
    if _prepared:
        return _prepared.pop()
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with other:
        process = subprocess.Popen(
            [sys.executable, "-m", "pushproof.targets.forkhost", str(other.fileno())],
            pass_fds=[other.fileno()],
            stdin=subprocess.DEVNULL,
            # A library's words on import must not be taken for anything of the caller's.
            stdout=subprocess.DEVNULL,
        )
    return process, mine


def prepare_host() -> None:
    """Fork a host from this process, which is warm and has a single thread: the first fork of a world need not start one."""
    from pushproof.targets.forkhost import serve

    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        other.close()
        _prepared.append((_Forked(pid), mine))
        # The host ends with its socket, when nobody has needed it.
        atexit.register(mine.close)
        return
    try:
        mine.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        serve(other)
    except BaseException:
        traceback.print_exc()
    finally:
        # Nothing of the other process's is cleaned up here.
        os._exit(0)
