"""Metric math over one data point of each metric: arithmetic, comparisons, FILL with a number, IF, ABS, MIN and MAX.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z]\w*)|(<=|>=|==|!=|[-+*/()<>,^]))")
_DEEPEST = 50
_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_LEVELS = (("<", ">", "<=", ">=", "==", "!="), ("+", "-"), ("*", "/"), ("^",))
_FUNCTIONS = {"FILL": 2, "IF": 3, "ABS": 1, "MIN": 2, "MAX": 2}


class UnsupportedExpression(ValueError):
    """An expression that is not computed here: a search, a function over time, or no expression at all."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A number, a metric's id, or an operation on other expressions."""

    name: str
    number: float = 0.0
    parts: tuple[Expression, ...] = ()

    def ids(self) -> frozenset[str]:
        """Return the ids that the expression refers to."""
        own = frozenset({self.name}) if not self.parts and self.name else frozenset()
        return own.union(*(part.ids() for part in self.parts))


def parse(text: str) -> Expression:
    """Read an expression. Raises UnsupportedExpression."""
    reader = _Reader(text)
    expression = reader.level(0, 0)
    if reader.next():
        raise UnsupportedExpression(f"{text!r} goes on with {reader.next()!r} where an operator was expected")
    return expression


def compute(expression: Expression, values: Mapping[str, float | None]) -> float | None:
    """Return the value of a data point; None where a metric that it needs has none, and for a division by zero."""
    if not expression.parts:
        return values.get(expression.name) if expression.name else expression.number
    parts = [compute(part, values) for part in expression.parts]
    match expression.name:
        case "FILL":
            return parts[1] if parts[0] is None else parts[0]
        case "IF":
            return None if parts[0] is None else parts[1] if parts[0] else parts[2]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    match expression.name:
        case "ABS":
            return abs(known[0])
        case "MIN":
            return min(known)
        case "MAX":
            return max(known)
    try:
        return float(_OPERATORS[expression.name](*known))
    except (ZeroDivisionError, OverflowError, TypeError):
        return None


class _Reader:
    """A parser by precedence, loosest operators first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.next()
        if not token or (expected and token != expected):
            raise UnsupportedExpression(f"{self._text!r} lacks {expected or 'a value'}")
        self._at += 1
        return token

    def level(self, precedence: int, depth: int) -> Expression:
        if depth > _DEEPEST:
            raise UnsupportedExpression(f"{self._text[:60]!r} is nested too deeply")
        if precedence == len(_LEVELS):
            return self._value(depth)
        left = self.level(precedence + 1, depth)
        while self.next() in _LEVELS[precedence]:
            sign = self.take()
            left = Expression(sign, parts=(left, self.level(precedence + 1, depth)))
        return left

    def _value(self, depth: int) -> Expression:
        token = self.take()
        if token == "(":
            inner = self.level(0, depth + 1)
            self.take(")")
            return inner
        if token == "-":
            return Expression("-", parts=(Expression(""), self._value(depth + 1)))
        if token[0].isdigit():
            return Expression("", float(token))
        if not token[0].isalpha():
            raise UnsupportedExpression(f"{self._text!r} has {token!r} where a value was expected")
        if self.next() != "(":
            return Expression(token)
        if token.upper() not in _FUNCTIONS:
            raise UnsupportedExpression(f"the function {token} is not computed here; there are {', '.join(_FUNCTIONS)}")
        self.take("(")
        parts = [self.level(0, depth + 1)]
        while self.next() == ",":
            self.take()
            parts.append(self.level(0, depth + 1))
        self.take(")")
        if len(parts) != _FUNCTIONS[token.upper()]:
            raise UnsupportedExpression(f"{token} takes {_FUNCTIONS[token.upper()]} values here, and has {len(parts)}")
        return Expression(token.upper(), parts=tuple(parts))


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnsupportedExpression(f"{text!r} has {text[at:].strip()[0]!r}, which is not read here")
        yield match[match.lastindex or 0]
        at = match.end()
