"""Reads the state of a world that `writing` has written, and nothing else: names of other code are refused."""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Mapping

from pushproof.base.garbage import collector_paused
from pushproof.emulator.keeping import rebuilding
from pushproof.emulator.keeping.places import Place

_REBUILDING = rebuilding.__name__
_CLASSES_OF = ("pushproof.", "moto.")
#: Classes and functions of other modules that a kept world may name.
READABLE = frozenset(
    {
        ("builtins", "dict"),
        ("builtins", "list"),
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("builtins", "bytearray"),
        ("builtins", "complex"),
        ("builtins", "range"),
        ("builtins", "slice"),
        ("builtins", "object"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("collections", "Counter"),
        ("copyreg", "_reconstructor"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("functools", "partial"),
        ("ipaddress", "IPv4Address"),
        ("ipaddress", "IPv4Network"),
        ("ipaddress", "IPv6Address"),
        ("ipaddress", "IPv6Network"),
        ("re", "_compile"),
        ("time", "monotonic"),
        ("time", "time"),
        ("uuid", "UUID"),
        ("uuid", "SafeUUID"),
        ("dateutil.tz.tz", "tzlocal"),
        ("dateutil.tz.tz", "tzutc"),
        ("urllib.parse", "ParseResult"),
        ("weakref", "WeakValueDictionary"),
        ("werkzeug.datastructures.headers", "Headers"),
    }
)


class UnreadableState(Exception):
    """The bytes are not the state of a world of this version."""


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, parts: Mapping[str, object], place: Place) -> None:
        super().__init__(file)
        self._parts = parts
        self._place = place

    def persistent_load(self, identity: tuple[str, str]) -> object:
        kind, value = identity
        if kind == "text":
            return self._place.filled(value)
        if kind == "bytes":
            return self._place.filled(value).encode("utf-8", "surrogateescape")
        part = self._parts.get(value)
        if part is None:
            raise UnreadableState(f"this world has no part {value}")
        return part

    def find_class(self, module: str, name: str) -> object:
        if module == _REBUILDING or (module, name) in READABLE:
            return super().find_class(module, name)
        if module.startswith(_CLASSES_OF):
            value: object = importlib.import_module(module)
            for step in name.split("."):
                value = getattr(value, step)
            if isinstance(value, type):
                return value
        raise UnreadableState(f"{module}.{name} does not belong into a kept world")


def read_into(parts: Mapping[str, object], data: bytes, place: Place) -> dict[str, Mapping[str, object]]:
    """Give parts of a new world the state that was written; returns what was written besides them.

    Raises UnreadableState, before any part has changed. Only for bytes whose origin is proven: see `targets/kept`.
    """
    try:
        with collector_paused():
            content = _Reader(io.BytesIO(data), parts, place).load()
        states: dict[str, dict[str, object]] = content["parts"]
        targets = [(parts[name], state) for name, state in states.items()]
        more: dict[str, Mapping[str, object]] = content["more"]
    except UnreadableState:
        raise
    except Exception as error:
        raise UnreadableState(f"{type(error).__name__}: {error}") from error
    for part, state in targets:
        for attribute, value in state.items():
            object.__setattr__(part, attribute, value)
    return more
