"""The run journal: every resource of a run, recorded before it is created in the account.

Every run has a directory of its own below the state directory, with `run.json`, `intents.jsonl` (one planned resource a line),
the working copies that Terraform ran in, and copies of its states. It survives whatever happens to the run, until a sweep has
verified that nothing of it is left.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pushproof.base.directories import private, state_directory
from pushproof.base.processes import process_start
from pushproof.sandbox.naming import new_run_id


@dataclass(frozen=True, slots=True)
class Run:
    """One run against an account. `started` is a clock tick of the process that owns it; times are seconds since the epoch."""

    id: str
    account_id: str
    region: str
    owner: str
    endpoint: str | None
    pid: int
    started: str
    opened_at: float
    expires_at: float
    directory: str

    @property
    def alive(self) -> bool:
        """Return whether the process that owns the run still runs on this machine."""
        return process_start(self.pid) == self.started


@dataclass(frozen=True, slots=True)
class Intent:
    """A resource that a run was about to create: its address, Terraform type, and name (None if AWS chooses the name)."""

    module: str
    address: str
    type: str
    name: str | None


class RunJournal:
    """The runs of this machine's user, in all accounts."""

    def __init__(self, directory: Path | None = None) -> None:
        self._runs = private((directory or state_directory()) / "sandbox")

    def open(self, *, account_id: str, region: str, owner: str, endpoint: str | None, expires_at: float) -> Run:
        """Record a new run, owned by this process."""
        run_id = new_run_id()
        directory = self._runs / run_id
        private(directory)
        run = Run(
            id=run_id,
            account_id=account_id,
            region=region,
            owner=owner,
            endpoint=endpoint,
            pid=os.getpid(),
            started=process_start(os.getpid()) or "",
            opened_at=time.time(),
            expires_at=expires_at,
            directory=str(directory),
        )
        _write(directory / "run.json", json.dumps(asdict(run), indent=2) + "\n")
        return run

    def adopt(self, run: Run) -> Run:
        """Record this process as the owner of a run whose process has ended."""
        adopted = replace(run, pid=os.getpid(), started=process_start(os.getpid()) or "")
        _write(Path(run.directory) / "run.json", json.dumps(asdict(adopted), indent=2) + "\n")
        return adopted

    def runs(self, account_id: str | None = None, endpoint: str | None = None) -> list[Run]:
        """Return every recorded run, optionally of one account (at an endpoint); oldest first."""
        runs = []
        for file in self._runs.glob("*/run.json"):
            with contextlib.suppress(ValueError, TypeError, OSError):
                # The actual path: the recorded path is wrong in a journal copied from another machine.
                run = Run(**{**json.loads(file.read_text(encoding="utf-8")), "directory": str(file.parent)})
                if account_id is None or (run.account_id, run.endpoint) == (account_id, endpoint):
                    runs.append(run)
        return sorted(runs, key=lambda run: run.opened_at)

    def announce(self, run: Run, module: str, changes: Iterable[Mapping[str, Any]]) -> list[Intent]:
        """Record the resources that a plan creates. They are on disk when this returns."""
        intents = [
            Intent(module, str(c["address"]), str(c["type"]), _name(c["change"].get("after") or {}))
            for c in changes
            if "create" in c["change"]["actions"] and c.get("mode", "managed") == "managed"
        ]
        self._append(run, intents)
        return intents

    def announce_one(self, run: Run, type: str, name: str | None) -> None:
        """Record a resource that is created without Terraform."""
        self._append(run, [Intent("", f"{type}.{name or 'this'}", type, name)])

    def intents(self, run: Run) -> list[Intent]:
        """Return the recorded lines, without a line that a crash cut short."""
        intents = []
        with contextlib.suppress(FileNotFoundError):
            for line in (Path(run.directory) / "intents.jsonl").read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, TypeError):
                    intents.append(Intent(**json.loads(line)))
        return intents

    def keep_state(self, run: Run, name: str, content: bytes) -> Path:
        """Keep a copy of a Terraform state, and return its path."""
        path = Path(run.directory) / "states" / name.replace("/", "_")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def forget(self, run: Run) -> None:
        """Delete a run's directory, once nothing of the run is left in the account."""
        shutil.rmtree(run.directory, ignore_errors=True)

    def _append(self, run: Run, intents: list[Intent]) -> None:
        text = "".join(json.dumps(asdict(intent)) + "\n" for intent in intents)
        with (Path(run.directory) / "intents.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())


def _name(after: Mapping[str, Any]) -> str | None:
    for key in ("bucket", "name", "function_name", "family"):
        value = after.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
