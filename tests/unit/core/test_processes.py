"""A process counts as gone only if that is certain."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushproof.base import processes
from pushproof.base.processes import container_id, is_gone, owner_mark, process_start


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


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without /proc, whose `sysctl` and `ps` answer as those of macOS; `tmp_path / "ps"` is the answer of the latter."""
    programs = tmp_path / "bin"
    programs.mkdir()
    answer = "{ sec = 1767225600, usec = 123456 } Thu Jan  1 00:00:00 2026"
    (programs / "sysctl").write_text(f'#!/bin/sh\n[ "$*" = "-n kern.boottime" ] && echo "{answer}"\n')
    (programs / "ps").write_text(f'#!/bin/sh\ncat "{tmp_path}/ps" 2>/dev/null\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setattr(processes, "PROC", tmp_path / "proc")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (tmp_path / "ps").write_text("Sat Nov 28 09:00:00 2026     S+\n")
    return tmp_path


def test_macos_has_marks_too(mac: Path) -> None:
    """Without /proc a process is known by what `ps` and `sysctl` say: alive, gone, a zombie, or replaced by a later one."""
    mark = owner_mark()
    assert not is_gone(mark)
    (mac / "ps").write_text("Sat Nov 28 09:00:05 2026     S+\n")
    assert is_gone(mark)
    (mac / "ps").write_text("Sat Nov 28 09:00:00 2026     Z\n")
    assert process_start(os.getpid()) is None
    (mac / "ps").write_text("")
    assert is_gone(mark)
    assert container_id() is None


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (f"1 2 8:1 /var/lib/docker/containers/{'a' * 64}/hostname /etc/hostname rw - ext4 /dev/sda rw", "a" * 64),
        (f"1 2 8:1 /docker/containers/{'b' * 64}/hostname /etc/hostname rw - ext4 /dev/sda rw", "b" * 64),
        ("1 2 8:1 /etc/hostname /etc/hostname rw - ext4 /dev/sda rw", None),
        (f"1 2 8:1 /var/lib/docker/containers/{'a' * 64}/hostname /elsewhere rw - ext4 /dev/sda rw", None),
        ("", None),
    ],
)
def test_a_container_has_its_id_in_its_mounts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mounts: str, expected: str | None
) -> None:
    """The file of the container's name lies in a folder called by its id, whatever its name is (proc_pid_mountinfo(5))."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text(mounts + "\n")
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert container_id() == expected
