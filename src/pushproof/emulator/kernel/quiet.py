"""Warnings that stay warnings: a warning during an answer of AWS never becomes the answer.

A test run with `-W error` turns every warning of the process into an exception, also those that a library raises in the
middle of a call of ours. Filters belong to the process and not to a thread, so setting and resetting them around each call would
change those of a test that runs at the same time. Instead there is one permanent filter, which matches only in threads that answer.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger(__name__)

# The latest warnings, for tests that check them.
MET: deque[str] = deque(maxlen=100)


class _Answering(threading.local):
    """The number of answers that this thread is producing."""

    depth = 0


_answering = _Answering()


class _InAnsweringThreads:
    """Looks like a compiled pattern to the warnings module, and matches by thread."""

    def match(self, text: str, *_: object) -> bool:
        if _answering.depth == 0:
            return False
        log.debug("a warning, kept from deciding an answer: %s", text)
        MET.append(text)
        return True


_FILTER: Any = ("ignore", _InAnsweringThreads(), Warning, None, 0)


@contextmanager
def no_warning_decides() -> Iterator[None]:
    """Log warnings of this thread as debug messages, whatever the filters of the process specify."""
    _stand_first()
    _answering.depth += 1
    try:
        yield
    finally:
        _answering.depth -= 1


def no_warning_decides_here() -> None:
    """The same for the rest of this thread's life, for threads that do nothing but answer."""
    _stand_first()
    _answering.depth += 1


def _stand_first() -> None:
    # pytest adds filters of its own for every test.
    if not warnings.filters or warnings.filters[0] is not _FILTER:
        filters: Any = warnings.filters
        filters.insert(0, _FILTER)
        warnings._filters_mutated()  # type: ignore[attr-defined]
