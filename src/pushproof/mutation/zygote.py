"""The process that forks itself for each pytest run of a worker: `python -m pushproof.mutation.zygote`.

It imports what runs need, once, and has a single thread, so that nothing is half done in a fork. Orders come as JSON lines on
standard input, answers go to standard output. A run ends when it is done, when its time is over, or when standard input is closed,
however that happens.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points

from pushproof.runhost.groups import end_with_parent, make_group, signal_group

#: Seconds that a run has to clean up after it was interrupted.
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Order:
    """A pytest run: its directory, arguments, additions to the environment, the file for its output, and its limit in seconds."""

    directory: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    output: str
    limit: float

    def to_json(self) -> str:
        """Return the order as one line of JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a run: pytest's exit code, None where a signal ended it; its seconds; whether its time was over."""

    code: int | None
    seconds: float
    timed_out: bool


def main() -> int:
    """Serve orders until standard input is closed."""
    # Ctrl-C is for the process that orders; this one ends with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    _import_everything()
    gc.collect()
    # What was imported is not looked at again, so that its pages stay shared.
    gc.freeze()
    answers.write("ready\n")
    answers.flush()
    rest = b""
    while True:
        while b"\n" not in rest:
            more = os.read(0, 65_536)
            if not more:
                return 0
            rest += more
        line, _, rest = rest.partition(b"\n")
        done = _carry_out(Order(**json.loads(line)))
        if done is None:
            return 0
        answers.write(json.dumps(asdict(done)) + "\n")
        answers.flush()


def _import_everything() -> None:
    """Import what runs use, as far as it starts no thread."""
    import pushproof.mutation.inrun  # noqa: F401
    from pushproof.runhost.imports import import_everything

    import_everything()
    for plugin in entry_points(group="pytest11"):
        # One that cannot be imported is pytest's to report.
        with contextlib.suppress(Exception):
            plugin.load()


def _carry_out(order: Order) -> Done | None:
    """Run pytest in a fork. Returns None if standard input was closed meanwhile."""
    started = time.monotonic()
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        _run(order)
    os.close(start)
    # Both sides do it: whichever comes first, the group is there.
    make_group(child)
    deadline, closed, timed_out = started + order.limit, False, False
    while True:
        ready, _, _ = select.select([end] if closed else [end, 0], [], [], max(0.0, deadline - time.monotonic()))
        if end in ready:
            break
        # What comes in now can only be the end of standard input: one order is carried out at a time.
        closed = closed or 0 in ready
        if timed_out:
            signal_group(child, signal.SIGKILL)
            break
        timed_out = True
        deadline = time.monotonic() + PATIENCE
        signal_group(child, signal.SIGINT)
    os.close(end)
    _, status = os.waitpid(child, 0)
    # Processes that the run has left.
    signal_group(child, signal.SIGKILL)
    if closed:
        return None
    code = os.waitstatus_to_exitcode(status)
    return Done(code if code >= 0 else None, time.monotonic() - started, timed_out)


def _run(order: Order) -> None:
    """Be the run: never returns."""
    code = 3
    try:
        os.setpgid(0, 0)
        end_with_parent()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(order.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(order.environment)
        os.chdir(order.directory)
        sys.path[:0] = [order.directory]
        import pytest

        code = int(pytest.main(list(order.arguments)))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Nothing of the zygote's is cleaned up here.
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
