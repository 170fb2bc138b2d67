"""The identity of a process, which separates it from a later process with the same number."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

#: Linux has it; macOS does not, and answers by `ps` and `sysctl`.
PROC = Path("/proc")


def process_start(pid: int) -> str | None:
    """Return the start of a process with the boot's id, since pids are used again; None if the process is gone.

    Sources: proc_pid_stat(5), field 22 (clock ticks since boot); ps(1), keyword lstart.
    """
    if not PROC.is_dir():
        started = _say("ps", "-o", "lstart=", "-o", "stat=", "-p", str(pid)).split()
        return None if not started or started[-1].startswith("Z") else f"{_boot()}:{'-'.join(started[:-1])}"
    try:
        stat = (PROC / str(pid) / "stat").read_text()
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


def container_id() -> str | None:
    """Return the id of the container that this process runs in, as its Engine has it; None outside of one, or where it is hidden.

    Engines mount the files for the container's name from a folder called by its id (proc_pid_mountinfo(5), field 4).
    """
    try:
        mounts = (PROC / "self" / "mountinfo").read_text().splitlines()
    except OSError:
        return None
    for fields in map(str.split, mounts):
        parts = fields[3].split("/") if len(fields) > 4 else []
        if parts[-1:] == ["hostname"] and fields[4] == "/etc/hostname" and len(parts[-2]) == 64:
            return parts[-2]
    return None


def is_in_container() -> bool:
    """Return whether this process runs in a container: Docker, Podman or Kubernetes left their mark."""
    return (
        Path("/.dockerenv").exists()
        or Path("/run/.containerenv").exists()
        or "KUBERNETES_SERVICE_HOST" in os.environ
        or container_id() is not None
    )


def _boot() -> str:
    if not PROC.is_dir():
        # "{ sec = 1767225600, usec = 123456 } Thu Jan  1 00:00:00 2026"
        return "".join(c for c in _say("sysctl", "-n", "kern.boottime").partition("}")[0] if c.isdigit()) or "unknown"
    return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()


def _namespace() -> str:
    if not PROC.is_dir():
        return "0"
    return os.readlink(PROC / "self" / "ns" / "pid").strip("pid:[]")


def _say(*command: str) -> str:
    """Return the output of a program of the system; nothing if it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
