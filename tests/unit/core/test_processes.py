"""A process counts as gone only if that is certain."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pushproof.base.processes import is_gone, owner_mark, process_start


def mark_of_another() -> str:
    """The mark of a process of this machine that has ended."""
    code = "from pushproof.base.processes import owner_mark; print(owner_mark())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_this_process_is_not_gone() -> None:
    """The calling process is not gone."""
    assert process_start(os.getpid()) is not None
    assert not is_gone(owner_mark())


def test_a_process_that_ended_is_gone() -> None:
    """A process that ended is gone, on the same machine, since its last boot, of the same user."""
    assert is_gone(mark_of_another())


@pytest.mark.parametrize("part", [0, 1, 3], ids=["user", "namespace", "boot"])
def test_nothing_is_said_of_processes_that_cannot_be_seen(part: int) -> None:
    """Another user's, one in another container, one on another machine or before the last boot: it may be alive."""
    fields = mark_of_another().split(":")
    fields[part] = "4242"
    assert not is_gone(":".join(fields))


@pytest.mark.parametrize("mark", ["", "nonsense", "0:1:2", ":::"])
def test_what_is_no_mark_says_nothing(mark: str) -> None:
    """Another program's label is no mark."""
    assert not is_gone(mark)
