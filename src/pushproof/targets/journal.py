"""The journal of worlds on this machine, written before anything is created, so that the next command can clean up after a crash.

Every world has one JSON file under the state directory. A world whose process is gone is an orphan: its processes (identified by
the environment they carry), containers, volumes and networks (identified by their label) and its directory are removed; nothing
else is. While Docker Engine does not answer, a world that used it stays on record.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pushproof.base import processes
from pushproof.base.directories import private, remove_tree, state_directory
from pushproof.base.environment import WORLD_VARIABLE
from pushproof.base.processes import process_start

log = logging.getLogger(__name__)

__all__ = [
    "WORLD_VARIABLE",
    "Journal",
    "WorldRecord",
    "end_marked",
    "kill_marked",
    "note_keys",
    "note_registry",
    "noted_keys",
]

_REGISTRY = "registry"
_KEYS = "keys"
# : Seconds for a killed process to end; only a process that waits for a device takes longer than an instant.
_ENDING = 5.0


@dataclass(frozen=True, slots=True)
class WorldRecord:
    """One world on this machine: its owner, and the directory of its files.

    `started` is a clock tick of the owner's process; `engine` tells whether Docker Engine may hold objects of the world.
    """

    id: str
    pid: int
    started: str
    directory: str
    target: str
    opened_at: float
    keep: bool = False
    engine: bool = False

    @property
    def alive(self) -> bool:
        """Return whether the process that owns the world still runs."""
        return process_start(self.pid) == self.started


class Journal:
    """The worlds of this machine's user."""

    def __init__(self, directory: Path | None = None) -> None:
        self._worlds = private((directory or state_directory()) / "worlds")

    def open(self, target: str, *, engine: bool = False) -> WorldRecord:
        """Record a new world, owned by this process, and create its directory."""
        world_id = secrets.token_hex(4)
        directory = self._worlds / world_id
        record = WorldRecord(
            id=world_id,
            pid=os.getpid(),
            started=process_start(os.getpid()) or "",
            directory=str(directory),
            target=target,
            opened_at=time.time(),
            engine=engine,
        )
        self._file(world_id).write_text(json.dumps(asdict(record)))
        private(directory)
        return record

    def records(self) -> list[WorldRecord]:
        """Return every recorded world, oldest first."""
        records = []
        for file in self._worlds.glob("*.json"):
            with contextlib.suppress(ValueError, TypeError, OSError):
                records.append(WorldRecord(**json.loads(file.read_text())))
        return sorted(records, key=lambda r: r.opened_at)

    def orphans(self) -> list[WorldRecord]:
        """Return the worlds whose process is gone."""
        return [record for record in self.records() if not record.alive]

    def forget(self, record: WorldRecord) -> bool:
        """Remove a world's directory and its record; returns whether they are gone. A directory that stays keeps its record."""
        if not remove_tree(Path(record.directory)):
            return False
        self._file(record.id).unlink(missing_ok=True)
        return True

    def unwritten(self) -> list[Path]:
        """Return the directories of worlds that are written down nowhere: a record is written before its directory is made."""
        return [path for path in self._worlds.iterdir() if path.is_dir() and not self._file(path.name).exists()]

    def clean_up(self, *, strays: bool = False) -> list[str]:
        """Remove whatever orphaned worlds left behind, and describe what was removed.

        `strays`: also remove from Docker Engine the objects of worlds that are no longer on record and whose process is gone.
        """
        removed: list[str] = []
        orphans = self.orphans()
        for record in orphans:
            removed += [f"process {name} ({pid})" for pid, name in kill_marked(record.id)]
        with _engine(orphans, strays) as engine:
            alive = {r.id for r in self.records() if r.alive}
            for record in orphans:
                if engine is None and record.engine:
                    continue
                if engine is not None and record.id not in alive:
                    removed += _clean_engine(engine, record)
                if not self.forget(record):
                    continue
                opened = time.strftime("%F %T", time.localtime(record.opened_at))
                removed.append(f"world {record.id} ({record.target}, opened {opened})")
            if engine is not None and strays:
                removed += _clean_strays(engine, alive)
        if strays:
            removed += [f"directory {path}" for path in self.unwritten() if remove_tree(path)]
        return removed

    def _file(self, world_id: str) -> Path:
        return self._worlds / f"{world_id}.json"


@contextlib.contextmanager
def _engine(orphans: list[WorldRecord], strays: bool) -> Iterator[Any]:
    """Yield Docker Engine if there may be something to clean up and it answers; otherwise None."""
    from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect

    client = None
    if orphans or strays:
        with contextlib.suppress(DockerUnavailable):
            client = connect(timeout=30)
    try:
        yield client
    finally:
        if client is not None:
            client.close()


def _clean_engine(engine: Any, record: WorldRecord) -> list[str]:
    """Remove an orphan's containers, volumes and networks, and then the images that its tasks were started from."""
    from pushproof.emulator.runtime.docker.host import remove_images, remove_world

    removed = remove_world(engine, record.id)
    noted = Path(record.directory) / _REGISTRY
    return removed + (remove_images(engine, noted.read_text()) if noted.exists() else [])


def _clean_strays(engine: Any, alive: set[str]) -> list[str]:
    from pushproof.emulator.runtime.docker.host import remove_world, stray_worlds

    removed: list[str] = []
    for world_id in sorted(stray_worlds(engine) - alive):
        removed += [f"process {name} ({pid})" for pid, name in kill_marked(world_id)]
        removed += remove_world(engine, world_id)
    return removed


def note_registry(directory: Path, registry: str) -> None:
    """Record the registry's name (`host:port`) under which the Engine pulls images of a world."""
    (directory / _REGISTRY).write_text(registry)


def note_keys(directory: Path, keys: tuple[str, str]) -> None:
    """Record the administrator's keys, readable by this user alone: another command of the user may continue in the world."""
    file = directory / _KEYS
    file.touch(mode=0o600)
    file.write_text("\n".join(keys))


def noted_keys(directory: Path) -> tuple[str, str]:
    """Return the administrator's keys of a world on this machine; a pair that no world accepts if none are on record."""
    try:
        key, _, secret = (directory / _KEYS).read_text().partition("\n")
    except OSError:
        return "pushproof", "pushproof"
    return key, secret


def kill_marked(world_id: str) -> Iterator[tuple[int, str]]:
    """Kill every process that carries the world's mark in its environment, and those that start meanwhile."""
    killed: set[int] = set()
    while marked := [pid for pid in _marked(world_id) if pid not in killed]:
        for pid in marked:
            killed.add(pid)
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                _kill(pid)
                yield pid, name


def end_marked(world_id: str) -> None:
    """Kill every process that carries a world's mark, as `kill_marked` does, and note each in the log."""
    for pid, name in kill_marked(world_id):
        log.info("ended process %s (%d), which was left of world %s", name, pid, world_id)


def _kill(pid: int) -> None:
    """Kill a process and wait for its end: until then it may start another, which the next round must include."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], _ENDING)
    finally:
        os.close(handle)


def _marked(world_id: str) -> Iterator[int]:
    mark = f"{WORLD_VARIABLE}={world_id}".encode()
    if not processes.PROC.is_dir():
        # macOS does not show other processes' environments.
        return
    for entry in processes.PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
