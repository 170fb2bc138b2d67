"""Tests of texts: in any case, and with wildcards."""

from __future__ import annotations

import re
from collections.abc import Callable

from pushproof.engines.events.alternatives import Test
from pushproof.engines.events.document import JsonError


def folding(text: str) -> str:
    """A regular expression for a text in any case, character by character, as EventBridge folds it."""
    pieces = []
    for character in text:
        lower, upper = character.lower(), character.upper()
        same = lower == upper or ord(character) > 0xFFFF
        pieces.append(re.escape(character) if same else f"(?:{re.escape(lower)}|{re.escape(upper)})")
    return "".join(pieces)


def matcher(expression: str, how: str) -> Test:
    pattern = re.compile(expression)
    method: Callable[[str], object] = getattr(pattern, how)
    return lambda string: method(string) is not None


def globbing(text: str, at: int) -> Test:
    pieces = wildcard_pieces(text, at)
    return lambda string: _glob(string, pieces)


def wildcard_pieces(pattern: str, at: int = 0) -> list[str]:
    r"""The literal pieces between wildcards. `\*` and `\\` are the characters themselves. Raises JsonError.

    Positions count bytes, and the quote before the text.
    """
    pieces, current, index = [], "", 0
    while index < len(pattern):
        character, following = pattern[index], pattern[index + 1 : index + 2]
        if character == "\\":
            if following not in ("*", "\\"):
                raise JsonError(f"Invalid escape character at pos {_position(pattern, index)}", at)
            current += following
            index += 1
        elif character == "*":
            if following == "*":
                raise JsonError(f"Consecutive wildcard characters at pos {_position(pattern, index)}", at)
            pieces.append(current)
            current = ""
        else:
            current += character
        index += 1
    return [*pieces, current]


def _position(pattern: str, index: int) -> int:
    return len(pattern[:index].encode(errors="replace")) + 1


def _glob(value: str, pieces: list[str]) -> bool:
    """Leftmost matching of the pieces in turn: linear, where a regular expression would backtrack."""
    if len(pieces) == 1:
        return value == pieces[0]
    first, *middle, last = pieces
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    position, end = len(first), len(value) - len(last)
    for piece in middle:
        start = value.find(piece, position, end)
        if start < 0:
            return False
        position = start + len(piece)
    return True
