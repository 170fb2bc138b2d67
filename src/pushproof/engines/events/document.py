"""JSON with the place of every value, so that errors can point at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}

#: Deeper documents are refused rather than allowed to exhaust the stack.
MAXIMUM_DEPTH = 100


class JsonError(ValueError):
    """Not JSON: what is wrong, and at which offset."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


@dataclass(slots=True)
class Node:
    """A value and the offset it starts at. Objects hold a dict of Nodes, arrays a list of Nodes, all else the value itself."""

    value: Any
    at: int

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_array(self) -> bool:
        return isinstance(self.value, list)

    @property
    def is_number(self) -> bool:
        return isinstance(self.value, int | float) and not isinstance(self.value, bool)


def read_json(text: str) -> Node:
    """The one JSON value that `text` is. Raises JsonError."""
    node, end = _value(text, _skip(text, 0), 0)
    end = _skip(text, end)
    if end != len(text):
        raise JsonError("Unexpected text after the JSON value", end)
    return node


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column, both from 1, of an offset."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _string(text: str, at: int) -> tuple[str, int]:
    try:
        found: tuple[str, int] = scanstring(text, at + 1, True)
    except JSONDecodeError as error:
        raise JsonError(error.msg, error.pos) from None
    return found


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > MAXIMUM_DEPTH:
        raise JsonError(f"Nested more than {MAXIMUM_DEPTH} deep", at)
    first = text[at : at + 1]
    if first == "{":
        return _object(text, at, depth)
    if first == "[":
        return _array(text, at, depth)
    if first == '"':
        string, end = _string(text, at)
        return Node(string, at), end
    for word, value in _WORDS.items():
        if text.startswith(word, at):
            return Node(value, at), at + len(word)
    number = _NUMBER.match(text, at)
    if number is None:
        raise JsonError("Expected a JSON value" if first else "Unexpected end of the document", at)
    try:
        exact = number[2] is None and number[3] is None
        return Node(int(number[0]) if exact else float(number[0]), at), number.end()
    except ValueError as error:  # more digits than Python converts
        raise JsonError(str(error), at) from None


def _object(text: str, at: int, depth: int) -> tuple[Node, int]:
    members: dict[str, Node] = {}
    position = _skip(text, at + 1)
    if text.startswith("}", position):
        return Node(members, at), position + 1
    while True:
        if not text.startswith('"', position):
            raise JsonError("Expected a member name in double quotes", position)
        name, position = _string(text, position)
        position = _skip(text, position)
        if not text.startswith(":", position):
            raise JsonError("Expected ':' after the member name", position)
        members[name], position = _value(text, _skip(text, position + 1), depth + 1)
        position = _skip(text, position)
        if text.startswith("}", position):
            return Node(members, at), position + 1
        if not text.startswith(",", position):
            raise JsonError("Expected ',' or '}'", position)
        position = _skip(text, position + 1)


def _array(text: str, at: int, depth: int) -> tuple[Node, int]:
    items: list[Node] = []
    position = _skip(text, at + 1)
    if text.startswith("]", position):
        return Node(items, at), position + 1
    while True:
        item, position = _value(text, position, depth + 1)
        items.append(item)
        position = _skip(text, position)
        if text.startswith("]", position):
            return Node(items, at), position + 1
        if not text.startswith(",", position):
            raise JsonError("Expected ',' or ']'", position)
        position = _skip(text, position + 1)
