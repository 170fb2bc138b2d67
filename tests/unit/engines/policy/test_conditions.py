"""Conditions: every operator, IfExists, set operators, Null, and policy variables.

Pages: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html,
reference_policies_condition-single-vs-multi-valued-context-keys.html, reference_policies_variables.html.
"""

from __future__ import annotations

from typing import Any

import pytest

from pushproof.engines.policy import Policies, decide, parse, principal_of, request

ALICE = principal_of("arn:aws:iam::123456789012:user/alice", tags={"team": "yellow"})


def holds(block: dict[str, Any], context: dict[str, Any], version: str = "2012-10-17") -> bool:
    """Return whether an Allow under this condition lets the request through."""
    document = {
        "Version": version,
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": block},
    }
    return decide(request(ALICE, "s3:GetObject", "*", context), Policies(identity=(parse(document),))).allowed


CASES: list[tuple[str, Any, Any, bool]] = [
    ("StringEquals", "a*", "a*", True),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", ["x", "y"], "y", True),
    ("StringEquals", "A", "a", False),
    ("StringNotEquals", ["x", "y"], "y", False),
    ("StringNotEquals", ["x", "y"], "z", True),
    ("StringEqualsIgnoreCase", "ABC", "abc", True),
    ("StringNotEqualsIgnoreCase", "ABC", "abc", False),
    ("StringLike", "a*c?e", "abbcde", True),
    ("StringLike", "a*", "A", False),
    ("StringNotLike", "a*", "abc", False),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, "1e1", True),
    ("NumericNotEquals", 10, "10", False),
    ("NumericLessThan", 10, "9", True),
    ("NumericLessThan", 10, "10", False),
    ("NumericLessThanEquals", 10, "10", True),
    ("NumericGreaterThan", 10, "10", False),
    ("NumericGreaterThanEquals", 10, "ten", False),
    ("DateEquals", "2020-01-01T00:00:00Z", "1577836800", True),
    ("DateEquals", "2020-01-01", "2020-01-01T01:00:00+01:00", True),
    ("DateNotEquals", "2020-01-01", "2020-01-02", True),
    ("DateGreaterThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01.5Z", True),
    ("DateGreaterThanEquals", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", True),
    ("DateLessThan", "2020-06-30T23:59:59Z", "2020-07-01T00:00:00Z", False),
    ("DateLessThanEquals", "2020-06-30T23:59:59Z", "2020-06-30T23:59:59Z", True),
    ("Bool", "true", "true", True),
    ("Bool", True, "false", False),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QUJD", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::1", True),
    ("IpAddress", "203.0.113.7", "203.0.113.8", False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.7", False),
    ("ArnEquals", "arn:aws:sns:*:123456789012:t*", "arn:aws:sns:eu-west-1:123456789012:topic", True),
    ("ArnLike", "arn:aws:sns:*:topic", "arn:aws:sns:eu-west-1:123456789012:topic", False),
    ("ArnNotEquals", "arn:aws:sns:*:*:t", "arn:aws:sns:eu-west-1:1:t", False),
    ("ArnNotLike", "arn:aws:sns:*:*:t", "arn:aws:sns:eu-west-1:1:u", True),
]


@pytest.mark.parametrize(("operator", "wanted", "found", "expected"), CASES)
def test_operator(operator: str, wanted: Any, found: Any, expected: bool) -> None:
    """Each operator compares as its section of the page says."""
    assert holds({operator: {"k:x": wanted}}, {"K:X": found}) is expected


@pytest.mark.parametrize("operator", sorted({case[0] for case in CASES}))
def test_absent_key(operator: str) -> None:
    """An absent key fails a condition, passes a negated one, and passes any with IfExists."""
    wanted = next(case[1] for case in CASES if case[0] == operator)
    assert holds({operator: {"k:x": wanted}}, {}) is ("Not" in operator)
    assert holds({operator + "IfExists": {"k:x": wanted}}, {})


@pytest.mark.parametrize(
    ("wanted", "present", "expected"),
    [("true", True, False), ("true", False, True), ("false", True, True), (False, False, False)],
)
def test_null(wanted: Any, present: bool, expected: bool) -> None:
    """Null tests whether a key is absent ("true") or present ("false")."""
    assert holds({"Null": {"aws:TokenIssueTime": wanted}}, {"aws:TokenIssueTime": "1"} if present else {}) is expected


SETS = [
    # set operator, operator, the request's values, holds?  The policy's values are environment and webserver.
    ("ForAllValues", "StringEquals", ["environment"], True),
    ("ForAllValues", "StringEquals", ["environment", "webserver"], True),
    ("ForAllValues", "StringEquals", ["environment", "cost"], False),
    ("ForAllValues", "StringEquals", None, True),
    ("ForAllValues", "StringEquals", [""], True),
    ("ForAnyValue", "StringEquals", ["environment", "cost"], True),
    ("ForAnyValue", "StringEquals", ["cost"], False),
    ("ForAnyValue", "StringEquals", None, False),
    ("ForAllValues", "StringNotEquals", ["cost"], True),
    ("ForAllValues", "StringNotEquals", ["cost", "environment"], False),
    ("ForAllValues", "StringNotEquals", None, True),
    ("ForAnyValue", "StringNotEquals", ["cost", "environment"], True),
    ("ForAnyValue", "StringNotEquals", ["environment", "webserver"], False),
    ("ForAnyValue", "StringNotEquals", None, False),
]


@pytest.mark.parametrize(("quantifier", "operator", "found", "expected"), SETS)
def test_set_operators(quantifier: str, operator: str, found: list[str] | None, expected: bool) -> None:
    """ForAllValues and ForAnyValue come out as the page's truth tables show, absent keys included.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    context = {} if found is None else {"aws:TagKeys": found}
    assert holds({f"{quantifier}:{operator}": {"aws:TagKeys": ["environment", "webserver"]}}, context) is expected


def test_operators_and_keys_join_by_and() -> None:
    """All operators and all keys must hold; one key's values are alternatives.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
    """
    block = {"StringEquals": {"a:x": ["1", "2"], "a:y": "3"}, "NumericLessThan": {"a:z": 5}}
    assert holds(block, {"a:x": "2", "a:y": "3", "a:z": "4"})
    assert not holds(block, {"a:x": "2", "a:y": "3", "a:z": "6"})
    assert not holds(block, {"a:x": "2", "a:z": "4"})


@pytest.mark.parametrize(
    ("resource", "asked", "allowed"),
    [
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/alice/x", True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", False),
        ("arn:aws:s3:::b/${AWS:UserName}/*", "arn:aws:s3:::b/alice/x", True),
        ("arn:aws:s3:::b/${aws:PrincipalTag/team, 'company-wide'}/*", "arn:aws:s3:::b/yellow/x", True),
        ("arn:aws:s3:::b/${aws:PrincipalTag/unit, 'company-wide'}/*", "arn:aws:s3:::b/company-wide/x", True),
        ("arn:aws:s3:::b/${aws:PrincipalTag/unit}/*", "arn:aws:s3:::b//x", False),
        ("arn:aws:s3:::b/${*}${?}${$}", "arn:aws:s3:::b/*?$", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/anything", False),
    ],
)
def test_variables_in_resources(resource: str, asked: str, allowed: bool) -> None:
    """Variables are replaced by the request's values, by their default, or leave the statement without effect.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    policy = parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": resource}})
    assert decide(request(ALICE, "s3:GetObject", asked), Policies(identity=(policy,))).allowed is allowed


def test_a_value_put_in_brings_no_wildcards() -> None:
    """A wildcard in the value of a variable matches itself only."""
    assert not holds({"StringLike": {"k:x": "${k:y}"}}, {"k:x": "anything", "k:y": "*"})
    assert holds({"StringLike": {"k:x": "${k:y}"}}, {"k:x": "*", "k:y": "*"})


def test_variables_in_conditions() -> None:
    """A variable compares one key of the request with another; without its value the condition fails."""
    block = {"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}}
    assert holds(block, {"aws:ResourceTag/owner": "alice"})
    assert not holds(block, {"aws:ResourceTag/owner": "bob"})
    assert not holds({"StringNotEquals": {"aws:ResourceTag/owner": "${k:none}"}}, {"aws:ResourceTag/owner": "bob"})


def test_old_documents_have_no_variables() -> None:
    """A variable is plain text in version 2008-10-17."""
    block = {"StringEquals": {"k:x": "${aws:username}"}}
    assert holds(block, {"k:x": "${aws:username}"}, version="2008-10-17")
    assert not holds(block, {"k:x": "alice"}, version="2008-10-17")
