"""Values of log events, and the literals that patterns compare them with.

Measured with TestMetricFilter: a number equals an unquoted number whatever its form, and a quoted one only in the same form.
`>` and its kin want an unquoted number. A wildcard takes the first place where the text after it occurs, and tries no other.
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
    """The number that a text says; None when it says none."""
    return float(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True)
class Comparison:
    """An operator and the literal on its right."""

    operator: str
    text: str = ""
    number: float | None = None
    regex: Regex | None = None

    def holds(self, value: Value) -> bool:
        """Tell whether a value compares so."""
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
    """Compare with a literal. Raises InvalidFilterPattern when that operator cannot."""
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
    """Tell whether a text is what a pattern with `*` describes."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    if not text.startswith(first):
        return False
    position = len(first)
    for piece in others:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return not others[-1] or position == len(text)
