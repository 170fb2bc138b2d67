"""Patterns for JSON events: `{ $.user.id = 1 && $.error NOT EXISTS }`.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pushproof.engines.logpatterns.conditions import expression
from pushproof.engines.logpatterns.errors import InvalidFilterPattern
from pushproof.engines.logpatterns.tokens import Selector, Token, tokens_of
from pushproof.engines.logpatterns.values import Comparison, Value, comparison

_MOST_WILDCARDS = 3
_STATES = {"NULL": None, "TRUE": True, "FALSE": False}


class _Number(str):
    """A number as it is written."""


@dataclass(frozen=True)
class _Condition:
    selector: Selector
    # A comparison, the state after IS, or None where the property must not exist.
    comparison: Comparison | None = None
    state: tuple[bool | None] | None = None


class JsonPattern:
    """A compiled pattern. Raises InvalidFilterPattern for one that CloudWatch Logs refuses."""

    kind = "json"

    def __init__(self, text: str) -> None:
        tokens = list(tokens_of(text, delimited=False))
        self._expression = expression(tokens, _condition)
        conditions = self._expression.conditions
        if sum(condition.selector.steps.count(None) for condition in conditions) > _MOST_WILDCARDS:
            raise InvalidFilterPattern()
        self.selectors = [condition.selector for condition in conditions]
        self.regexes = sum(
            1 for condition in conditions if condition.comparison is not None and condition.comparison.regex is not None
        )

    def match(self, message: str) -> dict[str, str] | None:
        """The values that the pattern selects in a message; None when it does not match."""
        try:
            document = json.loads(message, parse_float=_Number, parse_int=_Number, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        if not self._expression.holds(lambda condition: _holds(condition, document)):
            return None
        selection = {
            selector.text: [value for node in _nodes(document, selector) if (value := _value(node)) is not None]
            for selector in self.selectors
        }
        return {source: values[0].text for source, values in selection.items() if values}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _condition(tokens: Sequence[Token]) -> tuple[_Condition, int]:
    selector, *others = tokens[:3]
    if not isinstance(selector, Selector) or len(others) < 2:
        raise InvalidFilterPattern()
    sign, literal = others
    if sign.kind == "word":
        if sign.value == "IS" and literal.kind == "word" and literal.value in _STATES:
            return _Condition(selector, state=(_STATES[literal.value],)), 3
        if (sign.value, literal.kind, literal.value) == ("NOT", "word", "EXISTS"):
            return _Condition(selector), 3
        raise InvalidFilterPattern()
    if sign.kind != "sign" or sign.value in ("(", ")", "&&", "||"):
        raise InvalidFilterPattern()
    return _Condition(selector, comparison(sign.value, literal)), 3


def _holds(condition: _Condition, document: dict[str, Any]) -> bool:
    nodes = _nodes(document, condition.selector)
    if condition.state is not None:
        return any(node is condition.state[0] for node in nodes)
    if condition.comparison is None:
        return not nodes
    values = (_value(node) for node in nodes)
    return any(value is not None and condition.comparison.holds(value) for value in values)


def _nodes(document: dict[str, Any], selector: Selector) -> list[Any]:
    nodes: list[Any] = [document]
    for step in selector.steps:
        following: list[Any] = []
        for node in nodes:
            if step is None:
                following.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            elif isinstance(step, int):
                following.extend(node[step : step + 1] if isinstance(node, list) else ())
            elif isinstance(node, dict) and step in node:
                following.append(node[step])
        nodes = following
    return nodes


def _value(node: Any) -> Value | None:
    """A value to compare; None for objects, arrays and null, which cannot be compared."""
    if isinstance(node, _Number):
        return Value(str(node), float(node))
    if isinstance(node, bool):
        return Value("true" if node else "false")
    return Value(node) if isinstance(node, str) else None
