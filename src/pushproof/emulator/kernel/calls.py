"""The log of finished calls, and its observers."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from pushproof.emulator.kernel.context import Call

log = logging.getLogger(__name__)

# A call takes 2 to 5 KB.
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class _Observer:
    """A callback for finished calls of one service (all operations when `operations` is empty)."""

    service: str
    operations: frozenset[str]
    callback: Callable[[Call], None]


class CallLog:
    """The latest finished calls. Observers are called for each one, under the world's lock."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._observers: list[_Observer] = []
        #: The latest finished calls, the oldest first, without their answers.
        self.calls: deque[Call] = deque(maxlen=_KEPT)
        #: The latest ones among all calls that failed, without what was requested: the evidence of a long session has them.
        self.failed: deque[Call] = deque(maxlen=_KEPT)
        # The latest ones, with the answers of those that change something.
        self._answered: deque[Call] = deque(maxlen=5_000)
        # : The number of calls that have finished, and of those among them that change something.
        self.total = 0
        self.mutating = 0

    def observe(self, service: str, callback: Callable[[Call], None], *operations: str) -> None:
        """Call `callback` for every finished call of a service, or of these operations of it."""
        self._observers.append(_Observer(service, frozenset(operations), callback))

    def since(self, total: int) -> list[Call] | None:
        """Return the calls after the first `total` ones; None if there are more of them than the log keeps with answers.

        Answers to reads are never kept: a waiter reads the same long description thousands of times.
        """
        newer = self.total - total
        return list(islice(reversed(self._answered), newer))[::-1] if newer <= len(self._answered) else None

    def record(self, call: Call) -> None:
        """Log a finished call, and call its observers. An observer that fails is logged, without effect on the call."""
        plain = replace(call, response=None, context=replace(call.context, headers={}))
        self.calls.append(plain)
        if call.error_code is not None:
            self.failed.append(replace(plain, request={}))
        self._answered.append(replace(plain, response=call.response) if call.mutating else plain)
        self.total += 1
        self.mutating += call.mutating
        for observer in self._observers:
            if observer.service == call.context.service and (
                not observer.operations or call.context.operation in observer.operations
            ):
                try:
                    with self._lock:
                        observer.callback(call)
                except Exception:
                    log.exception("an observer of %s failed", call.name)
