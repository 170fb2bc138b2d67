"""The parser answers any input with a policy or a typed error that names the place."""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushproof.engines.policy import Kind, Policies, PolicyError, decide, parse, principal_of, request

ALICE = principal_of("arn:aws:iam::123456789012:user/alice")
GOOD: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def document(*statements: Any, **top: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **top}


@pytest.mark.parametrize(
    ("bad", "kind", "path", "words"),
    [
        (document({**GOOD, "Effect": "allow"}), Kind.IDENTITY, "$.Statement[0].Effect", "Allow or Deny"),
        (document({**GOOD, "Action": "GetObject"}), Kind.IDENTITY, "$.Statement[0].Action", "prefaced by a vendor"),
        (document({**GOOD, "Resource": "bucket"}), Kind.IDENTITY, "$.Statement[0].Resource", 'Resource bucket must be in ARN format or "*".'),
        (document({**GOOD, "Principal": "*"}), Kind.IDENTITY, "$.Statement[0].Principal", "should not specify a principal"),
        (document({"Effect": "Allow", "Resource": "*"}), Kind.IDENTITY, "$.Statement[0]", "must contain actions"),
        (document({"Effect": "Allow", "Action": "s3:*"}), Kind.IDENTITY, "$.Statement[0]", "must contain resources"),
        (document({**GOOD, "Sid": "a"}, {**GOOD, "Sid": "a"}), Kind.IDENTITY, "$.Statement[1].Sid", "must be unique"),
        (document({**GOOD, "NotAction": "s3:*"}), Kind.IDENTITY, "$.Statement[0].NotAction", "not both"),
        (document({**GOOD, "Actoin": "s3:*"}), Kind.IDENTITY, "$.Statement[0].Actoin", "unknown element 'Actoin'"),
        (document(GOOD, Version="2012-10-18"), Kind.IDENTITY, "$.Version", "must be version 2012-10-17 or greater"),
        (document({**GOOD, "Condition": {"StringMatches": {"a:b": "c"}}}), Kind.IDENTITY, '$.Statement[0].Condition.StringMatches["a:b"]', "Invalid Condition type : StringMatches."),
        (document({**GOOD, "Condition": {"NumericEquals": {"a:b": "ten"}}}), Kind.IDENTITY, '$.Statement[0].Condition.NumericEquals["a:b"]', "A number is expected, found 'ten'"),
        (document({**GOOD, "Condition": {"IpAddress": {"aws:SourceIp": "300.1.1.1"}}}), Kind.IDENTITY, '$.Statement[0].Condition.IpAddress["aws:SourceIp"]', "CIDR"),
        (document({**GOOD, "Resource": "arn:aws:s3:::b/${aws:username"}), Kind.IDENTITY, "$.Statement[0].Resource", "not closed"),
        (document(GOOD), Kind.RESOURCE, "$.Statement[0]", "Missing required field Principal."),
        (document({**GOOD, "Principal": {"Service": "*"}}), Kind.RESOURCE, "$.Statement[0].Principal.Service", 'Invalid principal in policy: "Service":"*".'),
        (document({**GOOD, "Principal": "*"}), Kind.TRUST, "$.Statement[0].Resource", "Has prohibited field Resource."),
        ({"Version": "2012-10-17"}, Kind.IDENTITY, "$", "missing required element Statement"),
    ],
)  # fmt: skip
def test_error_says_what_and_where(bad: dict[str, Any], kind: Kind, path: str, words: str) -> None:
    """A malformed document is refused with AWS's code, its words where it has them, and the JSON path."""
    with pytest.raises(PolicyError) as caught:
        parse(json.dumps(bad, indent=2), kind)
    assert caught.value.code == "MalformedPolicyDocument"
    assert caught.value.path == path
    assert words in caught.value.message
    assert caught.value.position is not None


def test_position_points_into_the_text() -> None:
    """The line and column are those of the offending value."""
    text = '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {"Effect": "Perhaps"}\n  ]\n}'
    with pytest.raises(PolicyError) as caught:
        parse(text)
    assert (caught.value.position.line, caught.value.position.column) == (4, 16)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "valid JSON"), ("", "valid JSON"), ("[" * 100_000, "nested too deeply"), ("NaN", "valid JSON"), ('{"a": 1, "a": 2}', "Duplicate JSON key 'a'"),
     ('{"Version": ' + "9" * 5000 + "}", "valid JSON"), (b"\xff", "not UTF-8"), ("[]", "a JSON object is expected"), ("null", "found nothing")],
)  # fmt: skip
def test_text_that_is_no_policy(text: str | bytes, words: str) -> None:
    """Text that is not JSON, or not an object, is refused in the same way."""
    with pytest.raises(PolicyError, match=words):
        parse(text)


PIECES = [
    '{"Version": "2012-10-17", "Statement": [', '{"Effect": "Allow", ', '"Action": "s3:*", ', '"Resource": "*"', "}", "]", "{", "[", ",", ":", '"Condition": ',
    '{"StringEquals": {"a:b": "c"}}', '{"ForAllValues:DateLessThan": {"a:b": "2020"}}', '"Principal": {"AWS": "*"}', '"NotPrincipal"', '"${aws:username"', "null", "true",
    "1e999", "-0", "9" * 400, '"\\u0000"', '"\\ud800"', "\x00", '"Sid"', '"Null"', "\u2028", "'", "\\", "[[[[[[[[[[", '{"": {"": ""}}',
]  # fmt: skip
_words = st.sampled_from(
    [
        "Version",
        "Statement",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
        "Sid",
        "Id",
        "StringLike",
        "NumericEqualsIfExists",
        "ForAnyValue:IpAddress",
        "Null",
        "Bool",
        "AWS",
        "Service",
        "aws:x",
        "2012-10-17",
        "Allow",
        "Deny",
        "s3:*",
        "*",
        "arn:aws:s3:::b",
        "${a:b}",
    ]
)
_trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=6), _words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_words, inner, max_size=5)),
    max_leaves=15,
)
_statements = st.fixed_dictionaries(
    {"Effect": st.one_of(st.just("Allow"), _trees), "Action": st.one_of(st.just("s3:*"), _trees)},
    optional={"Resource": st.one_of(st.just("*"), _trees), "Principal": _trees, "Condition": st.dictionaries(_words, st.dictionaries(_words, _trees, max_size=2), max_size=2), "Sid": _trees},
)  # fmt: skip


def judge(text: object) -> None:
    """Parse as every kind; a policy that is accepted must be decidable, a refusal must say where."""
    for kind in (Kind.IDENTITY, Kind.RESOURCE, Kind.TRUST):
        refusal: PolicyError | None = None
        try:
            policy = parse(text, kind)  # type: ignore[arg-type]
        except PolicyError as error:
            refusal = error
        if refusal is not None:
            assert refusal.path.startswith("$")
            assert refusal.message
            continue
        asked = request(ALICE, "s3:GetObject", "arn:aws:s3:::b", {"aws:x": ["1", ""]})
        assert decide(asked, Policies(identity=(policy,))).reason


def test_ten_thousand_mangled_texts() -> None:
    """Ten thousand mangled documents give a policy or a PolicyError, never anything else."""
    source = random.Random(7)
    whole = json.dumps(document({**GOOD, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}))
    for _ in range(5_000):
        judge("".join(source.choice(PIECES) for _ in range(source.randint(1, 14))))
        text = list(whole)
        for _ in range(source.randint(1, 4)):
            at = source.randrange(len(text))
            text[at : at + source.randint(0, 2)] = source.choice(
                ['"', "{", "}", "[", "]", ",", "x", "\\", "*", "${", "", "\n", "0"]
            )
        judge("".join(text))


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        _trees,
        st.fixed_dictionaries(
            {"Statement": st.one_of(_statements, st.lists(_statements, max_size=2))},
            optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17"])},
        ),
    )
)
def test_any_object_is_judged(tree: object) -> None:
    """Any object, as such and as text, gives a policy or a PolicyError."""
    judge(tree)
    with contextlib.suppress(ValueError):
        judge(json.dumps(tree))
