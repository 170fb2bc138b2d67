"""Properties of every policy: allows only widen, denies only narrow, and an independent reading agrees."""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

import fnmatch
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.policy import Effect, Kind, Policies, Policy, decide, parse, principal_of, request

ACCOUNT = "111122223333"
CALLERS = [
    principal_of(f"arn:aws:iam::{ACCOUNT}:user/u"),
    principal_of(f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"),
    principal_of(f"arn:aws:iam::{ACCOUNT}:root"),
    principal_of("events.amazonaws.com"),
]
_actions = st.sampled_from(["s3:GetObject", "s3:PutObject", "ecs:RunTask"])
_patterns = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:?utObject", "ecs:RunTask", "S3:getobject"])
_resources = st.sampled_from(["arn:aws:s3:::a/x", "arn:aws:s3:::a/y", "arn:aws:s3:::b/x"])
_targets = st.sampled_from(
    ["*", "arn:aws:s3:::a/*", "arn:aws:s3:::*/x", "arn:aws:s3:::b/x", "arn:aws:s3:::${k:p, 'a'}/x"]
)
_conditions = st.sampled_from(
    [
        {},
        {"StringEquals": {"k:p": "a"}},
        {"StringNotLike": {"k:p": "b*"}},
        {"Null": {"k:p": "true"}},
        {"ForAnyValue:StringLike": {"k:q": ["x*", "y"]}},
    ]
)
_contexts = st.fixed_dictionaries(
    {}, optional={"k:p": st.sampled_from(["a", "b"]), "k:q": st.lists(st.sampled_from(["x1", "z"]), max_size=2)}
)
_principals = st.sampled_from(
    ["*", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/r"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/u"}, {"Service": "events.amazonaws.com"}]
)  # fmt: skip


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None, principals: bool = False) -> dict[str, Any]:
    out: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    out[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(st.lists(_patterns, min_size=1, max_size=2))
    out[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.lists(_targets, min_size=1, max_size=2)
    )
    out["Condition"] = draw(_conditions)
    if principals:
        out["Principal"] = draw(_principals)
    return out


def make(listed: list[dict[str, Any]], kind: Kind) -> Policy | None:
    return parse({"Version": "2012-10-17", "Statement": listed}, kind) if listed else None


def gather(parts: dict[Kind, list[dict[str, Any]]], decides: bool) -> Policies:
    identity, session, scp = (make(parts[kind], kind) for kind in (Kind.IDENTITY, Kind.SESSION, Kind.SCP))
    return Policies(
        identity=(identity,) if identity else (),
        resource=make(parts[Kind.RESOURCE], Kind.RESOURCE),
        boundary=make(parts[Kind.BOUNDARY], Kind.BOUNDARY),
        session=(session,) if session else None,
        scps=((scp,),) if scp else (),
        resource_decides=decides,
    )


KINDS = (Kind.IDENTITY, Kind.RESOURCE, Kind.BOUNDARY, Kind.SESSION, Kind.SCP)
_parts = st.fixed_dictionaries(
    {kind: st.lists(statements(principals=kind is Kind.RESOURCE), max_size=3) for kind in KINDS}
)


@settings(max_examples=400, deadline=None)
@given(
    _parts,
    st.sampled_from(KINDS),
    st.data(),
    _actions,
    _resources,
    _contexts,
    st.sampled_from(CALLERS),
    st.booleans(),
    st.booleans(),
)
def test_allow_widens_and_deny_narrows(
    parts: dict[Kind, list[dict[str, Any]]], where: Kind, data: st.DataObject, action: str, resource: str,
    context: dict[str, Any], caller: Any, decides: bool, crosses: bool,
) -> None:  # fmt: skip
    """Adding an Allow to a policy never removes access; adding a Deny never grants it."""
    asked = request(caller, action, resource, context, resource_account="999999999999" if crosses else None)
    before = decide(asked, gather(parts, decides))
    added = data.draw(statements(principals=where is Kind.RESOURCE))
    if not parts[where] and where not in (Kind.IDENTITY, Kind.RESOURCE):
        return  # attaching a boundary, session policy or SCP where there was none is meant to narrow
    after = decide(asked, gather({**parts, where: [*parts[where], added]}, decides))
    if added["Effect"] == "Allow":
        assert after.allowed or not before.allowed
    else:
        assert before.allowed or not after.allowed
    assert (after.effect is Effect.ALLOWED) is after.allowed
    assert after.reason.endswith(".")


@settings(max_examples=200, deadline=None)
@given(st.lists(statements(), min_size=1, max_size=5), _actions, _resources, _contexts)
def test_order_of_statements_does_not_matter(
    listed: list[dict[str, Any]], action: str, resource: str, context: dict[str, Any]
) -> None:
    """The order of statements has no effect."""
    asked = request(CALLERS[0], action, resource, context)
    effects = {
        decide(asked, Policies(identity=(parse({"Version": "2012-10-17", "Statement": order}),))).effect
        for order in (listed, listed[::-1])
    }
    assert len(effects) == 1


@settings(max_examples=500, deadline=None)
@given(st.text("ab*?/", max_size=10), st.text("ab*?/", max_size=10))
def test_wildcards_agree_with_an_independent_reading(pattern: str, text: str) -> None:
    """Wildcards mean what shell patterns of the same form mean."""
    policy = parse(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::" + pattern},
        }
    )
    answer = decide(request(CALLERS[0], "s3:GetObject", "arn:aws:s3:::" + text), Policies(identity=(policy,))).allowed
    assert answer is fnmatch.fnmatchcase(text, pattern)
