"""Process groups of runs: a signal for a run is for every process that it has started."""

from __future__ import annotations

import ctypes
import os
import signal
import sys


def make_group(child: int) -> None:
    """Make a child the leader of a group, unless it has done so itself, or has ended."""
    try:
        os.setpgid(child, child)
    except OSError:
        return


def signal_group(group: int, number: int) -> None:
    """Send a signal to every process of a group that still has some."""
    try:
        os.killpg(group, number)
    except OSError:
        return


def end_with_parent() -> None:
    """Let the system interrupt this process when its parent is killed. Source: PR_SET_PDEATHSIG(2const), Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)
