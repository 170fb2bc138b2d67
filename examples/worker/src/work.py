"""A worker: does a piece of work each second, and leaves the time of the last one in a file."""

import pathlib
import signal
import sys
import time

LAST = pathlib.Path("/tmp/last")


def stop(*_: object) -> None:
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
while True:
    LAST.write_text(str(time.time()))
    time.sleep(1)
