"""The directory of kept worlds: entries by key, written whole or not at all, bounded by size and age."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pushproof.base.directories import cache_directory, private, remove_tree
from pushproof.base.processes import process_start
from pushproof.targets.kept.seal import WeakKey, is_sealed, seal_key, write_seal

FORMAT = 1
DIRECTORY_VARIABLE = "PUSHPROOF_CACHE"
#: Bounds of what is kept: bytes, and seconds since its last use.
MOST_BYTES = 4 * 2**30
LONGEST = 14 * 86_400.0
_META, _USED, _PARTIAL, _NOTES = "about.json", "used", ".making-", ".notes"


class NotKept(Exception):
    """A world could not be kept; the message says why. The run goes on without."""


@dataclass(frozen=True, slots=True)
class About:
    """The origin of a kept world.

    `ingredients`: what enters the key, by name. `family`: of the ingredients that a change of the module does not change.
    `seconds`: of the apply that it saves.
    """

    key: str
    family: str
    module: str
    ingredients: Mapping[str, str]
    made_at: float
    seconds: float = 0.0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry: its directory, its origin, its size in bytes, and the time of its last use."""

    directory: Path
    about: About
    size: int
    used_at: float


class KeptWorlds:
    """The kept worlds of this user."""

    def __init__(self, directory: Path | None = None) -> None:
        """Open the directory: by default `$PUSHPROOF_CACHE`, or `worlds` below the user's cache directory."""
        choice = os.environ.get(DIRECTORY_VARIABLE)
        self.directory = directory or (Path(choice) if choice else cache_directory() / "worlds")

    def find(self, key: str, *, dropped: Callable[[], None] = lambda: None) -> Kept | None:
        """Return the entry of a key; None if there is none. One that is damaged, or from elsewhere, is dropped.

        `dropped` is called if that was so.
        """
        directory = self.directory / key
        if not directory.is_dir():
            return None
        entry = self._read(directory)
        if entry is None or not self._is_whole(entry):
            dropped()
            remove_tree(directory)
            return None
        (self.directory / f"{_USED}-{key}").touch()
        return entry

    def damaged(self, key: str) -> bool:
        """Return whether there is an entry of a key that cannot be used."""
        directory = self.directory / key
        if not directory.is_dir():
            return False
        entry = self._read(directory)
        return entry is None or not self._is_whole(entry)

    def nearest(self, family: str) -> Kept | None:
        """Return the entry of a family that was used last; None if there is none."""
        entries = [entry for entry in self.entries() if entry.about.family == family]
        for entry in sorted(entries, key=lambda entry: entry.used_at, reverse=True):
            if self._is_whole(entry):
                return entry
            remove_tree(entry.directory)
        return None

    def entries(self) -> list[Kept]:
        """Return every entry, the one used last first. Their seals are not examined."""
        if not self.directory.is_dir():
            return []
        entries = [self._read(path) for path in self.directory.iterdir() if path.is_dir() and path.name[0] != "."]
        return sorted((entry for entry in entries if entry), key=lambda entry: entry.used_at, reverse=True)

    def put(self, about: About, write: Callable[[Path], None]) -> Kept:
        """Keep what `write` writes into a directory, under the key of `about`; an entry that another process made meanwhile stays.

        Raises NotKept, after which nothing of it is left.
        """
        making: Path | None = None
        try:
            private(self.directory)
            self.prune()
            making = (
                self.directory / f"{_PARTIAL}{os.getpid()}~{process_start(os.getpid()) or 0}~{secrets.token_hex(4)}"
            )
            private(making)
            write(making)
            (making / _META).write_text(json.dumps(asdict(about), sort_keys=True), encoding="utf-8")
            write_seal(making, seal_key(self.directory))
            final = self.directory / about.key
            if self.damaged(about.key):
                remove_tree(final)
            with contextlib.suppress(OSError):
                # The entry appears whole. Where one is already, that one stays: it has the same content.
                os.rename(making, final)
            (self.directory / f"{_USED}-{about.key}").touch()
        except OSError as error:
            full = (
                " Free some, or name another directory: PUSHPROOF_CACHE=<dir>." if error.errno == errno.ENOSPC else ""
            )
            raise NotKept(f"{self.directory}: {error.strerror or error}.{full}") from error
        except WeakKey as error:
            raise NotKept(str(error)) from error
        finally:
            if making is not None:
                shutil.rmtree(making, ignore_errors=True)
        entry = self._read(final)
        if entry is None:
            raise NotKept(f"{final} could not be written")
        return entry

    def recall(self, name: str) -> str | None:
        """Return a note of an earlier run; None if there is none, or it is not from this user."""
        try:
            seal, _, text = (self.directory / _NOTES / name).read_text(encoding="utf-8").partition("\n")
            return text if hmac.compare_digest(seal, self._seal_of_note(name, text)) else None
        except (OSError, ValueError, WeakKey):
            return None

    def remember(self, name: str, text: str) -> None:
        """Write a note for later runs; where that is not possible, they do without."""
        with contextlib.suppress(OSError, WeakKey):
            notes = private(self.directory / _NOTES)
            new = notes / f".{name}-{os.getpid()}"
            new.write_text(f"{self._seal_of_note(name, text)}\n{text}", encoding="utf-8")
            new.replace(notes / name)

    def _seal_of_note(self, name: str, text: str) -> str:
        return hmac.new(seal_key(self.directory), f"{name}\n{text}".encode(), hashlib.sha256).hexdigest()

    @contextlib.contextmanager
    def only_here(self, key: str) -> Iterator[None]:
        """Keep other processes from making the entry of a key meanwhile: they wait, and find it made."""
        try:
            locks = private(self.directory / ".locks")
            file = open(locks / key, "a")  # noqa: SIM115
        except OSError:
            # Without a directory nothing is kept, so nobody waits either.
            yield
            return
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def prune(self, *, size: int = MOST_BYTES, age: float = LONGEST, everything: bool = False) -> list[Kept]:
        """Remove entries beyond the bounds, the one used longest ago first, and what killed processes left. Return them."""
        removed: list[Kept] = []
        if not self.directory.is_dir():
            return removed
        for path in self.directory.glob(f"{_PARTIAL}*"):
            pid, started, _ = (*path.name.removeprefix(_PARTIAL).split("~"), "", "")[:3]
            if not pid.isdigit() or process_start(int(pid)) != started:
                remove_tree(path)
        left, now = size, time.time()
        for entry in self.entries():
            left -= entry.size
            if everything or left < 0 or now - entry.used_at > age:
                removed.append(entry)
                remove_tree(entry.directory)
        for path in self.directory.iterdir():
            if path.is_dir() and path.name[0] != "." and self._read(path) is None:
                # Of another format, or not ours to read.
                remove_tree(path)
        for path in self.directory.glob(f"{_USED}-*"):
            if not (self.directory / path.name.removeprefix(f"{_USED}-")).exists():
                path.unlink(missing_ok=True)
        for path in (self.directory / _NOTES).glob("*"):
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime > age:
                    path.unlink()
        if everything:
            remove_tree(self.directory)
        return removed

    def _is_whole(self, entry: Kept) -> bool:
        try:
            return is_sealed(entry.directory, seal_key(self.directory))
        except (OSError, WeakKey):
            return False

    def _read(self, directory: Path) -> Kept | None:
        try:
            about = About(**json.loads((directory / _META).read_text(encoding="utf-8")))
            size = sum(path.lstat().st_size for path in directory.rglob("*"))
            used = directory.parent / f"{_USED}-{directory.name}"
            used_at = (used if used.exists() else directory).stat().st_mtime
        except (OSError, ValueError, TypeError):
            return None
        return Kept(directory, about, size, used_at) if about.format == FORMAT else None
