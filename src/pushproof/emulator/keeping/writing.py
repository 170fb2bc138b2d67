"""Writes the state of a world."""

from __future__ import annotations

import enum
import io
import itertools
import pickle
import threading
import types
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pushproof.emulator.keeping import rebuilding
from pushproof.emulator.keeping.functions import UnknownCode, place_of
from pushproof.emulator.keeping.parts import kept_attributes
from pushproof.emulator.keeping.places import Place
from pushproof.emulator.keeping.reading import READABLE
from pushproof.emulator.keeping.rebuilding import NotKeepable

#: What `reducer_override` returns: a maker and its arguments, and more as pickle documents it.
# https://docs.python.org/3/library/pickle.html#object.__reduce__
Reduction = tuple[object, ...]

_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())


def _counter(counter: itertools.count[int]) -> Reduction:
    # `count(5)`: counters lose their own support for pickle in Python 3.14.
    return rebuilding.make_counter, (int(repr(counter).removeprefix("count(").removesuffix(")")),)


def _cell(cell: types.CellType) -> Reduction:
    try:
        content = cell.cell_contents
    except ValueError:
        return rebuilding.make_cell, ()
    return rebuilding.make_cell, (), content, None, None, rebuilding.fill_cell


def _function(function: types.FunctionType) -> object:
    if function.__module__ == rebuilding.__name__ or (function.__module__, function.__qualname__) in READABLE:
        # By name: makers, and what other libraries' objects refer to.
        return NotImplemented
    try:
        place = place_of(function)
    except UnknownCode as error:
        raise NotKeepable(str(error)) from error
    made = rebuilding.make_function, (tuple(place), function.__closure__ or ())
    if function.__defaults__ is None and function.__kwdefaults__ is None:
        return made
    return *made, (function.__defaults__, function.__kwdefaults__), None, None, rebuilding.fill_function


def _method(method: types.MethodType) -> Reduction:
    return rebuilding.make_method, (method.__self__, method.__func__.__name__)


_MAKERS: dict[type, Callable[[Any], object]] = {
    _LOCK: lambda _: (rebuilding.make_lock, ()),
    _RLOCK: lambda _: (rebuilding.make_rlock, ()),
    threading.Condition: lambda _: (rebuilding.make_condition, ()),
    threading.Event: lambda event: (rebuilding.make_event, (event.is_set(),)),
    itertools.count: _counter,
    types.CellType: _cell,
    types.FunctionType: _function,
    types.MethodType: _method,
    weakref.WeakValueDictionary: lambda values: (
        weakref.WeakValueDictionary,
        (),
        None,
        None,
        iter(list(values.items())),
    ),
    type(Path()): lambda path: (rebuilding.make_path, (str(path),)),
}


class _Writer(pickle.Pickler):
    """A pickler that writes parts as names, texts with marks, and functions as places."""

    def __init__(self, file: io.BytesIO, parts: Mapping[str, object], place: Place) -> None:
        super().__init__(file, protocol=5)
        self._names = {id(part): name for name, part in parts.items()}
        self._place = place

    def persistent_id(self, value: object) -> object:
        if type(value) is str:
            marked = self._place.marked(value)
            return None if marked is value else ("text", marked)
        if type(value) is bytes:
            # Contents of objects, such as Terraform's states. Other bytes are what they are.
            text = value.decode("utf-8", "surrogateescape")
            marked = self._place.marked(text)
            return None if marked is text else ("bytes", marked)
        name = self._names.get(id(value))
        return None if name is None else ("part", name)

    def reducer_override(self, value: object) -> object:  # type: ignore[override]  # its shapes are pickle's
        maker = _MAKERS.get(type(value))
        if maker is not None:
            return maker(value)
        if isinstance(value, enum.Enum):
            # By value in every version of Python: 3.11.0 to 3.11.3 would write a call of getattr.
            return type(value), (value.value,)
        if isinstance(value, defaultdict) and type(value) is not defaultdict:
            made = (type(value), value.default_factory)
            return rebuilding.make_defaultdict, made, value.__dict__, None, iter(list(value.items()))
        module = type(value).__module__
        if module.startswith("cryptography."):
            return _cryptographic(value)
        return NotImplemented


def _cryptographic(value: object) -> object:
    """Return how a certificate or a private key is written; anything else of its library is written by pickle's own rules."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if isinstance(value, x509.Certificate):
        return rebuilding.make_certificate, (value.public_bytes(serialization.Encoding.PEM),)
    write = getattr(value, "private_bytes", None)
    if write is not None:
        pem = write(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return rebuilding.make_private_key, (pem,)
    return NotImplemented


def written(parts: Mapping[str, object], more: Mapping[str, object], place: Place) -> bytes:
    """Return the state of parts, and `more` besides them, as bytes.

    Raises NotKeepable for what belongs to this process alone. The caller holds the world's lock.
    """
    state = {name: kept for name, part in parts.items() if (kept := _state_of(part))}
    file = io.BytesIO()
    try:
        _Writer(file, parts, place).dump({"parts": state, "more": dict(more)})
    except (TypeError, pickle.PicklingError, AttributeError) as error:
        raise NotKeepable(f"the world holds something that cannot be written: {error}") from error
    return file.getvalue()


#: Types of attributes that a process has of its own: a restored world has new ones.
_OF_THE_PROCESS = (_LOCK, _RLOCK, threading.Thread, threading.Condition)


def _state_of(part: object) -> dict[str, object]:
    return {name: value for name, value in kept_attributes(part).items() if not isinstance(value, _OF_THE_PROCESS)}
