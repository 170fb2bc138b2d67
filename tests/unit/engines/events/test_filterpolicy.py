"""Filter policies against what SNS itself answered.

Recorded: https://github.com/localstack/localstack tests/aws/services/sns/test_sns_filter_policy.py and its snapshot. Rules:
https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html , string-value-matching.html,
numeric-value-matching.html, attribute-key-matching.html
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engines.damage import damaged

from pushproof.engines.events import InvalidFilterPolicy, MessageAttribute, compile_filter_policy

REFUSED = [
    ('{"key": [["value"]]}', "Match value must be String, number, true, false, or null", 10),
    ('{"key": [{"wrong-operator": true}]}', "Unrecognized match type wrong-operator", 31),
    ('{"key": [{"suffix": "value", "prefix": "value2"}]}', "Only one key allowed in match expression", 37),
    ('{"key": []}', "Empty arrays are not allowed", 10),
    ('{"key": [{"suffix": null}]}', "suffix match pattern must be a string", 23),
    ('{"key": {"suffix": "value"}}', '"suffix" must be an object or an array', 19),
    ('{"key": [{"cidr": ["bad-filter"]}]}', "prefix match pattern must be a string", 18),
    ('{"key": [{"numeric": [1, "<="]}]}', "Invalid member in numeric match: 1", 22),
    ('{"key": [{"numeric": [">", 20, "test"]}]}', "Bad numeric range operator: test", 34),
    ('{"key": [{"numeric": [">", 20, "<", 30, "<", 50]}]}', "Too many terms in numeric range expression", 36),
    ('{"key": [{"exists": "no"}]}', "exists match pattern must be either true or false.", 20),
    ('{"key": [{"anything-but": {"suffix": "test"}}]}', "Unsupported anything-but pattern: suffix", 36),
    ('{"key": [{"anything-but": {"prefix": false}}]}', "prefix match pattern must be a string", 40),
    ('{"key": [{"wildcard": "a*"}]}', "Unrecognized match type wildcard", 22),
]


@pytest.mark.parametrize(("policy", "reason", "column"), REFUSED)
def test_refusals_with_their_place(policy: str, reason: str, column: int) -> None:
    """The place is that in the policy as SNS keeps it, without its spaces."""
    with pytest.raises(InvalidFilterPolicy) as caught:
        compile_filter_policy(policy, "MessageBody")
    kept = json.dumps(json.loads(policy), separators=(",", ":"))
    assert str(caught.value) == f'FilterPolicy: {reason}\n at [Source: (String)"{kept}"; line: 1, column: {column}]'


def values(count: int) -> list[str]:
    return [f"v{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("policy", "scope", "refusal"),
    [
        ({"a": values(150)}, "MessageAttributes", None),
        ({"a": values(151)}, "MessageAttributes", "FilterPolicy: Filter policy is too complex"),
        ({"a": values(100), "b": values(51)}, "MessageAttributes", "FilterPolicy: Filter policy is too complex"),
        (
            {key: ["v"] for key in "abcdef"},
            "MessageAttributes",
            "FilterPolicy: Filter policy can not have more than 5 keys",
        ),
        # (3 * 6) + (3 * 4 * 4) + (3 * 4 * 7) = 150, and with a fourth source 200
        (
            {
                "s": values(3),
                "$or": [{"m": values(6)}, {"t": values(4), "$or": [{"i": values(4)}, {"p": values(7)}]}],
            },
            "MessageAttributes",
            None,
        ),
        (
            {
                "s": values(4),
                "$or": [{"m": values(6)}, {"t": values(4), "$or": [{"i": values(4)}, {"p": values(4)}]}],
            },
            "MessageAttributes",
            "FilterPolicy: Filter policy is too complex",
        ),
        # Deeper keys count for more: (3 * 4 * 2) + (3 * 4 * 6) + (2 * 4 * 2) + (2 * 4 * 6) = 160
        (
            {
                "$or": [{"m": values(3)}, {"n": values(2)}],
                "d": {"s": values(2), "$or": [{"x": values(1)}, {"y": values(3)}]},
            },
            "MessageBody",
            "FilterPolicy: Filter policy is too complex",
        ),
        (
            {"a": {"b": ["c"]}},
            "MessageAttributes",
            "Filter policy scope MessageAttributes does not support nested filter policy",
        ),
        (
            {"$or": [{"a": {"b": ["c"]}}, {"d": ["e"]}]},
            "MessageAttributes",
            "Filter policy scope MessageAttributes does not support nested filter policy",
        ),
    ],
)
def test_constraints(policy: dict[str, Any], scope: Any, refusal: str | None) -> None:
    """Keys, combinations and nesting are limited as SNS limits them. [test_policy_complexity, ..._with_or]"""
    if refusal is None:
        compile_filter_policy(json.dumps(policy), scope)
        return
    with pytest.raises(InvalidFilterPolicy) as caught:
        compile_filter_policy(json.dumps(policy), scope)
    assert str(caught.value) == refusal


STRING, NUMBER, ARRAY, BINARY = "String", "Number", "String.Array", "Binary"

BY_ATTRIBUTE = [
    ('{"a": ["x", "y"]}', {"a": (STRING, "y")}, True),
    ('{"a": ["x"], "b": ["y"]}', {"a": (STRING, "x")}, False),
    ('{"a": [{"anything-but": ["x", "y"]}]}', {"a": (STRING, "z")}, True),
    ('{"a": [{"anything-but": {"prefix": "x"}}]}', {"a": (STRING, "xy")}, False),
    ('{"a": [{"equals-ignore-case": "Tennis"}]}', {"a": (STRING, "TENNIS")}, True),
    ('{"a": [{"cidr": "10.0.0.0/24"}]}', {"a": (STRING, "10.0.0.7")}, True),
    ('{"a": [{"numeric": [">", 0, "<=", 150]}]}', {"a": (NUMBER, "150.0")}, True),
    ('{"a": [{"numeric": ["=", 301.5]}]}', {"a": (NUMBER, "3.015e2")}, True),
    ('{"a": [100]}', {"a": (NUMBER, "100.0")}, True),
    ('{"a": [{"exists": true}]}', {"a": (STRING, "")}, True),
    ('{"a": [{"exists": false}]}', {"b": (STRING, "x")}, True),
    ('{"a": ["soccer"]}', {"a": (ARRAY, '["tennis", "soccer", 4, null]')}, True),
    ('{"a": [4]}', {"a": (ARRAY, '["tennis", "soccer", 4, null]')}, True),
    ('{"a": [null]}', {"a": (ARRAY, '["tennis", null]')}, True),
    ('{"a": ["x"]}', {"a": (ARRAY, "no array")}, False),
    ('{"a": ["x"]}', {"a": (BINARY, "x")}, False),
    ('{"$or": [{"a": ["x"]}, {"b": ["y"]}]}', {"b": (STRING, "y")}, True),
]


@pytest.mark.parametrize(("policy", "attributes", "expected"), BY_ATTRIBUTE)
def test_matching_by_attributes(policy: str, attributes: dict[str, tuple[str, str]], expected: bool) -> None:
    """Attributes are compared by their type; those that are binary never match."""
    given_ = {name: MessageAttribute(*attribute) for name, attribute in attributes.items()}
    assert compile_filter_policy(policy, "MessageAttributes").matches(given_, "") is expected


BY_BODY = [
    ('{"a": {"b": ["x"]}}', '{"a": {"b": "x"}}', True),
    ('{"a.b": ["x"]}', '{"a": {"b": "x"}}', True),
    ('{"a": {"b": ["x"]}}', '{"a.b": "x"}', True),
    ('{"a": ["x"]}', "no json", False),
    ('{"a": ["x"]}', '["x"]', False),
    ('{"a": [{"exists": false}]}', "{}", True),
    ('{"a": [{"exists": false}]}', "no json", False),
]


@pytest.mark.parametrize(("policy", "body", "expected"), BY_BODY)
def test_matching_by_body(policy: str, body: str, expected: bool) -> None:
    """Bodies are compared field by field; what is no JSON object never passes."""
    assert compile_filter_policy(policy, "MessageBody").matches({}, body) is expected


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([policy for policy, *_ in REFUSED]), st.integers(0))
def test_any_policy_compiles_or_is_refused(policy: str, seed: int) -> None:
    """Any text is a policy, or is refused."""
    for text in damaged(policy, seed, 10, '{}[]",:\\0e.-$or\n'):
        with contextlib.suppress(InvalidFilterPolicy):
            assert compile_filter_policy(text, "MessageBody").matches({}, text) in (True, False)
