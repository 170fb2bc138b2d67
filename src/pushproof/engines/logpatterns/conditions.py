"""Conditions joined with `&&`, `||` and parentheses: () before && before ||.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pushproof.engines.logpatterns.errors import InvalidFilterPattern
from pushproof.engines.logpatterns.tokens import Token

Condition = TypeVar("Condition")

_STRENGTH = {"||": 1, "&&": 2}


@dataclass(frozen=True)
class Expression(Generic[Condition]):
    """Conditions and operators, each operator after what it joins."""

    steps: tuple[Condition | str, ...]

    @property
    def conditions(self) -> list[Condition]:
        """The conditions, in the order they are written."""
        return [step for step in self.steps if not isinstance(step, str)]

    def holds(self, judge: Callable[[Condition], bool]) -> bool:
        """Return whether the expression holds; `judge` decides each condition."""
        results: list[bool] = []
        for step in self.steps:
            if isinstance(step, str):
                right, left = results.pop(), results.pop()
                results.append(left and right if step == "&&" else left or right)
            else:
                results.append(judge(step))
        return results[-1]


def expression(
    tokens: Sequence[Token], condition: Callable[[Sequence[Token]], tuple[Condition, int]]
) -> Expression[Condition]:
    """Read an expression; `condition` reads one condition and returns the number of its tokens.

    Raises InvalidFilterPattern. Parentheses may be as deep as a pattern is long, so this function does not recurse.
    """
    steps: list[Condition | str] = []
    waiting: list[str] = []
    position, complete = 0, False
    while position < len(tokens):
        token = tokens[position]
        sign = token.text if token.kind == "sign" else ""
        if complete and sign in _STRENGTH:
            while waiting and waiting[-1] != "(" and _STRENGTH[waiting[-1]] >= _STRENGTH[sign]:
                steps.append(waiting.pop())
            waiting.append(sign)
            complete = False
        elif complete and sign == ")" and "(" in waiting:
            while waiting[-1] != "(":
                steps.append(waiting.pop())
            waiting.pop()
        elif not complete and sign == "(":
            waiting.append(sign)
        elif not complete:
            parsed, length = condition(tokens[position:])
            steps.append(parsed)
            position += length - 1
            complete = True
        else:
            raise InvalidFilterPattern()
        position += 1
    if not complete or "(" in waiting:
        raise InvalidFilterPattern()
    return Expression((*steps, *reversed(waiting)))
