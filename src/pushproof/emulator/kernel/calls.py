"""The log of finished calls, and who hears of them."""

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
    """Keeps the latest finished calls, and tells observers of each under the world's lock."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._observers: list[_Observer] = []
        #: Finished calls, the oldest first.
        self.calls: deque[Call] = deque(maxlen=100_000)

    def observe(self, service: str, callback: Callable[[Call], None], *operations: str) -> None:
        """Call back with every finished call of a service, or of these operations of it."""
        self._observers.append(_Observer(service, frozenset(operations), callback))

    def record(self, call: Call) -> None:
        """Log a finished call, and tell its observers. A failing observer is logged, and harms nobody."""
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
