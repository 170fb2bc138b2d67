"""Event patterns, compiled once and matched often.

A pattern is a list of rules (one for each combination of `$or`), a rule is a map of dotted names to alternatives, an event a map
of dotted names to scalars: `{"state": {"name": [...]}}` and `{"state.name": [...]}` are the same. Fields below one array must be
met by the same element of it. Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html
(structure), https://github.com/aws/event-ruler (names, arrays, `$or`, refusals)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pushproof.engines.events.alternatives import EVENTBRIDGE, Alternatives, Dialect
from pushproof.engines.events.complexity import MAXIMUM_COMPLEXITY, TOO_COMPLEX, complexity
from pushproof.engines.events.document import JsonError, Kind, Node, read_leniently
from pushproof.engines.events.errors import InvalidEventPattern
from pushproof.engines.events.operators import (
    ListError,
    UnplacedError,
    compile_alternatives,
)
from pushproof.engines.events.values import quoted

#: "If the number of combinations of $or is more than 1000, EventBridge does not create the rule."
MAXIMUM_COMBINATIONS = 1000

#: Names that no field within `$or` may have: operators, and what is kept for later ones.
_RESERVED = frozenset(
    {"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"}
    | {"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"}
    | {"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"}
    | {"ip-address-in-range", "ip-address-not-in-range"}
)

#: The array elements that contain a value: the index by array.
_Elements = frozenset[tuple[int, int]]
_Fields = dict[str, list[tuple[str, _Elements]]]
_Rule = dict[str, Alternatives]


class Number(str):
    """A number of an event, by its text: `json.loads(text, parse_int=Number, parse_float=Number)`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A compiled pattern: `pattern.matches(event)`."""

    text: str
    _rules: tuple[tuple[tuple[str, Alternatives], ...], ...]
    _steps: frozenset[str]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event (the whole envelope, as a dict of JSON values) matches."""
        fields = _flatten(event, self._steps)
        return any(_match(rule, fields) for rule in self._rules)


def compile_pattern(pattern: str | Mapping[str, Any], dialect: Dialect = EVENTBRIDGE) -> EventPattern:
    """Compile an event pattern from JSON text or a dict. Raises InvalidEventPattern with line and column."""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    try:
        node = read_leniently(text)
        if node.kind is not Kind.OBJECT:
            raise JsonError("Filter is not an object", node.after)
        rules: list[_Rule] = []
        _compile_object(rules, "", node, dialect, within_choice=False)
        _check_complexity(rules)
    except ListError as error:
        raise InvalidEventPattern(error.reason, error.at, text, places=2) from None
    except JsonError as error:
        raise InvalidEventPattern(error.reason, error.at, text) from None
    except UnplacedError as error:
        raise InvalidEventPattern(str(error), 0, text, places=0) from None
    ordered = tuple(tuple(sorted(rule.items())) for rule in rules)
    return EventPattern(text, ordered, frozenset(_beginnings(name for rule in rules for name in rule)))


# Compiling. Every object adds to all rules so far; a `$or` replaces them by copies, one set for each of its options.


def _compile_object(rules: list[_Rule], path: str, node: Node, dialect: Dialect, *, within_choice: bool) -> None:
    empty = True
    for name, value in node.each_member():
        empty = False
        if name == "$or":
            _compile_choice(rules, path, value, dialect)
            continue
        if within_choice and name in _RESERVED:
            raise JsonError(f"{name} is Ruler reserved fieldName which cannot be used inside $or.", value.after)
        if value.kind is Kind.OBJECT:
            _compile_object(rules, f"{path}{name}.", value, dialect, within_choice=within_choice)
        elif value.kind is Kind.ARRAY:
            alternatives = compile_alternatives(value, dialect)
            if not rules:
                rules.append({})
            for rule in rules:
                # A repeated name replaces its earlier value.
                rule[path + name] = alternatives
        else:
            raise JsonError(f'"{name}" must be an object or an array', value.after)
    if empty:
        raise JsonError("Empty objects are not allowed", node.end)


def _compile_choice(rules: list[_Rule], path: str, node: Node, dialect: Dialect) -> None:
    if node.kind is not Kind.ARRAY:
        raise JsonError("It must be an Array followed with $or.", node.after)
    before, options = [dict(rule) for rule in rules] or [{}], 0
    rules.clear()
    for item in node.each_item():
        options += 1
        if item.kind is not Kind.OBJECT:
            raise JsonError("Only JSON object is allowed in array of $or relationship.", item.after)
        branch = [dict(rule) for rule in before]
        _compile_object(branch, path, item, dialect, within_choice=True)
        rules += branch
        if len(rules) > MAXIMUM_COMBINATIONS:
            raise UnplacedError(f"The pattern produces more than {MAXIMUM_COMBINATIONS} rule combinations.")
    if options < 2:
        raise JsonError("There must have at least 2 Objects in $or relationship.", node.end)


def _check_complexity(rules: list[_Rule]) -> None:
    # Two rules share a field when every field before it has the same alternatives in both.
    groups: dict[tuple[object, ...], dict[int, Alternatives]] = {}
    for rule in rules:
        if not any(alternatives.wildcards for alternatives in rule.values()):
            continue
        key: tuple[object, ...] = ()
        for name, alternatives in sorted(rule.items(), key=lambda item: item[0]):
            groups.setdefault((key, name), {})[id(alternatives)] = alternatives
            key = (key, name, id(alternatives))
    for group in groups.values():
        expressions = dict.fromkeys(texts for alternatives in group.values() for texts in alternatives.wildcards)
        if complexity(expressions) > MAXIMUM_COMPLEXITY:
            raise UnplacedError(TOO_COMPLEX)


# Matching.


def _beginnings(names: Iterator[str]) -> Iterator[str]:
    """Every name, and every beginning of one that ends before a dot."""
    for name in names:
        yield name
        position = name.find(".")
        while position >= 0:
            yield name[:position]
            position = name.find(".", position + 1)


def _flatten(event: Mapping[str, Any], steps: frozenset[str]) -> _Fields:
    """The scalars of an event by dotted name, limited to the names in the pattern."""
    fields: _Fields = {}
    arrays = 0
    pending: list[tuple[str | None, Any, _Elements]] = [(None, event, frozenset())]
    while pending:
        path, value, elements = pending.pop()
        if isinstance(value, Mapping):
            for name, member in value.items():
                inner = str(name) if path is None else f"{path}.{name}"
                if inner in steps:
                    pending.append((inner, member, elements))
        elif isinstance(value, list):
            array, arrays = arrays, arrays + 1
            for index, item in enumerate(value):
                nested = isinstance(item, Mapping | list)
                pending.append((path, item, elements | {(array, index)} if nested else elements))
        elif path is not None:
            fields.setdefault(path, []).append((_scalar(value), elements))
    return fields


def _scalar(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value)


def _match(rule: tuple[tuple[str, Alternatives], ...], fields: _Fields) -> bool:
    """Return whether each field of the rule has a value that is met, all from the same elements of the arrays they share.

    Names are taken in order, and an absence is judged by the elements chosen so far, as EventBridge judges it.
    """
    # A choice keeps only the elements that can still conflict, so that unrelated arrays do not multiply.
    remaining = [_arrays(fields, rule[index + 1 :]) for index in range(len(rule))]
    states: set[_Elements] = {frozenset()}
    for index, (name, alternatives) in enumerate(rule):
        values = fields.get(name, [])
        met = [elements for scalar, elements in values if alternatives.match(scalar)]
        following: set[_Elements] = set()
        for state in states:
            choice = dict(state)
            options = [elements for elements in met if _consistent(choice, elements)]
            if alternatives.absent and not any(_consistent(choice, elements) for _, elements in values):
                options.append(frozenset())
            for elements in options:
                following.add(frozenset(pair for pair in state | elements if pair[0] in remaining[index]))
        if not following:
            return False
        states = following
    return True


def _arrays(fields: _Fields, rule: tuple[tuple[str, Alternatives], ...]) -> frozenset[int]:
    return frozenset(array for name, _ in rule for _, elements in fields.get(name, ()) for array, _ in elements)


def _consistent(choice: dict[int, int], elements: _Elements) -> bool:
    return all(choice.get(array, index) == index for array, index in elements)
