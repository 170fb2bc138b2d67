"""Documents that AWS accepts, and its words about those that it refuses.

The answers for identity policies were recorded from CreatePolicy and PutUserPolicy (moto keeps them as tables); those for buckets,
trust policies and the rest come from the sources named beside them.
"""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushproof.engines.policy import Kind, parse
from pushproof.engines.policy import validation as v

GOOD: dict[str, Any] = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b"}
ACCOUNT = "123456789012"


class Directory:
    """A directory with one role."""

    def knows(self, principal: str) -> bool:
        return principal == f"arn:aws:iam::{ACCOUNT}:role/there"


def document(*statements: Any, **top: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **top})


def said(text: str, rules: v.Rules = v.IDENTITY) -> str:
    flaw = v.examine(text, rules, Directory())
    return flaw.message if flaw else ""


def without(name: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**GOOD, **changes}.items() if key != name}


SYNTAX, LEGACY = "Syntax errors in policy.", "The policy failed legacy parsing"
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
VERSION = "Policy document must be version 2012-10-17 or greater."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", SYNTAX),
        ('{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}', VERSION),
        (document(GOOD, Version="2008-10-17"), VERSION),
        (document(GOOD, Version="2013-10-17"), SYNTAX),
        ('{"Version": "2012-10-17"}', SYNTAX),
        (document(), SYNTAX),
        (document("x"), SYNTAX),
        (document(GOOD, Extra="x"), SYNTAX),
        (document({**GOOD, "Extra": "x"}), SYNTAX),
        (document(GOOD, Id=["x"]), SYNTAX),
        (document({**GOOD, "Effect": "sometimes"}), SYNTAX),
        (document({**GOOD, "Effect": "aLLow"}), LEGACY),
        (document(without("Effect")), SYNTAX),
        (document({**GOOD, "Action": "ListBucket"}), VENDOR),
        (document(without("Action", NotAction="")), VENDOR),
        (document({**GOOD, "Action": "a a:ListBucket"}), "Vendor a a is not valid"),
        (document({**GOOD, "Action": "s3:List:Bucket"}), "Actions/Condition can contain only one colon."),
        (document({**GOOD, "Action": []}), "Policy statement must contain actions."),
        (document({**GOOD, "Action": {}}), SYNTAX),
        (document({**GOOD, "Action": [[]]}), SYNTAX),
        (document({**GOOD, "NotAction": "s3:x"}), SYNTAX),
        (document({"Effect": "Deny"}, GOOD), "Policy statement must contain actions."),
        (document({**GOOD, "Resource": "my bucket"}), 'Resource my bucket must be in ARN format or "*".'),
        (document({**GOOD, "Resource": ""}), 'Resource  must be in ARN format or "*".'),
        (document({**GOOD, "Resource": []}), "Policy statement must contain resources."),
        (document({"Effect": "Allow", "Action": "nonsense"}), "Policy statement must contain resources."),
        (document({**GOOD, "Resource": "a:bees"}), 'Partition "bees" is not valid for resource "arn:bees:*:*:*:*".'),
        (document({**GOOD, "Resource": "a:b:c"}), 'Partition "b" is not valid for resource "arn:b:c:*:*:*".'),
        (document({**GOOD, "Resource": "a:b:c:d:e:f:g:h"}), 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".'),
        (document({**GOOD, "Resource": "aws:s3:::b"}), 'Partition "s3" is not valid for resource "arn:s3:::b:*".'),
        (document({**GOOD, "Resource": "arn:aws"}), "Resource vendor must be fully qualified and cannot contain regexes."),
        # PutRolePolicy, September 2026.
        (document({**GOOD, "Resource": "arn:aws:*:*:*:*x*"}), "Resource vendor must be fully qualified and cannot contain regexes."),
        (document({**GOOD, "Resource": "arn:aws:s3::b"}), LEGACY),
        (document({**GOOD, "Resource": "arn:aws::x"}), LEGACY),
        (document({**GOOD, "Resource": "arn:aws::::b"}), LEGACY),
        (document({**GOOD, "NotResource": "*"}), SYNTAX),
        (document({**GOOD, "Resource": "arn:aws:iam:us-east-1::x"}), "IAM resource arn:aws:iam:us-east-1::x cannot contain region information."),
        (document({**GOOD, "Resource": "arn:aws:s3:us-east-1::b"}), "Resource arn:aws:s3:us-east-1::b can not contain region information."),
        (document({**GOOD, "Resource": "arn:aws:iam:::x"}), 'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.'),
        (document({**GOOD, "Sid": {}}), SYNTAX),
        (document({**GOOD, "Sid": "a b"}), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"),
        (document({**GOOD, "Sid": "a"}, {"Sid": "a", "Effect": "Allow"}), "Statement IDs (SID) in a single policy must be unique."),
        (document({**GOOD, "Principal": "*"}), "Policy document should not specify a principal."),
        (document({**GOOD, "Condition": []}), SYNTAX),
        (document({**GOOD, "Condition": {"x": {"a": "1"}}}), SYNTAX),
        (document({**GOOD, "Condition": {"ForAnyValue::StringEquals": {"a": "b"}}}), SYNTAX),
        (document({**GOOD, "Condition": {"DateGreaterThan": {"a": "tomorrow"}}}), LEGACY),
        (document({**GOOD, "Condition": {"DateGreaterThan": {"a": "tomorrow"}}, "Resource": "arn:error:s3:::b"}), LEGACY),
    ],
)  # fmt: skip
def test_identity_policies_that_iam_refuses(text: str, message: str) -> None:
    """IAM says one thing about a malformed document: the first of its checks that failed, in its own words."""
    assert said(text) == message


@pytest.mark.parametrize(
    "statement",
    [
        GOOD,
        {**GOOD, "Action": "*"},
        {**GOOD, "Action": "iam: list users "},
        {**GOOD, "Resource": ["arn:aws:s3:::b", "*"]},
        {**GOOD, "Resource": "arn:aws:sqs"},
        {**GOOD, "Resource": "arn:aws:no-such-service:us-east-1::b"},
        {**GOOD, "Resource": "arn:aws:iam:::user/x"},
        {**GOOD, "Resource": "arn:aws:s3:::b/${aws:username}/*"},
        {**GOOD, "Condition": {}},
        {**GOOD, "Condition": {"a": {}}},
        {**GOOD, "Condition": {"DateGreaterThan": {"a": []}}},
        {**GOOD, "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "Department"}}},
        {**GOOD, "Condition": {"DateLessThan": {"aws:CurrentTime": "2017-12-31T23:59:59Z"}, "Bool": {"aws:SecureTransport": True}}},
    ],
)  # fmt: skip
def test_identity_policies_that_iam_takes(statement: dict[str, Any]) -> None:
    """Policies that IAM accepted on record are accepted, and compile."""
    assert said(document(statement)) == ""
    assert parse(document(statement)).statements


def test_session_policies_take_whole_arns_only() -> None:
    """An incomplete ARN is for identity policies.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    incomplete = document({**GOOD, "Resource": "arn:aws:sqs"})
    assert said(incomplete, v.SESSION) == 'Resource arn:aws:sqs must be in ARN format or "*".'
    assert said(document({**GOOD, "Resource": "arn:aws:s3:::b/${aws:username}"}), v.SESSION) == ""


TRUSTING: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}  # fmt: skip
GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
BY_GITHUB: dict[str, Any] = {"Effect": "Allow", "Principal": {"Federated": "token.actions.githubusercontent.com"}, "Action": "sts:AssumeRoleWithWebIdentity"}  # fmt: skip


def trusting(**changes: Any) -> str:
    return document({key: value for key, value in {**TRUSTING, **changes}.items() if value is not None})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # https://github.com/localstack/localstack: test_create_role_with_malformed_assume_role_policy_document
        ("{", "This policy contains invalid Json"),
        ("{}", "Missing required field Statement"),
        (document(), "Could not parse the policy: Statement is empty!"),
        (trusting(Resource="*"), "Has prohibited field Resource"),
        (trusting(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trusting(Action="*"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trusting(Action=None), "Missing required field Action"),
        (trusting(Principal=None), "Missing required field Principal"),
        (trusting(Principal={}), "Missing required field Principal cannot be empty!"),
        # https://github.com/terraform-aws-modules/terraform-aws-iam/issues/47
        (trusting(Principal={"AWS": [], "Service": []}), "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!"),
        (trusting(Principal={"AWS": [], "Service": "ecs-tasks.amazonaws.com"}), ""),
        # https://github.com/aws/aws-cdk/pull/5746
        (trusting(Principal="*"), "Principal must be a JSON object."),
        (trusting(Effect="Perhaps"), "Invalid effect: Perhaps"),
        (trusting(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/gone"}), f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:role/gone"'),
        (trusting(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}), f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:role/*"'),
        (trusting(Principal={"AWS": "12345"}), 'Invalid principal in policy: "AWS":"12345"'),
        (trusting(Principal={"Service": "codepipeiine.amazonaws.com"}), 'Invalid principal in policy: "SERVICE":"codepipeiine.amazonaws.com"'),
        (trusting(Principal={"Service": "ecs-task.amazonaws.com"}), 'Invalid principal in policy: "SERVICE":"ecs-task.amazonaws.com"'),
        # https://github.com/terraform-aws-modules/terraform-aws-iam/issues/202
        (trusting(Principal={"Federated": "arn:aws:eks:x"}), "Federated principals must be valid domain names or SAML metadata ARNs"),
        (document({**TRUSTING, "Sid": "a"}, {**TRUSTING, "Sid": "a"}), "The Statement Ids in the policy are not unique"),
        (trusting(Version="2012-10-17"), "Unknown field Version"),
    ],
)  # fmt: skip
def test_trust_policies_that_iam_refuses(text: str, message: str) -> None:
    """A trust policy must name principals that exist, and actions of STS, and no resource."""
    assert said(text, v.TRUST) == message


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Principal": {"AWS": "*"}},
        # What terraform-aws-modules/iam writes when only services are trusted.
        {"Principal": {"AWS": [], "Service": "ecs-tasks.amazonaws.com"}},
        {"Principal": {"AWS": ["210987654321", f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/there"]}},
        {"Principal": {"Service": ["logs.eu-west-1.amazonaws.com", "ecs.application-autoscaling.amazonaws.com"]}},
        {"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetContext"]},
        {"Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:AssumeRoleWithWebIdentity"},
    ],
)
def test_trust_policies_that_iam_takes(changes: dict[str, Any]) -> None:
    """Accounts, the services of AWS and their parts, and roles that exist may be trusted, under any version."""
    assert said(trusting(**changes), v.TRUST) == ""
    assert parse(trusting(**changes), Kind.TRUST).statements
    assert said(document({**TRUSTING, **changes}, Version="2008-10-17"), v.TRUST) == ""


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        (None, False),
        ({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}, False),
        ({"StringLike": {"token.actions.githubusercontent.com:sub": "*"}}, False),
        ({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}}, True),
        ({"StringEquals": {"token.actions.githubusercontent.com:job_workflow_ref": "a/b/.github/workflows/c.yml@refs/heads/main"}}, True),
        ({"StringEqualsIfExists": {"token.actions.githubusercontent.com:sub": "repo:a/b:*"}}, False),
    ],
)  # fmt: skip
def test_who_trusts_github_says_which_repository(condition: dict[str, Any] | None, taken: bool) -> None:
    """IAM refuses a trust policy for a shared provider, unless it evaluates the claim that separates tenants.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html; the sentence is recorded.
    """

    class Provider:
        def knows(self, principal: str) -> bool:
            return principal == GITHUB

    statement = {**BY_GITHUB, "Principal": {"Federated": GITHUB}, **({"Condition": condition} if condition else {})}
    flaw = v.examine(document(statement), v.TRUST, Provider())
    expected = f"Trust policy with trusted principal {GITHUB} must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, token.actions.githubusercontent.com:sub or token.actions.githubusercontent.com:job_workflow_ref which is not scoped to all."
    assert (flaw is None) is taken
    assert flaw is None or flaw.message == expected


PUBLIC: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"Resource": "arn:aws:s3:::other/*"}, "Policy has invalid resource"),
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Action": "s3:GetObjekt"}, "Policy has invalid action"),
        ({"Action": "sqs:SendMessage"}, "Policy has invalid action"),
        ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::b"}, "Action does not apply to any resource(s) in statement"),
        ({"Action": ["s3:GetObject", "s3:ListBucket"]}, "Action does not apply to any resource(s) in statement"),
        ({"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]}, ""),
        ({"Action": "s3:*", "Resource": ["arn:aws:s3:::b"]}, ""),
        ({"Action": "s3:GetObject", "Condition": {"StringLike": {"s3:prefix": "a/*"}}}, "Conditions do not apply to combination of actions and resources in statement"),
        ({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b", "Condition": {"StringLike": {"s3:prefix": "a/*"}}}, ""),
    ],
)  # fmt: skip
def test_what_s3_asks_of_a_bucket_policy(changes: dict[str, Any], message: str) -> None:
    """A bucket's policy is about this bucket, and its actions go with its resources."""
    policy = parse(document({**PUBLIC, **changes}), Kind.RESOURCE)
    flaw = v.bucket_flaw(policy, "b")
    assert (flaw.message if flaw else "") == message


@pytest.mark.parametrize(
    ("changes", "public"),
    [
        ({}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": ACCOUNT}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, False),
        ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}}, True),
    ],
)
def test_which_policies_are_public(changes: dict[str, Any], public: bool) -> None:
    """A policy is public unless a fixed source or principal limits what it grants to everyone.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    assert v.is_public(parse(document({**PUBLIC, **changes}), Kind.RESOURCE)) is public


@pytest.mark.parametrize(
    ("action", "taken"), [("sns:Publish", True), ("SNS:GetTopicAttributes", True), ("sns:*", False), ("sns:CreateTopic", False), ("sqs:SendMessage", False)],
)  # fmt: skip
def test_topics_take_their_own_actions_only(action: str, taken: bool) -> None:
    """SNS refuses SNS:* and whatever is no action on a topic: "Policy statement action out of service scope!"."""
    text = document({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"})
    assert said(text, v.TOPIC) == ("" if taken else "Policy statement action out of service scope!")


_words = st.sampled_from(
    ["Version", "Statement", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition", "Sid", "Id", "StringLike",
     "DateLessThan", "ForAnyValue:IpAddress", "Null", "Bool", "AWS", "Service", "Federated", "aws:x", "2012-10-17", "Allow", "Deny", "s3:*", "sts:AssumeRole",
     "sns:Publish", "*", "arn:aws:s3:::b", "arn:aws:sqs", "${a:b}", "${", "ecs-tasks.amazonaws.com", ACCOUNT, "\x00"]
)  # fmt: skip
_trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=6), _words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_words, inner, max_size=5)),
    max_leaves=12,
)
_statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny", "deny", 1]), "Action": st.one_of(st.sampled_from(["s3:*", "sts:AssumeRole"]), _trees)},
    optional={"Resource": st.one_of(st.just("*"), _trees), "Principal": st.one_of(st.just({"AWS": "*"}), _trees),
              "NotPrincipal": _trees, "Condition": st.dictionaries(_words, st.dictionaries(_words, _trees, max_size=2), max_size=2), "Sid": _trees},
)  # fmt: skip
_RULES = (
    v.IDENTITY, v.SESSION, v.TRUST, v.BUCKET, v.TOPIC, v.QUEUE, v.KEY, v.SECRET, v.REPOSITORY, v.REGISTRY, v.LOGS, v.BUS, v.ENDPOINT,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        _trees,
        st.fixed_dictionaries(
            {"Statement": st.one_of(_statements, st.lists(_statements, max_size=2))},
            optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17"])},
        ),
    )
)
def test_whatever_is_accepted_compiles(tree: object) -> None:
    """No document is too strange to be judged, and one that passes can always be evaluated."""
    text = json.dumps(tree)
    for rules in _RULES:
        flaw = v.examine(text, rules, Directory())
        if flaw is None:
            policy = parse(text, rules.kind)
            v.bucket_flaw(policy, "b")
            v.is_public(policy)
            v.principals_of(text)
        else:
            assert flaw.message


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(_words, max_size=8).map(" ".join)))
def test_text_that_is_no_json_is_judged(text: str) -> None:
    """Any text at all is judged."""
    for rules in _RULES:
        v.examine(text, rules)
