"""The identity of a process, which separates it from a later process with the same number."""

from __future__ import annotations

import os
from pathlib import Path


def process_start(pid: int) -> str | None:
    """Return the start of a process, in clock ticks since boot, with the boot's id, since pids are used again; None if it is gone.

    Source: proc_pid_stat(5), field 22.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        if fields[0] == "Z":
            return None
        return f"{_boot()}:{fields[19]}"
    except OSError:
        return None


def owner_mark() -> str:
    """Return this process in one word: its user, its pid namespace, its pid, and its start."""
    return f"{os.getuid()}:{_namespace()}:{os.getpid()}:{process_start(os.getpid())}"


def is_gone(mark: str) -> bool:
    """Return whether the process of an `owner_mark` is certainly gone.

    Nothing is certain about a process of another user, in another container, or from before the last boot.
    """
    user, _, rest = mark.partition(":")
    namespace, _, rest = rest.partition(":")
    pid, _, started = rest.partition(":")
    if user != str(os.getuid()) or namespace != _namespace() or not pid.isdigit():
        return False
    return started.partition(":")[0] == _boot() and process_start(int(pid)) != started


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _namespace() -> str:
    return os.readlink("/proc/self/ns/pid").strip("pid:[]")
