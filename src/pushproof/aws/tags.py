"""Rules for tags that every service of AWS applies.

Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

MOST_TAGS = 50
_ALLOWED = frozenset("_.:/=+-@")


def broken_rule(tags: Iterable[tuple[str, str]], *, key_length: int = 128, value_length: int = 256) -> str | None:
    """Return the first rule that keys and values break, as a sentence; None if they break none."""
    earlier: set[str] = set()
    for key, value in tags:
        if key in earlier:
            return f"Tag keys must be unique: {key} is given more than once."
        earlier.add(key)
        if key.lower().startswith("aws:"):
            return f"Tag keys beginning with aws: are reserved: {key}."
        for word, text, most in (("key", key, key_length), ("value", value, value_length)):
            if len(text) > most:
                return f"A tag {word} can have {most} characters at most: {text[:40]}…"
            if not all(_allowed(character) for character in text):
                return f"A tag {word} can hold letters, digits, spaces and _ . : / = + - @ only: {text}"
        if not key:
            return "A tag key must have at least one character."
    return None


def too_many(present: Mapping[str, str], added: Iterable[str]) -> bool:
    """Return whether a resource would have more than 50 tags."""
    return len({*present, *added}) > MOST_TAGS


def _allowed(character: str) -> bool:
    return character in _ALLOWED or unicodedata.category(character)[0] in "LNZ"
