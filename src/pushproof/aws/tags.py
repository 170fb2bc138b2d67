"""Tags: the forms that services write them in, and the rules that they keep on every service of AWS.

A service chooses the rules that it checks, and the words of its refusal.

Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

MOST_TAGS = 50
_ALLOWED = frozenset("_.:/=+-@")


class PascalTag(TypedDict):
    """A tag in the member names of most services."""

    Key: str
    Value: str


class CamelTag(TypedDict):
    """A tag in the member names of ECS and the Code services."""

    key: str
    value: str


def pascal_tags(tags: Mapping[str, str]) -> list[PascalTag]:
    """List tags as most services do."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def camel_tags(tags: Mapping[str, str]) -> list[CamelTag]:
    """List tags as ECS and the Code services do."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def tag_pairs(tags: Iterable[Mapping[str, object]] | None) -> list[tuple[str, str]]:
    """Return keys and values of a list of tags in any service's member names; a missing value is empty.

    `Key` and `Value` of most services, `key` and `value` of ECS and the Code services, `TagKey` and `TagValue` of KMS.
    """
    return [(_member(tag, "key"), _member(tag, "value")) for tag in tags or ()]


def tag_map(tags: Iterable[Mapping[str, object]] | None) -> dict[str, str]:
    """Return a list of tags in any service's member names as a mapping."""
    return dict(tag_pairs(tags))


def _member(tag: Mapping[str, object], name: str) -> str:
    pascal = name.capitalize()
    return str(tag.get(pascal) or tag.get(name) or tag.get(f"Tag{pascal}") or "")


class Rule(enum.Enum):
    """Rules of tags."""

    UNIQUE = enum.auto()
    NOT_RESERVED = enum.auto()
    KEY_LENGTH = enum.auto()
    VALUE_LENGTH = enum.auto()
    CHARACTERS = enum.auto()
    NUMBER = enum.auto()


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that tags break; `key` is the tag's, and `text` says it in a sentence."""

    rule: Rule
    key: str
    text: str


def broken_rule(
    tags: Iterable[tuple[str, str]],
    *,
    present: Iterable[str] = (),
    rules: Collection[Rule] = tuple(Rule),
    key_length: int = 128,
    value_length: int = 256,
    most: int = MOST_TAGS,
) -> BrokenRule | None:
    """The first rule that tags break; None when they keep them all. Their number is the last rule.

    Args:
        tags: Keys and values of a request, a key as often as the request has it.
        present: Keys that the resource has already.
        rules: The rules to check.
        key_length: The most characters of a key.
        value_length: The most characters of a value.
        most: The most tags of a resource.
    """
    seen: set[str] = set()
    for key, value in tags:
        for rule, text in _broken(key, value, seen, key_length, value_length):
            if rule in rules:
                return BrokenRule(rule, key, text)
        seen.add(key)
    if Rule.NUMBER in rules and len({*present, *seen}) > most:
        return BrokenRule(Rule.NUMBER, "", f"A resource can have {most} tags at most.")
    return None


def _broken(key: str, value: str, seen: set[str], key_length: int, value_length: int) -> Iterable[tuple[Rule, str]]:
    if key in seen:
        yield Rule.UNIQUE, f"Tag keys must be unique: {key} is given more than once."
    if key.lower().startswith("aws:"):
        yield Rule.NOT_RESERVED, f"Tag keys beginning with aws: are reserved: {key}."
    for word, text, most, rule in (
        ("key", key, key_length, Rule.KEY_LENGTH),
        ("value", value, value_length, Rule.VALUE_LENGTH),
    ):
        if len(text) > most:
            yield rule, f"A tag {word} can have {most} characters at most: {text[:40]}…"
        if not all(_allowed(character) for character in text):
            yield Rule.CHARACTERS, f"A tag {word} can hold letters, digits, spaces and _ . : / = + - @ only: {text}"
    if not key:
        yield Rule.KEY_LENGTH, "A tag key must have at least one character."


def _allowed(character: str) -> bool:
    return character in _ALLOWED or unicodedata.category(character)[0] in "LNZ"
