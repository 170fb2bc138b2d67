"""Ctrl-C in a session: once, and everything is cleaned up; twice, and the process ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

import pytest

INTERRUPTED = pytest.StashKey[bool]()


def clean_up_next(config: pytest.Config) -> None:
    """Note that the session was interrupted, and let the next Ctrl-C end the process."""
    config.stash[INTERRUPTED] = True
    with contextlib.suppress(ValueError):  # Only the main thread has signals.
        signal.signal(signal.SIGINT, _end_now)
    print(
        "\ncleaning up; Ctrl-C again ends at once, and leaves what is there to `pushproof sweep`",
        file=sys.__stderr__,
        flush=True,
    )


def was_interrupted(config: pytest.Config) -> bool:
    """Return whether somebody pressed Ctrl-C."""
    return config.stash.get(INTERRUPTED, False)


def _end_now(_number: int, _frame: FrameType | None) -> None:
    """End the process and Terraform's commands. The journal of worlds and runs knows what is left."""
    from pushproof.terraform.command import RUNNING

    for group in list(RUNNING):
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    os._exit(130)
