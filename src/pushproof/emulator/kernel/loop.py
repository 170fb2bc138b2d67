"""The world's single loop: timers on the injected clock, callbacks under one lock, blocking work off it.

API handlers and callbacks run under `lock`, so services need no locks of their own. Work that blocks (pulling an image,
probing a target, a webhook) goes through `submit`: it runs off the lock, and its result arrives under the lock.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pushproof.base.clock import Clock, VirtualClock
from pushproof.emulator.kernel.quiet import no_warning_decides

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The result of submitted work: a value, or the exception it raised."""

    value: T | None = None
    error: Exception | None = None

    def get(self) -> T:
        """Return the value, or raise the work's own exception."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]


def _withdrawn() -> None:
    """Do nothing: the callback of a timer that was cancelled."""


@dataclass(order=True, slots=True)
class Timer:
    """A scheduled callback; `cancel()` withdraws it."""

    when: float
    order: int
    callback: Callable[[], None] = field(compare=False)
    name: str = field(compare=False, default="")
    cancelled: bool = field(compare=False, default=False)

    def cancel(self) -> None:
        """Withdraw the callback. What it closed over is let go of at once: the timer itself stays until it is due."""
        self.cancelled = True
        self.callback = _withdrawn


class Loop(Protocol):
    """The interface of loops for services."""

    clock: Clock
    lock: threading.RLock

    def call_at(self, when: float, callback: Callable[[], None], *, name: str = "") -> Timer: ...
    def call_later(self, delay: float, callback: Callable[[], None], *, name: str = "") -> Timer: ...
    def call_soon(self, callback: Callable[[], None], *, name: str = "") -> Timer: ...
    def submit(
        self, work: Callable[[], T], done: Callable[[Outcome[T]], None] | None = None, *, name: str = ""
    ) -> None: ...
    def quiet(self, within: float) -> AbstractContextManager[None]: ...
    def hold(self) -> None: ...
    def release(self) -> None: ...
    def close(self) -> None: ...


class _Timers:
    """The heap of timers that both loops use, and the failures of callbacks."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.failures: list[tuple[str, BaseException]] = []
        self._heap: list[Timer] = []
        self._order = itertools.count()

    def call_at(self, when: float, callback: Callable[[], None], *, name: str = "") -> Timer:
        """Call back at AWS time `when` (at once if it has passed)."""
        timer = Timer(when, next(self._order), callback, name)
        with self.lock:
            heapq.heappush(self._heap, timer)
        self._changed()
        return timer

    def call_later(self, delay: float, callback: Callable[[], None], *, name: str = "") -> Timer:
        """Call back after `delay` seconds of AWS time."""
        return self.call_at(self.clock.now() + delay, callback, name=name)

    def call_soon(self, callback: Callable[[], None], *, name: str = "") -> Timer:
        """Call back as soon as the lock is free."""
        return self.call_at(self.clock.now(), callback, name=name)

    def _changed(self) -> None:
        """Note that a timer was added."""

    def _run(self, name: str, callback: Callable[[], None]) -> None:
        try:
            with no_warning_decides():
                callback()
        except Exception as error:
            # A failing callback of one service must not stop the world's clock; its error is kept so that the run can fail loudly.
            self.failures.append((name, error))
            log.exception("callback %s failed", name or callback)

    def _pop_due(self, now: float) -> Timer | None:
        while self._heap and (self._heap[0].cancelled or self._heap[0].when <= now):
            timer = heapq.heappop(self._heap)
            if not timer.cancelled:
                return timer
        return None


class ThreadedLoop(_Timers):
    """A loop with timers in one thread and blocking work in a small pool. Restartable after a fork."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = (
        "clock",
        "lock",
        "_wake",
        "_closing",
        "_dirty",
        "_workers",
        "_pool",
        "_thread",
        "_working",
        "_held",
        "_idle",
        "_running",
    )

    def __init__(self, clock: Clock, *, workers: int = 48) -> None:
        super().__init__(clock)
        self._wake = threading.Condition()
        self._idle = threading.Condition()
        self._working = 0
        self._running: list[str] = []
        self._held = False
        self._closing = False
        self._dirty = False
        self._workers = workers
        self._start()

    def _start(self) -> None:
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="pushproof-work")
        self._thread = threading.Thread(target=self._main, name="pushproof-loop", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[], T], done: Callable[[Outcome[T]], None] | None = None, *, name: str = ""
    ) -> None:
        """Run `work` off the lock; `done` receives its outcome under the lock."""
        if self._closing:
            return
        with self._idle:
            self._working += 1
        self._pool.submit(self._counted, work, done, name)

    def _counted(self, work: Callable[[], T], done: Callable[[Outcome[T]], None] | None, name: str) -> None:
        with self._idle:
            self._running.append(name)
        try:
            self._work(work, done, name)
        finally:
            with self._idle:
                self._working -= 1
                self._running.remove(name)
                self._idle.notify_all()

    @contextlib.contextmanager
    def quiet(self, within: float) -> Iterator[None]:
        """Hold the world's lock at a moment without work on its way. Raises TimeoutError after `within` real seconds."""
        end = time.monotonic() + within
        while True:
            self.lock.acquire()
            if self._working == 0:
                break
            self.lock.release()
            with self._idle:
                if not self._idle.wait_for(lambda: self._working == 0, timeout=end - time.monotonic()):
                    raise TimeoutError(f"work of the world has not ended within {within:.0f} s")
        try:
            yield
        finally:
            self.lock.release()

    def hold(self) -> None:
        """Run no timer before `release`."""
        self._held = True

    def release(self) -> None:
        """Let timers run again."""
        self._held = False
        self._changed()

    def _work(self, work: Callable[[], Any], done: Callable[[Outcome[Any]], None] | None, name: str) -> None:
        outcome: Outcome[Any]
        try:
            with no_warning_decides():
                outcome = Outcome(value=work())
        except Exception as error:
            outcome = Outcome(error=error)
            if done is None:
                self.failures.append((name, error))
                log.exception("work %s failed", name or work)
        if done is not None and not self._closing:
            with self.lock:
                self._run(name, lambda: done(outcome))

    def _changed(self) -> None:
        with self._wake:
            self._dirty = True
            self._wake.notify()

    def _main(self) -> None:
        while not self._closing:
            with self._wake:
                self._dirty = False
            with self.lock:
                timer = None if self._held else self._pop_due(self.clock.now())
                if timer is not None:
                    self._run(timer.name, timer.callback)
                    continue
                upcoming = self._heap[0].when if self._heap and not self._held else None
            delay = None if upcoming is None else max(0.0, self.clock.real_delay(upcoming - self.clock.now()))
            with self._wake:
                self._wake.wait_for(lambda: self._dirty or self._closing, timeout=delay)

    def close(self, *, within: float = 60.0) -> None:
        """Stop the clock. Wait for work in progress, for `within` real seconds at most, and drop its outcome."""
        self._closing = True
        self._changed()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=10)
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._idle:
            ended = self._idle.wait_for(lambda: not self._running, timeout=within)
            names = ", ".join(sorted(self._running))
        if ended:
            self._pool.shutdown()
        else:
            log.warning("the world closes although this goes on: %s", names)


class VirtualLoop(_Timers):
    """A loop that runs everything inline, in order, on a virtual clock: ten minutes of a deployment take milliseconds."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("clock", "lock", "_virtual")

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self._virtual = clock or VirtualClock()
        super().__init__(self._virtual)

    def submit(
        self, work: Callable[[], T], done: Callable[[Outcome[T]], None] | None = None, *, name: str = ""
    ) -> None:
        """Run `work` at once; `done` follows as the next callback."""
        outcome: Outcome[T]
        try:
            with no_warning_decides():
                outcome = Outcome(value=work())
        except Exception as error:
            if done is None:
                raise
            outcome = Outcome(error=error)
        if done is not None:
            self.call_soon(lambda: done(outcome), name=name)

    def advance(self, seconds: float) -> None:
        """Let `seconds` of AWS time pass, and run the timers that are due, in order. Raises the exception of a callback."""
        end = self._virtual.now() + seconds
        with self.lock:
            while self._heap and self._heap[0].when <= end:
                timer = heapq.heappop(self._heap)
                if timer.cancelled:
                    continue
                self._virtual.move_to(max(timer.when, self._virtual.now()))
                self._run(timer.name, timer.callback)
            self._virtual.move_to(end)
        if self.failures:
            raise self.failures.pop()[1]

    def run_until(self, predicate: Callable[[], bool], *, within: float = 3600.0) -> float:
        """Advance timer by timer until `predicate()` is true. Return the seconds that passed.

        Raises TimeoutError if that takes more than `within` seconds of AWS time.
        """
        start = self._virtual.now()
        self.advance(0)
        while not predicate():
            with self.lock:
                while self._heap and self._heap[0].cancelled:
                    heapq.heappop(self._heap)
                upcoming = self._heap[0].when if self._heap else None
            if upcoming is None or upcoming - start > within:
                raise TimeoutError(f"not reached within {within:.0f} s of AWS time (next timer: {upcoming})")
            self.advance(max(0.0, upcoming - self._virtual.now()))
        return self._virtual.now() - start

    @contextlib.contextmanager
    def quiet(self, within: float) -> Iterator[None]:
        """Hold the world's lock: work runs at once here, so that none is on its way."""
        with self.lock:
            yield

    def hold(self) -> None:
        """Do nothing: time passes only when a test or simulation lets it."""

    def release(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        self._heap.clear()
