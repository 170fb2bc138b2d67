"""Patterns for unstructured events: words, `"exact phrases"`, `?either ?or`, `-without`, or one regular expression.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-unstructured-log-events.html
"""

from __future__ import annotations

import re

from pushproof.engines.logpatterns.errors import InvalidFilterPattern, invalid_characters
from pushproof.engines.logpatterns.regex import Regex
from pushproof.engines.logpatterns.tokens import unquoted

_WORD = re.compile(r"[A-Za-z0-9_]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SPACE = re.compile(r"\s*")


class TextPattern:
    """A compiled pattern. Raises InvalidFilterPattern for one that CloudWatch Logs refuses."""

    kind = "text"
    regexes = 0

    def __init__(self, text: str) -> None:
        self._terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
        blank = _QUOTED.fullmatch(text)
        if not text or (blank is not None and not blank.group(1).strip()):
            # `" "` is how the documentation writes "everything".
            return
        position = 0
        while position < len(text):
            sign = text[position] if text[position] in "?-" else ""
            position = _after_space(text, position + len(sign))
            term, position = _term(text, position)
            self._terms[sign].append(term)
            position = _after_space(text, position)

    def match(self, message: str) -> dict[str, str] | None:
        """No values; None when the pattern does not match a message."""
        include, either, exclude = self._terms.values()
        holds = all(term in message for term in include) and not any(term in message for term in exclude)
        if either and not include and not exclude:
            # Beside other terms, the optional ones are ignored.
            holds = any(term in message for term in either)
        return {} if holds else None


class RegexPattern:
    """A pattern that is one regular expression."""

    kind = "regex"
    regexes = 1

    def __init__(self, text: str) -> None:
        if len(text) < 2 or not text.endswith("%") or "%" in text[1:-1]:
            raise InvalidFilterPattern()
        self._regex = Regex(text[1:-1])

    def match(self, message: str) -> dict[str, str] | None:
        """No values; None when the expression is nowhere in a message."""
        return {} if self._regex.found_in(message) else None


def _after_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _term(text: str, position: int) -> tuple[str, int]:
    if position >= len(text) or text[position] in "?-":
        raise InvalidFilterPattern()
    word = _WORD.match(text, position)
    if word is not None:
        return word.group(), word.end()
    if text[position] != '"':
        raise invalid_characters(text[position])
    quoted = _QUOTED.match(text, position)
    if quoted is None:
        raise invalid_characters(text[position:])
    if not quoted.group(1):
        raise InvalidFilterPattern()
    return unquoted(quoted.group(1)), quoted.end()
