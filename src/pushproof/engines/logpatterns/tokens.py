"""Tokens of the conditions in JSON and space-delimited patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pushproof.engines.logpatterns.errors import InvalidFilterPattern, invalid_characters

Kind = Literal["sign", "selector", "word", "quoted", "regex", "comma"]

_SIGNS = re.compile(r"&&|\|\||!=|>=|<=|[=<>()]")
_WORD = re.compile(r"[A-Za-z0-9_.*+-]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_REGEX = re.compile(r"%([^%]*)%")
_SELECTOR_PART = re.compile(r"\.?\['([^'\]]+)'\]|\.([A-Za-z0-9_-]+|\*)|\[([0-9]+|\*)\]")
_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class Token:
    """A piece of a pattern: its text, and its value."""

    kind: Kind
    text: str
    value: str


@dataclass(frozen=True)
class Selector(Token):
    """A property of a JSON event. Each step is a name, an index, or None for every element or field."""

    steps: tuple[str | int | None, ...] = ()


def unquoted(quoted: str) -> str:
    """The text that quotes enclose, its escapes undone."""
    return _ESCAPED.sub(r"\1", quoted)


def tokens_of(text: str, *, delimited: bool) -> Iterator[Token]:
    """The tokens of a condition. Raises InvalidFilterPattern at text that begins none.

    `delimited`: whether the pattern is one for space-delimited events, which has commas and no selectors.
    """
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        token = _token(text, position, delimited)
        yield token
        position += len(token.text)


def _token(text: str, position: int, delimited: bool) -> Token:
    character = text[position]
    if character == "," and delimited:
        return Token("comma", ",", ",")
    if character == "$" and not delimited:
        return _selector(text, position)
    if character == "%":
        regex = _REGEX.match(text, position)
        if regex is None:
            raise InvalidFilterPattern()
        return Token("regex", regex.group(), regex.group(1))
    if character == '"':
        quoted = _QUOTED.match(text, position)
        if quoted is None:
            raise invalid_characters(text[position:])
        return Token("quoted", quoted.group(), unquoted(quoted.group(1)))
    for kind, form in (("sign", _SIGNS), ("word", _WORD)):
        match = form.match(text, position)
        if match is not None:
            return Token("sign" if kind == "sign" else "word", match.group(), match.group())
    raise invalid_characters(character)


def _selector(text: str, start: int) -> Selector:
    steps: list[str | int | None] = []
    position = start + 1
    while text[position : position + 1] in (".", "[") and (steps or text[position] == "."):
        part = _SELECTOR_PART.match(text, position)
        if part is None:
            # The refusal shows the valid beginning of the selector, and one character more.
            raise invalid_characters(text[start : position + 2])
        quoted, name, index = part.groups()
        step = quoted or name or index
        steps.append(None if step == "*" and not quoted else int(step) if index else step)
        position = part.end()
    if not steps:
        raise invalid_characters(text[start : position + 1])
    if steps.count(None) > 1:
        raise InvalidFilterPattern()
    source = text[start:position]
    return Selector("selector", source, source, tuple(steps))
