"""Foresight of what the tests of a session use, as far as their code tells."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Iterator

import pytest


def uses(items: Iterable[pytest.Item], name: str) -> bool:
    """Return whether a test, or a fixture of one, has a name in its own code, such as that of a method it calls."""
    return any(name in names for names in map(_names, set(_functions(items))))


def _functions(items: Iterable[pytest.Item]) -> Iterator[types.CodeType]:
    for item in items:
        fixtures = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        functions = [getattr(item, "function", None), *(each.func for known in fixtures.values() for each in known)]
        for function in functions:
            code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
            if isinstance(code, types.CodeType):
                yield code


def _names(code: types.CodeType) -> set[str]:
    """Return the names of attributes and globals in a function and in the functions inside of it."""
    inner = (_names(each) for each in code.co_consts if isinstance(each, types.CodeType))
    return set(code.co_names).union(*inner)
