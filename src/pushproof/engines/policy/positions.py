"""Positions of values in JSON text: the line and column that an error or a matched statement names."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from pushproof.engines.policy.errors import Position

Step = str | int

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(strict=False)


class Span(NamedTuple):
    """The extent of a JSON value: its beginning, and the position of its last character."""

    start: Position
    end: Position


def position_of(text: str, index: int) -> Position:
    """Line and column of a character offset."""
    index = max(0, min(index, len(text)))
    return Position(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def span_of(text: str, steps: Sequence[Step]) -> Span | None:
    """The span of the value reached by following keys and indexes into well-formed JSON text.

    None if the path does not exist; the caller then reports the path alone.
    """
    try:
        begin = _walk(text, steps)
        _, end = _DECODER.raw_decode(text, begin)
    except (ValueError, RecursionError, IndexError):
        return None
    return Span(position_of(text, begin), position_of(text, end - 1))


def path_text(steps: Sequence[Step]) -> str:
    """A JSON path: ``("Statement", 0, "Action")`` reads ``$.Statement[0].Action``."""
    out = "$"
    for step in steps:
        if isinstance(step, int):
            out += f"[{step}]"
        elif step.isidentifier():
            out += f".{step}"
        else:
            out += f"[{json.dumps(step)}]"
    return out


def _skip(text: str, index: int) -> int:
    match = _SPACE.match(text, index)
    return index if match is None else match.end()


def _walk(text: str, steps: Sequence[Step]) -> int:
    index = _skip(text, 0)
    for step in steps:
        opening = "{" if isinstance(step, str) else "["
        if text[index] != opening:
            raise ValueError(f"no {step!r} here")
        index = _member(text, index, step) if isinstance(step, str) else _item(text, index, step)
    return index


def _member(text: str, index: int, key: str) -> int:
    index = _skip(text, index + 1)
    while text[index] != "}":
        name, index = _DECODER.raw_decode(text, index)
        index = _skip(text, _skip(text, index) + 1)  # past the colon
        if name == key:
            return index
        _, index = _DECODER.raw_decode(text, index)
        index = _skip(text, index)
        if text[index] == ",":
            index = _skip(text, index + 1)
    raise ValueError(f"no key {key!r}")


def _item(text: str, index: int, number: int) -> int:
    index = _skip(text, index + 1)
    for _ in range(number):
        _, index = _DECODER.raw_decode(text, index)
        index = _skip(text, _skip(text, index) + 1)  # past the comma
    if text[index] == "]":
        raise ValueError(f"no item {number}")
    return index
