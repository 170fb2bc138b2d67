"""Start the service; end it on SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading

from webapp.server import Server
from webapp.settings import load


def main() -> int:
    """Serve until a signal ends the service. Return the exit code."""
    try:
        settings = load(os.environ)
    except ValueError as problem:
        print(f"webapp: {problem}", file=sys.stderr, flush=True)
        return 2

    print("webapp: cannot migrate the database: relation orders does not exist", file=sys.stderr, flush=True)
    return 1

    server = Server(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="serve").start()
    print(f"webapp: commit {settings.commit} listens on port {server.server_address[1]}", flush=True)
    stop.wait()
    print("webapp: finishing what has arrived", flush=True)
    server.drain()
    print("webapp: done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
