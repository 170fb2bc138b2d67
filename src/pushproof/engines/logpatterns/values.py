"""Values of log events, and the literals that patterns compare them with.

Measured with TestMetricFilter: a number equals an unquoted number whatever its form, and a quoted one only in the same form.
`>`, `<`, `>=` and `<=` need an unquoted number. A wildcard ends at the first
occurrence of the text after it and does not try another.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from pushproof.engines.logpatterns.errors import InvalidFilterPattern, invalid_characters
from pushproof.engines.logpatterns.regex import Regex
from pushproof.engines.logpatterns.tokens import Token

EQUALITY = ("=", "!=")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Value:
    """A value of an event: its text, and its number where it has one."""

    text: str
    number: float | None = None


def number_of(text: str) -> float | None:
    """The number that a text denotes; None if it denotes none."""
    return float(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True)
class Comparison:
    """An operator and the literal on its right."""

    operator: str
    text: str = ""
    number: float | None = None
    regex: Regex | None = None

    def holds(self, value: Value) -> bool:
        """Return whether the comparison holds for a value."""
        if self.operator in EQUALITY:
            return self._equals(value) is (self.operator == "=")
        if value.number is None or self.number is None:
            return False
        return _ORDERS[self.operator](value.number, self.number)

    def _equals(self, value: Value) -> bool:
        if self.regex is not None:
            return self.regex.found_in(value.text)
        if self.number is not None and value.number is not None:
            return self.number == value.number
        return resembles(value.text, self.text)


def comparison(sign: str, literal: Token) -> Comparison:
    """The comparison with a literal. Raises InvalidFilterPattern if the operator does not accept the literal."""
    if literal.kind == "regex":
        if sign not in EQUALITY:
            raise InvalidFilterPattern()
        return Comparison(sign, regex=Regex(literal.value))
    if literal.kind not in ("word", "quoted"):
        raise InvalidFilterPattern()
    number = number_of(literal.value) if literal.kind == "word" else None
    if sign not in EQUALITY and number is None:
        raise invalid_characters(literal.text)
    return Comparison(sign, literal.value, number)


def resembles(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern with `*`."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    if not text.startswith(first):
        return False
    position = len(first)
    for piece in others:
        start = text.find(piece, position)
        if start < 0:
            return False
        position = start + len(piece)
    return not others[-1] or position == len(text)
