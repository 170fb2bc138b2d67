"""Workers of a dask cluster: mutants are independent tasks, which dask hands out, and tries again where a worker is lost.

Each process of the cluster unpacks the snapshot once, and observes the suite's groups once. It needs Pushproof, Terraform and the
suite's own packages. Source: https://distributed.dask.org/en/stable/client.html
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol, cast

from pushproof.base.directories import private, remove_tree, state_directory
from pushproof.base.extras import require
from pushproof.engines.mutation.model import Mutant
from pushproof.mutation.outcome import Outcome
from pushproof.mutation.settings import CampaignSettings, MutationError
from pushproof.mutation.suite import Suite
from pushproof.mutation.worker import Worker
from pushproof.mutation.workspace import unpack

#: Seconds to wait for the scheduler.
PATIENCE = 10.0
#: Times that a mutant is tried again after an error of its task, besides those for workers that dask has lost.
RETRIES = 2


@dataclass(frozen=True, slots=True)
class Task:
    """Everything that a worker needs besides the snapshot. `campaign` is the name of its directory."""

    campaign: str
    settings: CampaignSettings
    suite: Suite


class _Future(Protocol):
    def result(self) -> Outcome: ...


class ClusterCrew:
    """Workers of the cluster of a scheduler. Raises MutationError."""

    def __init__(self, settings: CampaignSettings, snapshot: bytes, suite: Suite) -> None:
        address = settings.scheduler
        require("cluster", "mutate --scheduler")
        from distributed import Client

        try:
            self._client = Client(address, timeout=PATIENCE)
        except (OSError, ValueError, TimeoutError) as error:
            raise MutationError(
                f"--scheduler {address}: no dask scheduler answers there ({error}); start one with `dask scheduler`, and workers "
                "with `dask worker`"
            ) from error
        if not self._client.scheduler_info()["workers"]:
            self._client.close()
            raise MutationError(f"--scheduler {address}: it has no workers; start some with `dask worker {address}`")
        self._task = Task(f"campaign-{os.getpid()}-{os.urandom(4).hex()}", settings, suite)
        self._snapshot = snapshot

    def outcomes(self, mutants: Sequence[Mutant]) -> Iterator[Outcome]:
        from distributed import as_completed

        snapshot, task = self._client.scatter([self._snapshot, self._task], broadcast=True, hash=False)
        futures = {
            self._client.submit(try_on_cluster, snapshot, task, mutant, pure=False, retries=RETRIES): mutant
            for mutant in mutants
        }
        try:
            for future in as_completed(list(futures)):
                yield cast(_Future, future).result()
                future.release()
        finally:
            self._client.cancel(list(futures))

    def close(self) -> None:
        with contextlib.suppress(Exception):
            # Every process that is still there; the others have left nothing that runs.
            self._client.run(end_campaign, self._task.campaign)
        self._client.close()


@dataclass(slots=True)
class _Place:
    """The workers of this process, one for each thread that has tried a mutant."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    workers: dict[tuple[str, int], Worker] = field(default_factory=dict)
    numbers: list[IO[str]] = field(default_factory=list)


_PLACE = _Place()


def try_on_cluster(snapshot: bytes, task: Task, mutant: Mutant) -> Outcome:
    """Try a mutant in a process of the cluster."""
    return _worker(snapshot, task).try_mutant(mutant)


def end_campaign(campaign: str) -> None:
    """End the workers of a campaign in this process, and remove their copies."""
    with _PLACE.lock:
        ended = [_PLACE.workers.pop(key) for key in list(_PLACE.workers) if key[0] == campaign]
        numbers, _PLACE.numbers = _PLACE.numbers, []
    for worker in ended:
        worker.close()
    for file in numbers:
        file.close()


def _worker(snapshot: bytes, task: Task) -> Worker:
    key = task.campaign, threading.get_ident()
    with _PLACE.lock:
        worker = _PLACE.workers.get(key)
        if worker is None:
            number, file = _claim()
            directory = private(state_directory() / "mutate" / "cluster" / str(number))
            remove_tree(directory)
            unpack(snapshot, directory / "snapshot")
            worker = Worker(directory / "snapshot", task.settings, directory / "work", number, task.suite)
            remove_tree(directory / "snapshot")
            if not _PLACE.workers:
                atexit.register(end_campaign, task.campaign)
            _PLACE.workers[key] = worker
            _PLACE.numbers.append(file)
    return worker


def _claim() -> tuple[int, IO[str]]:
    """Return the smallest number that no process of this machine uses, and the file whose lock holds it.

    A killed process loses its lock, so that the next one with its number replaces what it has left.
    """
    directory: Path = private(state_directory() / "mutate" / "cluster")
    number = 0
    while True:
        file = open(directory / f"{number}.lock", "a")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            number += 1
            continue
        return number, file
