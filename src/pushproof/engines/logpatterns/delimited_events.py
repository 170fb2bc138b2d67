"""Patterns for space-delimited events: `[ip, user, ..., status = 4*, bytes > 1000]`.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-space-delimited-log-events.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pushproof.engines.logpatterns.conditions import Expression, expression
from pushproof.engines.logpatterns.errors import InvalidFilterPattern, invalid_characters
from pushproof.engines.logpatterns.tokens import Token, tokens_of
from pushproof.engines.logpatterns.values import Comparison, Value, comparison, number_of

_ELLIPSIS = "..."
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"\S+")
# Text between quotes or brackets is one field.
_CLOSING = {'"': '"', "[": "]"}


@dataclass(frozen=True)
class _Condition:
    name: str
    comparison: Comparison


@dataclass(frozen=True)
class _Field:
    name: str | None = None
    conditions: Expression[_Condition] | None = None


class DelimitedPattern:
    """A compiled pattern. Raises InvalidFilterPattern for one that CloudWatch Logs refuses."""

    kind = "delimited"

    def __init__(self, text: str) -> None:
        tokens = list(tokens_of(text, delimited=True))
        self._leading: list[_Field] = []
        self._trailing: list[_Field] | None = None
        for part in _parts(tokens) if tokens else ():
            if [token.text for token in part] == [_ELLIPSIS]:
                if self._trailing is not None:
                    raise InvalidFilterPattern()
                self._trailing = []
            else:
                (self._leading if self._trailing is None else self._trailing).append(_field(part))
        fields = [*self._leading, *(self._trailing or ())]
        conditions = [condition for field in fields if field.conditions for condition in field.conditions.conditions]
        self.regexes = sum(1 for condition in conditions if condition.comparison.regex is not None)

    def match(self, message: str) -> dict[str, str] | None:
        """The fields of a message by name, or number where they have none; None when it does not match."""
        everything = not self._leading and self._trailing is None
        open_ended = everything or self._trailing is not None
        values = _split(message, None if open_ended else len(self._leading))
        unnamed = len(values) - len(self._leading) - len(self._trailing or ())
        if unnamed < 0 or (unnamed and not open_ended):
            return None
        fields = [*self._leading, *(_Field() for _ in range(unnamed)), *(self._trailing or ())]
        extracted: dict[str, str] = {}
        for number, (field, text) in enumerate(zip(fields, values, strict=True), 1):
            value = Value(text, number_of(text))
            if field.conditions and not _hold(field.conditions, value):
                return None
            extracted[f"${field.name or number}"] = text
        return extracted


def _hold(conditions: Expression[_Condition], value: Value) -> bool:
    return conditions.holds(lambda condition: condition.comparison.holds(value))


def _parts(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token.kind == "comma":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _field(tokens: list[Token]) -> _Field:
    if not tokens:
        return _Field()
    if len(tokens) == 1:
        return _Field(_name(tokens[0]))
    conditions = expression(tokens, _condition)
    names = {condition.name for condition in conditions.conditions}
    if len(names) > 1:
        # A field's conditions are about that field alone.
        raise InvalidFilterPattern()
    return _Field(names.pop(), conditions)


def _condition(tokens: Sequence[Token]) -> tuple[_Condition, int]:
    if len(tokens) < 3 or tokens[1].kind != "sign" or tokens[1].value in ("(", ")", "&&", "||"):
        raise InvalidFilterPattern()
    return _Condition(_name(tokens[0]), comparison(tokens[1].value, tokens[2])), 3


def _name(token: Token) -> str:
    if token.kind != "word":
        raise InvalidFilterPattern()
    if not _NAME.fullmatch(token.value):
        raise invalid_characters(token.text)
    return token.value


def _split(message: str, most: int | None) -> list[str]:
    """The fields of a message. When their number is limited, the last field takes the rest of the message."""
    fields = list(_fields(message))
    if most is None or len(fields) <= most:
        return [text for _, text in fields]
    return [*(text for _, text in fields[: most - 1]), message[fields[most - 1][0] :].rstrip()]


def _fields(message: str) -> Iterator[tuple[int, str]]:
    """Yield the start of each field, and its text."""
    ends = dict.fromkeys(_CLOSING.values(), 0)
    word = _WORD.search(message)
    while word is not None:
        start, end, text = word.start(), word.end(), word.group()
        closing = _CLOSING.get(message[start])
        if closing is not None:
            if 0 <= ends[closing] <= start:
                ends[closing] = message.find(closing, start + 1)
            enclosed = ends[closing]
            if enclosed > 0 and message[enclosed + 1 : enclosed + 2].strip() == "":
                end, text = enclosed + 1, message[start + 1 : enclosed]
        yield start, text
        word = _WORD.search(message, end)
