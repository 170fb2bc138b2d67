"""The parts of a world's composition, by name.

A world composes its parts in a fixed order, so that the same part has the same name in every world with the same settings. What
the parts hold is a world's state; the parts themselves, their threads, sockets and locks belong to a process.
"""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Protocol, runtime_checkable

_OURS = "pushproof."
_PLAIN = (str, bytes, int, float, bool, type(None), type, types.ModuleType, types.BuiltinFunctionType)
#: In a class's `not_kept`: nothing of it is kept.
EVERYTHING = "*"


@runtime_checkable
class Continuing(Protocol):
    """A part that has something to do when its world continues a kept one."""

    def continued(self) -> None:
        """Adapt to the new world, after all parts have their state. Called under the world's lock, before time passes."""


def parts_of(world: object) -> dict[str, object]:
    """Return every part of a world that was just composed, by the path of attributes that leads to it."""
    parts: dict[str, object] = {}
    seen: dict[int, object] = {}
    waiting: deque[tuple[str, object]] = deque([("world", world)])
    while waiting:
        name, value = waiting.popleft()
        if id(value) in seen or isinstance(value, _PLAIN):
            continue
        # Kept, so that no other object gets the same id meanwhile.
        seen[id(value)] = value
        if type(value).__module__.startswith(_OURS):
            parts[name] = value
            if value is not world and EVERYTHING in getattr(type(value), "not_kept", ()):
                # Its insides are of the process too.
                continue
        waiting.extend((f"{name}.{label}", inner) for label, inner in _inside(value))
    return parts


def attributes_of(value: object) -> Iterator[tuple[str, object]]:
    """Yield the attributes of an object, from its dictionary and its slots."""
    yield from getattr(value, "__dict__", {}).items()
    for owner in type(value).__mro__:
        slots = owner.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            mangled = f"_{owner.__name__.lstrip('_')}{name}" if name.startswith("__") and name[-2:] != "__" else name
            if mangled not in ("__dict__", "__weakref__") and hasattr(value, mangled):
                yield mangled, getattr(value, mangled)


def kept_attributes(part: object) -> dict[str, object]:
    """Return the attributes of a part that are state of the world. Values that cannot change hold none."""
    left_out: tuple[str, ...] = getattr(type(part), "not_kept", ())
    if EVERYTHING in left_out or (is_dataclass(part) and _is_frozen(part)):
        return {}
    return {name: value for name, value in attributes_of(part) if name not in left_out}


def _is_frozen(part: object) -> bool:
    parameters = getattr(type(part), "__dataclass_params__", None)
    return bool(parameters is not None and parameters.frozen)


def _inside(value: object) -> Iterator[tuple[str, object]]:
    """Yield what an object holds, each with a label."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", inner) for key, inner in list(value.items()))
    elif isinstance(value, list | tuple | deque):
        yield from ((f"[{number}]", inner) for number, inner in enumerate(value))
    elif isinstance(value, types.FunctionType):
        for number, cell in enumerate(value.__closure__ or ()):
            try:
                yield f"<{number}>", cell.cell_contents
            except ValueError:
                continue
    elif isinstance(value, types.MethodType):
        yield "self", value.__self__
    elif isinstance(value, functools.partial):
        yield "function", value.func
        yield "arguments", value.args
        yield "keywords", value.keywords
    elif type(value).__module__.startswith(_OURS):
        yield from attributes_of(value)
