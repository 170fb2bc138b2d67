"""Functions by their place in the code: a kept world names code of this package and of moto, and never contains any.

Callbacks of timers and observers are often lambdas and inner functions, which pickle refuses. They are written as module,
qualified name and line, with the values that they close over.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator
from typing import NamedTuple

#: The code that worlds are made of.
_OURS = ("pushproof.", "moto.")
_INNER = ".<locals>."


class UnknownCode(Exception):
    """A function is not in the code of this package or of moto, or no longer."""


class CodePlace(NamedTuple):
    """A function's place: module, qualified name, first line, and its number among those that share all three."""

    module: str
    name: str
    line: int
    number: int


def place_of(function: types.FunctionType) -> CodePlace:
    """Return the place of a function of this package, or of moto. Raises UnknownCode."""
    code = function.__code__
    module = function.__module__
    if not module.startswith(_OURS):
        raise UnknownCode(f"{module}.{function.__qualname__} is no function of Pushproof or of moto")
    for number, candidate in enumerate(_codes(module, code.co_qualname, code.co_firstlineno)):
        if candidate is code:
            return CodePlace(module, code.co_qualname, code.co_firstlineno, number)
    raise UnknownCode(f"{module}.{code.co_qualname} is not in the code of its module")


def function_at(place: CodePlace, cells: tuple[types.CellType, ...]) -> types.FunctionType:
    """Return the function of a place, closed over `cells`. Raises UnknownCode."""
    if not place.module.startswith(_OURS):
        raise UnknownCode(f"{place.module} is no module of Pushproof or of moto")
    codes = list(_codes(place.module, place.name, place.line))
    if place.number >= len(codes) or len(codes[place.number].co_freevars) != len(cells):
        raise UnknownCode(f"{place.module} has no {place.name} at line {place.line}")
    module = importlib.import_module(place.module)
    return types.FunctionType(codes[place.number], module.__dict__, place.name.rpartition(".")[2], None, cells)


def _codes(module: str, name: str, line: int) -> Iterator[types.CodeType]:
    """Yield the code objects of that name that begin at that line."""
    outer = _code_of(module, name.partition(_INNER)[0])
    waiting = [outer] if outer is not None else []
    while waiting:
        code = waiting.pop(0)
        if code.co_qualname == name and code.co_firstlineno == line:
            yield code
        waiting.extend(inner for inner in code.co_consts if isinstance(inner, types.CodeType))


def _code_of(module: str, name: str) -> types.CodeType | None:
    """Return the code of a function or method that a module defines."""
    value: object = importlib.import_module(module)
    for step in name.split("."):
        value = value.__dict__.get(step) if isinstance(value, type) else getattr(value, step, None)
    if isinstance(value, property):
        value = value.fget
    while (inner := getattr(value, "__wrapped__", None) or getattr(value, "__func__", None)) is not None:
        value = inner
    code = getattr(value, "__code__", None)
    return code if isinstance(code, types.CodeType) else None
