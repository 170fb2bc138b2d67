"""The local workers of a campaign: threads, each with a process of its own that forks for every run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol

from pushproof.engines.mutation.model import Mutant
from pushproof.mutation.outcome import Outcome
from pushproof.mutation.runner import WorkerLost
from pushproof.mutation.worker import Worker

#: Times that a mutant is tried when the process that tries it is lost.
ATTEMPTS = 3


class Crew(Protocol):
    """Workers that try mutants."""

    def outcomes(self, mutants: Sequence[Mutant]) -> Iterator[Outcome]:
        """Yield the outcome of each mutant, as soon as there is one. Raises SuiteIsRed, SuiteIsBroken."""

    def close(self) -> None:
        """End the workers, and the runs that they are at."""


class LocalCrew:
    """Workers on this machine. `make` makes one, from its number and a directory."""

    def __init__(self, count: int, directory: Path, make: Callable[[Path, int], Worker]) -> None:
        self._count, self._directory, self._make = count, directory, make
        self._idle: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(count):
            self._idle.put(number)
        self._workers: dict[int, Worker] = {}
        self._lock = threading.Lock()
        self._made = 0
        self._closed = False

    def outcomes(self, mutants: Sequence[Mutant]) -> Iterator[Outcome]:
        with ThreadPoolExecutor(self._count, thread_name_prefix="mutant") as pool:
            futures: list[Future[Outcome]] = [pool.submit(self._try, mutant) for mutant in mutants]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()
                # A run that goes on would keep the pool.
                self.close()

    def _try(self, mutant: Mutant) -> Outcome:
        number = self._idle.get()
        try:
            error: Exception | None = None
            for _ in range(ATTEMPTS):
                try:
                    return self._worker(number).try_mutant(mutant)
                except WorkerLost as lost:
                    error = lost
                    self._drop(number)
            return Outcome(mutant.id, "broken", message=str(error))
        finally:
            self._idle.put(number)

    def _worker(self, number: int) -> Worker:
        with self._lock:
            if self._closed:
                raise WorkerLost("the campaign has ended")
            worker = self._workers.get(number)
            if worker is None:
                self._made += 1
                directory = self._directory / f"worker-{number}-{self._made}"
        if worker is None:
            worker = self._make(directory, number)
            with self._lock:
                self._workers[number] = worker
        return worker

    def _drop(self, number: int) -> None:
        with self._lock:
            worker = self._workers.pop(number, None)
        if worker is not None:
            worker.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            workers, self._workers = list(self._workers.values()), {}
        # Side by side: a run may take its time to clean up.
        closing = [threading.Thread(target=worker.close) for worker in workers]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
