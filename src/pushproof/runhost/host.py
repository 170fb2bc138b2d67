"""The process that forks itself for test runs: `python -P -m pushproof.runhost.host PATH DESCRIPTOR`.

It has a single thread, so that nothing is half done in a fork. It ends when no run has come for a while, when it is asked to, and
when a file that it has been made from has changed. Runs go on without it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pushproof.runhost.freshness import has_changed, origins
from pushproof.runhost.imports import import_everything
from pushproof.runhost.messages import END, RUN, STALE, Order
from pushproof.runhost.running import run, supervise

#: Seconds that a host waits for the next run.
PATIENCE = 300.0
# Seconds that a client has for its first byte.
_MOMENT = 1.0


def main() -> int:
    """Serve runs on a listening socket, a path and a file descriptor. Returns 0 in the host, and pytest's exit code in a run."""
    path, started = Path(sys.argv[1]), time.time()
    # Ctrl-C is for the run; the others may have been ignored by the program that started this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    with socket.socket(fileno=int(sys.argv[2])) as listener:
        listener.set_inheritable(False)
        inode, order = path.stat().st_ino, None
        try:
            import_everything()
            if threading.active_count() > 1:
                raise RuntimeError(f"threads run: {', '.join(thread.name for thread in threading.enumerate())}")
            gc.collect()
            # What was imported is not looked at again, so that its pages stay shared.
            gc.freeze()
            files = origins()
            order = serve(listener, lambda: has_changed(files, started))
        finally:
            if order is None:
                # Another host may have taken the place.
                with contextlib.suppress(OSError):
                    if path.stat().st_ino == inode:
                        path.unlink()
    return 0 if order is None else run(order)


def serve(listener: socket.socket, is_stale: Callable[[], bool], patience: float = PATIENCE) -> Order | None:
    """Fork a process for each run that clients order. Returns the order in a run's process, and None in the host, at its end."""
    runs: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([listener.fileno(), *runs], [], [], None if runs else patience)
        if not ready:
            return None
        for end in [end for end in runs if end in ready]:
            os.close(end)
            os.waitpid(runs.pop(end), 0)
        if listener.fileno() not in ready:
            continue
        line, _ = listener.accept()
        first = _first(line)
        stale = first == RUN and is_stale()
        if stale:
            with contextlib.suppress(OSError):
                line.sendall(STALE)
        if stale or first == END:
            line.close()
            return None
        if first == RUN:
            end, start = os.pipe()
            supervisor = os.fork()
            if supervisor == 0:
                listener.close()
                for other in (end, *runs):
                    os.close(other)
                return supervise(line, start)
            os.close(start)
            runs[end] = supervisor
        line.close()


def _first(line: socket.socket) -> bytes:
    """Return a client's first byte; nothing from one that is slow, or gone."""
    line.settimeout(_MOMENT)
    try:
        return line.recv(1)
    except OSError:
        return b""
    finally:
        line.settimeout(None)


if __name__ == "__main__":
    sys.exit(main())
