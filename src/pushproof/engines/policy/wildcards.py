"""Wildcards: ``*`` any run of characters, ``?`` any single one.

Patterns are kept *coded*: a wildcard is a control character that no policy may contain, so a literal asterisk
(from ``${*}`` or from the value of a policy variable) can appear beside one. Matching never backtracks, so no
pattern can make a decision slow.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
"""

from __future__ import annotations

import re
from collections.abc import Callable

ANY_RUN = "\x00"
ANY_ONE = "\x01"

Matcher = Callable[[str], bool]

_ENCODE = str.maketrans({"*": ANY_RUN, "?": ANY_ONE})
_DECODE = str.maketrans({ANY_RUN: "*", ANY_ONE: "?"})
_STRIP = str.maketrans({ANY_RUN: None, ANY_ONE: None})


def encode(text: str) -> str:
    """Turn the wildcards of a written pattern into coded ones."""
    return text.translate(_ENCODE)


def decode(coded: str) -> str:
    """The text of a coded pattern, wildcards written as ``*`` and ``?`` again."""
    return coded.translate(_DECODE)


def literal(text: str) -> str:
    """Text that will match only itself inside a coded pattern."""
    return text.translate(_STRIP)


def glob(coded: str) -> Matcher:
    """A predicate telling whether a text matches the whole coded pattern."""
    if ANY_RUN not in coded:
        if ANY_ONE not in coded:
            return coded.__eq__
        return _part(coded).whole
    first, *rest = coded.split(ANY_RUN)
    last = rest.pop()
    middle = [part for part in rest if part]
    if not middle and not last and ANY_ONE not in first:
        if not first:
            return _anything
        return lambda text: text.startswith(first)
    head, tail, parts = _part(first), _part(last), [_part(part) for part in middle]
    shortest = len(first) + len(last)

    def matches(text: str) -> bool:
        if len(text) < shortest or not head.at(text, 0) or not tail.at(text, len(text) - len(last)):
            return False
        index, end = len(first), len(text) - len(last)
        for part in parts:
            index = part.after(text, index, end)
            if index < 0:
                return False
        return True

    return matches


def resource_glob(coded: str) -> Matcher:
    """Match a Resource element. A ``*`` that ends an ARN segment may run past colons; one inside a segment may not."""
    segments = coded.split(":", 5)
    if len(segments) < 6 or not any(
        ANY_RUN in segment[:-1] or ANY_ONE in segment for segment in segments[:5] if segment
    ):
        return glob(coded)
    return arn_glob(coded)


def arn_glob(coded: str) -> Matcher:
    """Match an ARN component by component, as ArnEquals and ArnLike do: each of the six is checked on its own."""
    if coded == ANY_RUN:
        return _anything
    segments = coded.split(":", 5)
    matchers = [glob(segment) for segment in segments]

    def matches(text: str) -> bool:
        parts = text.split(":", 5)
        return len(parts) == len(matchers) and all(matcher(part) for matcher, part in zip(matchers, parts, strict=True))

    return matches


def _anything(_text: str) -> bool:
    return True


class _Plain:
    """A stretch of pattern without wildcards."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def whole(self, text: str) -> bool:
        return text == self.text

    def at(self, text: str, index: int) -> bool:
        return text.startswith(self.text, index)

    def after(self, text: str, index: int, end: int) -> int:
        start = text.find(self.text, index, end)
        return start if start < 0 else start + len(self.text)


class _Dotted:
    """A stretch of pattern of fixed length in which some characters are free."""

    __slots__ = ("expression",)

    def __init__(self, coded: str) -> None:
        self.expression = re.compile("".join("." if c == ANY_ONE else re.escape(c) for c in coded), re.DOTALL)

    def whole(self, text: str) -> bool:
        return self.expression.fullmatch(text) is not None

    def at(self, text: str, index: int) -> bool:
        return self.expression.match(text, index) is not None

    def after(self, text: str, index: int, end: int) -> int:
        match = self.expression.search(text, index, end)
        return -1 if match is None else match.end()


def _part(coded: str) -> _Plain | _Dotted:
    return _Dotted(coded) if ANY_ONE in coded else _Plain(coded)
