"""The log of finished calls, and its observers."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pushproof.emulator.kernel.context import Call

log = logging.getLogger(__name__)


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
        #: Finished calls, the oldest first.
        self.calls: deque[Call] = deque(maxlen=100_000)

    def observe(self, service: str, callback: Callable[[Call], None], *operations: str) -> None:
        """Call `callback` for every finished call of a service, or of these operations of it."""
        self._observers.append(_Observer(service, frozenset(operations), callback))

    def record(self, call: Call) -> None:
        """Log a finished call, and call its observers. An observer that fails is logged, without effect on the call."""
        self.calls.append(call)
        for observer in self._observers:
            if observer.service == call.context.service and (
                not observer.operations or call.context.operation in observer.operations
            ):
                try:
                    with self._lock:
                        observer.callback(call)
                except Exception:
                    log.exception("an observer of %s failed", call.name)
