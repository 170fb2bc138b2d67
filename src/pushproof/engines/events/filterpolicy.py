"""Filter policies of SNS subscriptions: EventBridge's matcher under SNS's rules.

Sources: https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html , string-value-matching.html,
numeric-value-matching.html, attribute-key-matching.html, and-or-logic.html, subscription-filter-policy-constraints.html; refusals
recorded by https://github.com/localstack/localstack (tests/aws/services/sns/test_sns_filter_policy.snapshot.json).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pushproof.engines.events.alternatives import Dialect
from pushproof.engines.events.document import JsonError, place, read_json, shown_place
from pushproof.engines.events.errors import InvalidEventPattern
from pushproof.engines.events.pattern import EventPattern, Number, compile_pattern

Scope = Literal["MessageAttributes", "MessageBody"]

#: "A filter policy can have a maximum of five attribute names", and "the total combination of values must not exceed 150".
MAXIMUM_KEYS = 5
MAXIMUM_COMBINATIONS = 150

_SNS = Dialect(
    frozenset({"prefix", "suffix", "numeric", "anything-but", "exists", "cidr", "equals-ignore-case"}),
    frozenset({"prefix"}),
    lists=False,
)


class InvalidFilterPolicy(ValueError):
    """A filter policy that SNS refuses. The text follows "Invalid parameter: " in SNS's message."""


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """An attribute of a message: its type (String, Number, Binary, String.Array, …) and its text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    """A compiled filter policy."""

    pattern: EventPattern
    scope: Scope

    def matches(self, attributes: Mapping[str, MessageAttribute], body: str) -> bool:
        """Return whether a message passes. A body that is no JSON object never does, where the policy looks at the body."""
        if self.scope == "MessageBody":
            content = _read(body)
            return isinstance(content, dict) and self.pattern.matches(content)
        values: dict[str, Any] = {}
        for name, attribute in attributes.items():
            value = _value(attribute)
            if value is not None:
                values[name] = value
        return self.pattern.matches(values)


def compile_filter_policy(text: str, scope: Scope) -> FilterPolicy:
    """Compile a filter policy. Raises InvalidFilterPolicy."""
    try:
        read_json(text)
        content = json.loads(text, parse_int=_Written, parse_float=_Written)
    except JsonError as error:
        raise InvalidFilterPolicy(f"FilterPolicy: {_unreadable(error.reason, text, error.at)}") from None
    # SNS keeps a policy without its spaces, and counts places in that.
    compact = _write(content)
    if isinstance(content, dict) and len(content) > MAXIMUM_KEYS:
        raise InvalidFilterPolicy(f"FilterPolicy: Filter policy can not have more than {MAXIMUM_KEYS} keys")
    try:
        pattern = compile_pattern(compact, _SNS)
    except InvalidEventPattern as error:
        where = "\n at " + shown_place(compact, error.at) if error.places else ""
        raise InvalidFilterPolicy(f"FilterPolicy: {error.reason}{where}") from None
    if _combinations(content, 1, 1) > MAXIMUM_COMBINATIONS:
        raise InvalidFilterPolicy("FilterPolicy: Filter policy is too complex")
    if scope == "MessageAttributes" and _is_nested(content):
        raise InvalidFilterPolicy("Filter policy scope MessageAttributes does not support nested filter policy")
    return FilterPolicy(pattern, scope)


def unreadable_json(text: str) -> str | None:
    """SNS's words for a text that is no JSON; None for one that is."""
    try:
        read_json(text)
    except JsonError as error:
        return _unreadable(error.reason, text, error.at)
    return None


def _unreadable(reason: str, text: str, at: int) -> str:
    line, column = place(text, at)
    hidden = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
    return f"failed to parse JSON. {reason}\n at [Source: {hidden}; line: {line}, column: {column}]"


class _Written(str):
    """A number as it is written."""

    __slots__ = ()


def _write(value: Any) -> str:
    if isinstance(value, _Written):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_write(name)}:{_write(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_write(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _combinations(policy: Any, depth: int, so_far: int) -> int:
    """The product over all keys of number of values times depth; `$or` adds up its options."""
    if not isinstance(policy, dict):
        return so_far
    for name, value in policy.items():
        if name == "$or" and isinstance(value, list):
            so_far = sum(_combinations(option, depth, so_far) for option in value)
        elif isinstance(value, dict):
            so_far = _combinations(value, depth + 1, so_far)
        elif isinstance(value, list):
            so_far *= len(value) * depth
    return so_far


def _is_nested(policy: Any) -> bool:
    if not isinstance(policy, dict):
        return False
    options = policy.get("$or")
    below = options if isinstance(options, list) else []
    return any(isinstance(value, dict) for value in policy.values()) or any(_is_nested(option) for option in below)


def _value(attribute: MessageAttribute) -> Any:
    """The value that a policy looks at; None for binary ones, and for arrays that are none."""
    kind = attribute.kind.partition(".")[0]
    if attribute.kind == "String.Array":
        content = _read(attribute.text)
        return content if isinstance(content, list) else None
    if kind == "Number":
        return Number(attribute.text.strip())
    return attribute.text if kind == "String" else None


def _read(text: str) -> Any:
    try:
        return json.loads(text, parse_int=Number, parse_float=Number)
    except (ValueError, RecursionError):
        return None
