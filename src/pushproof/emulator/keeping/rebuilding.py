"""Makers of what pickle cannot write: locks, counters, cells, functions, certificates. Kept worlds name these, and nothing else."""

from __future__ import annotations

import itertools
import threading
import types
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from pushproof.emulator.keeping.functions import CodePlace, function_at


class NotKeepable(Exception):
    """An object of the world that belongs to this process alone; the message names it."""


def make_lock() -> threading.Lock:
    """Return a lock that nobody holds."""
    return threading.Lock()


def make_rlock() -> object:
    """Return a reentrant lock that nobody holds."""
    return threading.RLock()


def make_condition() -> threading.Condition:
    """Return a condition that nobody waits for."""
    return threading.Condition()


def make_event(happened: bool) -> threading.Event:
    """Return an event that has happened or not."""
    event = threading.Event()
    if happened:
        event.set()
    return event


def make_counter(number: int) -> itertools.count[int]:
    """Return a counter whose next value is `number`."""
    return itertools.count(number)


def make_defaultdict(kind: type[defaultdict[object, object]], factory: Callable[[], object]) -> object:
    """Return an empty dictionary of a class of its own, whatever its constructor takes."""
    made = kind.__new__(kind)
    made.default_factory = factory
    return made


def make_cell() -> types.CellType:
    """Return an empty cell, which `fill_cell` fills: what it holds may hold the cell."""
    return types.CellType()


def fill_cell(cell: types.CellType, content: object) -> None:
    """Fill a cell."""
    cell.cell_contents = content


def make_function(place: tuple[str, str, int, int], cells: tuple[types.CellType, ...]) -> types.FunctionType:
    """Return a function of this package. Raises UnknownCode."""
    return function_at(CodePlace(*place), cells)


def fill_function(function: types.FunctionType, defaults: tuple[object, object]) -> None:
    """Give a function its default values."""
    function.__defaults__, function.__kwdefaults__ = defaults  # type: ignore[assignment]


def make_method(owner: object, name: str) -> object:
    """Return a bound method."""
    method = getattr(owner, name)
    if not callable(method):
        raise TypeError(f"{name} of {type(owner).__name__} is no method")
    return method


def make_path(text: str) -> Path:
    """Return a path."""
    return Path(text)


def make_certificate(pem: bytes) -> object:
    """Return an X.509 certificate."""
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem)


def make_private_key(pem: bytes) -> object:
    """Return a private key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem, None)
