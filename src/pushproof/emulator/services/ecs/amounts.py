"""Limits of ECS: lengths of lists, ranges of numbers, tags, tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pushproof.aws.tags import MOST_TAGS, Rule, broken_rule, tag_pairs
from pushproof.emulator.kernel.errors import AwsError

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import TagTypeDef


def invalid(message: str) -> AwsError:
    """Return InvalidParameterException, ECS's code for almost every wrong parameter."""
    return AwsError("InvalidParameterException", message)


def unsupported(message: str) -> AwsError:
    """Return the refusal of a feature of ECS that is not emulated: 501, in words of ours that name it."""
    return AwsError("UnsupportedFeatureException", message, status=501)


def at_most(what: str, items: Sequence[object] | None, most: int) -> None:
    """Refuse a list that is too long, in ECS's words ("subnets can have at most 16 items.").

    https://github.com/hashicorp/terraform/issues/25306
    """
    if items is not None and len(items) > most:
        raise invalid(f"{what} can have at most {most} items.")


def in_range(what: str, value: object, least: int, most: int) -> None:
    """Refuse a number outside AWS's documented range. None is accepted."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise invalid(f"{what} must be at least {least}")
    if value > most:
        raise invalid(f"{what} must be at most {most}")


def one_of(what: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse a value outside a documented set. None and the empty string are accepted."""
    if value and value not in allowed:
        raise invalid(f"{value} is not a valid {what}. Must be one of [{', '.join(allowed)}]")


_TAG_RULES = {
    Rule.KEY_LENGTH: "Tag keys must be between 1 and 128 characters.",
    Rule.VALUE_LENGTH: "Tag values can be up to 256 characters.",
    Rule.NOT_RESERVED: "Tag keys cannot begin with aws:, which is reserved for AWS use.",
    Rule.UNIQUE: "Duplicate tag keys found.",
    Rule.NUMBER: f"tags can have at most {MOST_TAGS} items.",
}


def check_tags(tags: Iterable[TagTypeDef] | None, present: Mapping[str, str] | None = None) -> None:
    """Refuse what no tag may be: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html"""
    broken = broken_rule(tag_pairs(tags), present=present or (), rules=_TAG_RULES)
    if broken is not None:
        raise invalid(_TAG_RULES[broken.rule])


def check_token(token: object) -> None:
    """Refuse a client token of more than 36 printable ASCII characters (API_CreateService)."""
    if token and not re.fullmatch(r"[!-~]{1,36}", str(token)):
        raise invalid("Client token must be at most 36 printable ASCII characters.")
