"""JSON as EventBridge's parser reads it: every value with its place, numbers with their text, repeated names kept.

A fault is reported when reading reaches it, as a streaming parser does: everything before the fault is judged first.
Texts and places are those of EventBridge's answers (Jackson's). Source: https://github.com/aws/event-ruler
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z0-9_$]+")
_LITERALS = frozenset({"true", "false", "null"})
_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

#: Deeper documents are refused rather than allowed to exhaust the stack.
MAXIMUM_DEPTH = 100

#: As much of a document as an error shows.
_SHOWN = 500


class JsonError(ValueError):
    """A text that is not JSON, or not the JSON expected there: the reason, and the offset."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


class Kind(Enum):
    """The kinds of JSON values. A literal is true, false or null; a fault is where reading cannot go on."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    LITERAL = "literal"
    FAULT = "fault"


@dataclass(slots=True)
class Node:
    """A value, from offset `at` up to offset `end`. `text` is a string's content, or a number or literal as written."""

    kind: Kind
    at: int
    end: int
    text: str = ""
    members: list[tuple[str, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    fault: JsonError | None = None

    @property
    def after(self) -> int:
        """The offset of a streaming parser that has recognised this value and not yet read its content."""
        return self.end if self.kind in (Kind.NUMBER, Kind.LITERAL) else self.at + 1

    def each_member(self) -> Iterator[tuple[str, Node]]:
        """The members in turn, then the fault that ends the object, where there is one. Raises JsonError."""
        for name, value in self.members:
            yield name, _sound(value)
        if self.fault is not None:
            raise self.fault

    def each_item(self) -> Iterator[Node]:
        """The items in turn, then the fault that ends the array, where there is one. Raises JsonError."""
        for item in self.items:
            yield _sound(item)
        if self.fault is not None:
            raise self.fault


def read_json(text: str) -> Node:
    """The one JSON value that `text` is. Raises JsonError."""
    node = read_leniently(text)
    _require_sound(node)
    end = _skip(text, node.end)
    if end != len(text):
        raise JsonError(f"Unexpected character ({_shown(text, end)}): expected a valid value {_VALUES}", end)
    return node


def read_leniently(text: str) -> Node:
    """The JSON value that `text` begins with; faults within it stay in the tree until they are read. Raises JsonError."""
    start = _skip(text, 0)
    if start == len(text):
        raise JsonError("No content to map due to end-of-input", start)
    return _sound(_value(text, start, 0))


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column, both from 1, of an offset."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def shown_place(text: str, at: int) -> str:
    """A place in the form EventBridge shows it."""
    line, column = place(text, at)
    cut = f"[truncated {len(text) - _SHOWN} chars]" if len(text) > _SHOWN else ""
    return f'[Source: (String)"{text[:_SHOWN]}"{cut}; line: {line}, column: {column}]'


def _sound(node: Node) -> Node:
    if node.kind is Kind.FAULT and node.fault is not None:
        raise node.fault
    return node


def _require_sound(node: Node) -> None:
    for _, value in node.each_member():
        _require_sound(value)
    for item in node.each_item():
        _require_sound(item)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _shown(text: str, at: int) -> str:
    return f"'{text[at]}' (code {ord(text[at])})"


def _faulty(reason: str, at: int) -> Node:
    return Node(Kind.FAULT, at, at, fault=JsonError(reason, at))


def _string(text: str, at: int) -> Node:
    try:
        content, end = scanstring(text, at + 1, True)
    except JSONDecodeError as error:
        if "Unterminated" in error.msg:
            return _faulty("Unexpected end-of-input in VALUE_STRING", len(text))
        return _faulty(error.msg, error.pos)
    return Node(Kind.STRING, at, end, content)


def _value(text: str, at: int, depth: int) -> Node:
    if depth > MAXIMUM_DEPTH:
        return _faulty(f"Document nesting depth ({depth}) exceeds the maximum allowed ({MAXIMUM_DEPTH})", at)
    first = text[at : at + 1]
    if first == "{":
        return _object(text, at, depth)
    if first == "[":
        return _array(text, at, depth)
    if first == '"':
        return _string(text, at)
    if not first:
        return _faulty("Unexpected end-of-input", at)
    number = _NUMBER.match(text, at)
    if number is not None:
        return Node(Kind.NUMBER, at, number.end(), number[0])
    word = _WORD.match(text, at)
    if word is None:
        return _faulty(f"Unexpected character ({_shown(text, at)}): expected a valid value {_VALUES}", at)
    if word[0] not in _LITERALS:
        return _faulty(f"Unrecognized token '{word[0]}': was expecting {_VALUES}", word.end())
    return Node(Kind.LITERAL, at, word.end(), word[0])


def _unfinished(text: str, node: Node, what: str) -> Node:
    marker = shown_place(text, node.at)
    node.fault = JsonError(
        f"Unexpected end-of-input: expected close marker for {what} (start marker at {marker})", len(text)
    )
    return node


def _broken(text: str, node: Node, at: int, expected: str) -> Node:
    if at >= len(text):
        return _unfinished(text, node, "Object" if node.kind is Kind.OBJECT else "Array")
    node.fault = JsonError(f"Unexpected character ({_shown(text, at)}): was expecting {expected}", at)
    return node


def _is_faulty(node: Node) -> bool:
    return node.fault is not None or node.end < 0


def _object(text: str, at: int, depth: int) -> Node:
    node = Node(Kind.OBJECT, at, -1)
    position = _skip(text, at + 1)
    if text.startswith("}", position):
        node.end = position + 1
        return node
    while True:
        if not text.startswith('"', position):
            return _broken(text, node, position, "double-quote to start field name")
        name = _string(text, position)
        if name.fault is not None:
            node.fault = name.fault
            return node
        position = _skip(text, name.end)
        if not text.startswith(":", position):
            return _broken(text, node, position, "a colon to separate field name and value")
        value = _value(text, _skip(text, position + 1), depth + 1)
        node.members.append((name.text, value))
        if _is_faulty(value):
            return node
        position = _skip(text, value.end)
        if text.startswith("}", position):
            node.end = position + 1
            return node
        if not text.startswith(",", position):
            return _broken(text, node, position, "comma to separate Object entries")
        position = _skip(text, position + 1)


def _array(text: str, at: int, depth: int) -> Node:
    node = Node(Kind.ARRAY, at, -1)
    position = _skip(text, at + 1)
    if text.startswith("]", position):
        node.end = position + 1
        return node
    while True:
        item = _value(text, position, depth + 1)
        node.items.append(item)
        if _is_faulty(item):
            return node
        position = _skip(text, item.end)
        if text.startswith("]", position):
            node.end = position + 1
            return node
        if not text.startswith(",", position):
            return _broken(text, node, position, "comma to separate Array entries")
        position = _skip(text, position + 1)
