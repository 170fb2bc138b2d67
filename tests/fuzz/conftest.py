"""Campaigns of damaged inputs. `PUSHPROOF_FUZZ_INPUTS` says how many each has: 2,000 by default, 100,000 at night."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


class _Errors(logging.Handler):
    """Keeps what is logged as an error, without the records that pytest would keep of everything else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "pushproof.emulator.substrate.moto":
            # A failure of the substrate is caught there, and answered by name.
            return
        self.messages.append(
            f"{record.getMessage()} {record.exc_info[1]!r}" if record.exc_info else record.getMessage()
        )


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """Return the list of errors that were logged: an unhandled exception is one."""
    handler = _Errors()
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.ERROR)
    yield handler.messages
    root.removeHandler(handler)
    root.setLevel(before)
