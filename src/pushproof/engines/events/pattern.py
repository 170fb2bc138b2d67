"""Event patterns, compiled once and matched often.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html (structure, arrays),
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-content-based-filtering.html (operators)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pushproof.engines.events.document import JsonError, Node, place, read_json
from pushproof.engines.events.errors import InvalidEventPattern
from pushproof.engines.events.operators import Test, compile_operator, exact_key, single_member

#: "Event pattern size: 2,048 characters" by default; the quota is adjustable up to this.
MAXIMUM_SIZE = 8192

#: "If the number of combinations of $or is more than 1000, EventBridge does not create the rule."
MAXIMUM_COMBINATIONS = 1000

_OPERATORS = frozenset(
    {"exists", "prefix", "suffix", "anything-but", "numeric", "wildcard", "equals-ignore-case", "cidr"}
)
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A compiled pattern: `pattern.matches(event)`."""

    text: str
    _root: _Object

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether an event (the whole envelope, as a dict of JSON values) matches."""
        return self._root.match(event, event)


def compile_pattern(pattern: str | Mapping[str, Any]) -> EventPattern:
    """Compile an event pattern given as JSON text (or as a dict). Raises InvalidEventPattern with line and column."""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    try:
        if len(text) > MAXIMUM_SIZE:
            raise JsonError(f"The pattern has {len(text)} characters; the maximum is {MAXIMUM_SIZE}", 0)
        node = read_json(text)
        if not node.is_object:
            raise JsonError("Filter is not an object", node.at)
        root, combinations = _compile_object(node, ())
        if combinations > MAXIMUM_COMBINATIONS:
            raise JsonError(f"The pattern produces more than {MAXIMUM_COMBINATIONS} rule combinations", node.at)
    except JsonError as error:
        line, column = place(text, error.at)
        raise InvalidEventPattern(error.reason, line, column, text) from None
    return EventPattern(text, root)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One field's alternatives: exact values, tests, and whether it may (or must) be absent."""

    path: tuple[str, ...]
    exact: frozenset[Any]
    tests: tuple[Test, ...]
    present: bool
    absent: bool

    def match(self, value: Any, root: Any) -> bool:
        found = False
        for scalar in _scalars(value):
            found = True
            if self.present or exact_key(scalar) in self.exact or any(test(scalar) for test in self.tests):
                return True
        return self.absent and not found and not _has_leaf(root, self.path)


@dataclass(frozen=True, slots=True)
class _Object:
    """All fields must match, and for each $or one of its alternatives."""

    fields: tuple[tuple[str, _Leaf | _Object], ...]
    choices: tuple[tuple[_Object, ...], ...]

    def match(self, value: Any, root: Any) -> bool:
        if isinstance(value, list) and value:
            return any(self.match(item, root) for item in value)
        members = value if isinstance(value, Mapping) else {}
        for name, field in self.fields:
            if not field.match(members.get(name, _ABSENT), root):
                return False
        return all(any(option.match(members, root) for option in choice) for choice in self.choices)


def _scalars(value: Any) -> Iterator[Any]:
    """The scalars that a leaf sees: the value, or what an array holds. Objects are no leaves."""
    if isinstance(value, list):
        for item in value:
            yield from _scalars(item)
    elif value is not _ABSENT and not isinstance(value, Mapping):
        yield value


def _has_leaf(value: Any, path: tuple[str, ...]) -> bool:
    if isinstance(value, list):
        return any(_has_leaf(item, path) for item in value)
    if not path:
        return not isinstance(value, Mapping)
    return isinstance(value, Mapping) and path[0] in value and _has_leaf(value[path[0]], path[1:])


def _compile_object(node: Node, path: tuple[str, ...]) -> tuple[_Object, int]:
    if not node.value:
        raise JsonError("Empty objects are not allowed", node.at)
    fields: list[tuple[str, _Leaf | _Object]] = []
    choices: list[tuple[_Object, ...]] = []
    combinations = 1
    for name, child in node.value.items():
        if name == "$or" and _is_choice(child):
            options = [_compile_object(option, path) for option in child.value]
            choices.append(tuple(option for option, _ in options))
            combinations *= sum(count for _, count in options)
        elif child.is_object:
            compiled, count = _compile_object(child, (*path, name))
            fields.append((name, compiled))
            combinations *= count
        elif child.is_array:
            fields.append((name, _compile_leaf(child, (*path, name))))
        else:
            raise JsonError(f'"{name}" must be an object or an array', child.at)
    return _Object(tuple(fields), tuple(choices)), combinations


def _is_choice(node: Node) -> bool:
    """Whether a `$or` is the operator: an array of at least two objects that are no match expressions."""
    return (
        node.is_array
        and len(node.value) >= 2
        and all(item.is_object and not _OPERATORS & item.value.keys() for item in node.value)
    )


def _compile_leaf(node: Node, path: tuple[str, ...]) -> _Leaf:
    if not node.value:
        raise JsonError("Empty arrays are not allowed", node.at)
    exact: set[Any] = set()
    tests: list[Test] = []
    present = absent = False
    for item in node.value:
        if item.is_array:
            raise JsonError("Match value must be String, number, true, false, or null", item.at)
        if not item.is_object:
            exact.add(exact_key(item.value))
        elif "exists" in item.value:
            _, wanted = single_member(item, "match object")
            if not isinstance(wanted.value, bool):
                raise JsonError("exists match pattern must be either true or false.", wanted.at)
            present, absent = present or wanted.value, absent or not wanted.value
        else:
            tests.append(compile_operator(item))
    return _Leaf(path, frozenset(exact), tuple(tests), present, absent)
