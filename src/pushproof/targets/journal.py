"""What a world leaves on the machine, written down before it is made, so that the next command can clean up after a crash.

Every world has one JSON file under the state directory. A world whose process is gone is an orphan: its processes (found by the
environment they carry), containers, volumes and networks (found by their label) and its directory are removed; nothing else is.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pushproof.environment import WORLD_VARIABLE

__all__ = [
    "WORLD_VARIABLE",
    "Journal",
    "WorldRecord",
    "kill_marked",
    "note_registry",
    "process_start",
    "state_directory",
]

_REGISTRY = "registry"
#: Seconds for a killed process to end; only one that waits for a device takes longer than an instant.
_ENDING = 5.0


def state_directory() -> Path:
    """`$PUSHPROOF_STATE`, or `pushproof` below the XDG state directory. Created if need be."""
    named = os.environ.get("PUSHPROOF_STATE")
    base = (
        Path(named) if named else Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "pushproof"
    )
    base.mkdir(parents=True, exist_ok=True)
    return base


@dataclass(frozen=True, slots=True)
class WorldRecord:
    """One world on this machine: who owns it, and where it keeps its files. `started` is a clock tick of the owner's process."""

    id: str
    pid: int
    started: str
    directory: str
    target: str
    opened_at: float
    keep: bool = False

    @property
    def alive(self) -> bool:
        """Whether the process that owns it still runs."""
        return process_start(self.pid) == self.started


class Journal:
    """The worlds of this machine's user."""

    def __init__(self, directory: Path | None = None) -> None:
        self._worlds = (directory or state_directory()) / "worlds"
        self._worlds.mkdir(parents=True, exist_ok=True)

    def open(self, target: str) -> WorldRecord:
        """Write down a new world, owned by this process, and make its directory."""
        world_id = secrets.token_hex(4)
        directory = self._worlds / world_id
        record = WorldRecord(
            id=world_id,
            pid=os.getpid(),
            started=process_start(os.getpid()) or "",
            directory=str(directory),
            target=target,
            opened_at=time.time(),
        )
        self._file(world_id).write_text(json.dumps(asdict(record)))
        directory.mkdir()
        return record

    def records(self) -> list[WorldRecord]:
        """Every world written down, oldest first."""
        found = []
        for file in self._worlds.glob("*.json"):
            with contextlib.suppress(ValueError, TypeError, OSError):
                found.append(WorldRecord(**json.loads(file.read_text())))
        return sorted(found, key=lambda r: r.opened_at)

    def orphans(self) -> list[WorldRecord]:
        """Worlds whose process is gone."""
        return [record for record in self.records() if not record.alive]

    def forget(self, record: WorldRecord) -> None:
        """Remove a world's directory and its record."""
        shutil.rmtree(record.directory, ignore_errors=True)
        self._file(record.id).unlink(missing_ok=True)

    def clean_up(self) -> list[str]:
        """Remove whatever orphaned worlds left behind; returns what was removed, described."""
        removed: list[str] = []
        orphans = self.orphans()
        for record in orphans:
            removed += [f"process {name} ({pid})" for pid, name in kill_marked(record.id)]
        removed += _clean_docker({r.id for r in orphans}, {r.id for r in self.records() if r.alive})
        for record in orphans:
            removed += _clean_images(record)
            self.forget(record)
            removed.append(
                f"world {record.id} ({record.target}, opened {time.strftime('%F %T', time.localtime(record.opened_at))})"
            )
        return removed

    def _file(self, world_id: str) -> Path:
        return self._worlds / f"{world_id}.json"


def _clean_docker(orphans: set[str], alive: set[str]) -> list[str]:
    from pushproof.emulator.runtime.docker import DockerUnavailable, connect, remove_world

    if not orphans:
        return []
    try:
        client = connect(timeout=30)
    except DockerUnavailable:
        return []
    try:
        return [line for world_id in sorted(orphans - alive) for line in remove_world(client, world_id)]
    finally:
        client.close()


def note_registry(directory: Path, registry: str) -> None:
    """Write down under which name (`host:port`) images of a world reach the Engine."""
    (directory / _REGISTRY).write_text(registry)


def _clean_images(record: WorldRecord) -> list[str]:
    """Remove the images that an orphan's tasks were started from."""
    from pushproof.emulator.runtime.docker import DockerUnavailable, connect, remove_images

    noted = Path(record.directory) / _REGISTRY
    if not noted.exists():
        return []
    try:
        client = connect(timeout=30)
    except DockerUnavailable:
        return []
    try:
        return remove_images(client, noted.read_text())
    finally:
        client.close()


def kill_marked(world_id: str) -> Iterator[tuple[int, str]]:
    """Kill every process that carries the world's mark in its environment, and those it starts meanwhile."""
    killed: set[int] = set()
    while found := [pid for pid in _marked(world_id) if pid not in killed]:
        for pid in found:
            killed.add(pid)
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                _kill(pid)
                yield pid, name


def _kill(pid: int) -> None:
    """Kill a process and wait for its end: until then it may start another, which the next look must find."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], _ENDING)
    finally:
        os.close(handle)


def _marked(world_id: str) -> Iterator[int]:
    mark = f"{WORLD_VARIABLE}={world_id}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)


def process_start(pid: int) -> str | None:
    """When a process started, in clock ticks since boot, with the boot's id: pids are used again. None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        if fields[0] == "Z":
            return None
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{fields[19]}"
    except OSError:
        return None
