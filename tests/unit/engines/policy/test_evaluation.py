"""AWS's evaluation order, within one account and across two.

Pages: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
reference_policies_evaluation-logic_policy-eval-denyallow.html, reference_policies_evaluation-logic-cross-account.html.
"""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

from typing import Any

import pytest

from pushproof.engines.policy import (
    ANONYMOUS,
    Decision,
    Effect,
    Kind,
    Policies,
    Policy,
    Principal,
    decide,
    parse,
    principal_of,
    request,
    service_principal,
)

ACCOUNT, OTHER = "111122223333", "444455556666"
CARLOS = principal_of(f"arn:aws:iam::{ACCOUNT}:user/carlossalazar")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
SESSION = principal_of(f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run-1")
LOGS = "arn:aws:s3:::carlossalazar-logs"


def policy(*statements: dict[str, Any], kind: Kind = Kind.IDENTITY, name: str = "p") -> Policy:
    return parse({"Version": "2012-10-17", "Statement": list(statements)}, kind, name=name)


def allow(action: str = "s3:*", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str = "s3:*", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def on_resource(who: Any, **more: Any) -> Policy:
    return policy(allow(Principal=who, **more), kind=Kind.RESOURCE, name="bucket")


def ask(
    who: Principal, policies: Policies, action: str = "s3:GetObject", resource: str = LOGS, owner: str | None = None
) -> Decision:
    return decide(request(who, action, resource, resource_account=owner), policies)


def test_nothing_allowed_is_denied() -> None:
    """All requests are implicitly denied by default."""
    decision = ask(CARLOS, Policies())
    assert decision.effect is Effect.IMPLICIT_DENY
    assert decision.lacking is Kind.IDENTITY


def test_root_user_is_let_in_without_policies() -> None:
    """The account root user has full access by default."""
    assert ask(principal_of(f"arn:aws:iam::{ACCOUNT}:root"), Policies()).allowed


def test_published_example_of_carlos() -> None:
    """The user's own policy, with AllowS3Self and DenyS3Logs, lets Carlos list his logs but never an object in them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-id-rdp.html
    """
    identity = policy(
        {"Sid": "AllowS3ListRead", "Effect": "Allow", "Action": ["s3:GetBucketLocation", "s3:GetAccountPublicAccessBlock", "s3:ListAllMyBuckets"], "Resource": "arn:aws:s3:::*"},
        {"Sid": "AllowS3Self", "Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::carlossalazar", "arn:aws:s3:::carlossalazar/*"]},
        {"Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*"},
    )  # fmt: skip
    mine = Policies(identity=(identity,))
    assert ask(CARLOS, mine, "s3:PutObject", "arn:aws:s3:::carlossalazar/notes").allowed
    refused = ask(CARLOS, mine, "s3:PutObject", "arn:aws:s3:::carlossalazar/log/today")
    assert refused.effect is Effect.EXPLICIT_DENY
    assert refused.deciding is not None
    assert refused.deciding.statement.sid == "DenyS3Logs"
    assert ask(CARLOS, mine, "s3:GetBucketLocation", "arn:aws:s3:::production").allowed
    assert ask(CARLOS, mine, "s3:GetBucketLocation", LOGS).effect is Effect.EXPLICIT_DENY


def test_either_side_is_enough_in_one_account() -> None:
    """Either the identity-based or the resource-based policy may grant in one account; an explicit deny in either wins."""
    granting = on_resource({"AWS": CARLOS.arn})
    assert ask(CARLOS, Policies(resource=granting)).allowed
    assert ask(CARLOS, Policies(identity=(policy(allow()),))).allowed
    assert not ask(CARLOS, Policies(identity=(policy(deny()),), resource=granting)).allowed


@pytest.mark.parametrize(
    ("who", "grantee", "limited"),
    [
        pytest.param(SESSION, ROLE, True, id="role ARN is limited by boundary and session policy"),
        pytest.param(SESSION, SESSION.arn, False, id="role session ARN is not"),
        pytest.param(SESSION, "*", False, id="the wildcard principal is not"),
        pytest.param(CARLOS, CARLOS.arn, False, id="user ARN is not"),
        pytest.param(
            principal_of(f"arn:aws:sts::{ACCOUNT}:federated-user/carlos", role_arn=CARLOS.arn), CARLOS.arn, True,
            id="a federated session behind a named user is",
        ),
    ],
)  # fmt: skip
def test_what_a_resource_policy_grants_past_a_boundary(who: Principal, grantee: str, limited: bool) -> None:
    """Implicit denies in a boundary or session policy limit what is granted to a role, not to a session or user.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-rdp.html
    """
    empty = policy(allow("ec2:Describe*"), kind=Kind.BOUNDARY)
    granting = on_resource({"AWS": grantee})
    assert ask(who, Policies(resource=granting, boundary=empty)).allowed is not limited
    sessions = (policy(allow("ec2:Describe*"), kind=Kind.SESSION),)
    assert ask(who, Policies(resource=granting, session=sessions)).allowed is not limited
    denying = policy(allow(), deny("s3:GetObject"), kind=Kind.BOUNDARY)
    assert ask(who, Policies(resource=granting, boundary=denying)).effect is Effect.EXPLICIT_DENY


def test_account_as_principal_only_delegates() -> None:
    """Trusting an account leaves it to the account's administrators whom they let in."""
    trusting = on_resource({"AWS": ACCOUNT})
    assert not ask(CARLOS, Policies(resource=trusting)).allowed
    assert ask(CARLOS, Policies(resource=trusting, identity=(policy(allow()),))).allowed
    assert ask(principal_of(f"arn:aws:iam::{ACCOUNT}:root"), Policies(resource=trusting, resource_decides=True)).allowed


@pytest.mark.parametrize("identity", [True, False])
@pytest.mark.parametrize("resource", [True, False])
def test_across_accounts_both_sides_must_allow(identity: bool, resource: bool) -> None:
    """A cross-account request is allowed only if the policies of both accounts allow it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
    """
    policies = Policies(
        identity=(policy(allow()),) if identity else (),
        resource=on_resource({"AWS": SESSION.arn}) if resource else None,
    )
    assert ask(SESSION, policies, owner=OTHER).allowed is (identity and resource)


def test_boundary_intersects_identity() -> None:
    """Effective permissions are the intersection of identity-based policies and the boundary.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    boundary = policy(allow("s3:*"), allow("cloudwatch:*"), allow("ec2:*"), kind=Kind.BOUNDARY, name="ShirleyBoundary")
    shirley = Policies(identity=(policy(allow("iam:CreateUser")),), boundary=boundary)
    decision = ask(CARLOS, shirley, "iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x")
    assert decision.lacking is Kind.BOUNDARY
    assert "no permissions boundary allows the iam:CreateUser action" in decision.message


def test_every_level_of_service_control_policies_must_allow() -> None:
    """An SCP missing at one level of the organization denies, whatever the others allow.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    """
    full = policy(allow("*"), kind=Kind.SCP)
    narrow = policy(allow("ec2:*"), kind=Kind.SCP)
    identity = (policy(allow()),)
    assert ask(CARLOS, Policies(identity=identity, scps=((full,), (full,)))).allowed
    assert ask(CARLOS, Policies(identity=identity, scps=((full,), (narrow,)))).lacking is Kind.SCP
    assert not ask(principal_of(f"arn:aws:iam::{ACCOUNT}:root"), Policies(scps=((narrow,),))).allowed


def test_services_live_by_the_resource_policy_alone() -> None:
    """A service principal is let in by the resource's policy, under its conditions, and by nothing else.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    topic, rule = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alerts", f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/done"
    permitting = policy(
        allow("sns:Publish", topic, Principal={"Service": "events.amazonaws.com"}, Condition={"ArnEquals": {"aws:SourceArn": rule}}),
        kind=Kind.RESOURCE, name="alerts",
    )  # fmt: skip
    events = service_principal("events.amazonaws.com")
    asked = request(events, "sns:Publish", topic, {"aws:SourceArn": rule})
    assert decide(asked, Policies(resource=permitting)).allowed
    refused = decide(
        request(events, "sns:Publish", topic, {"aws:SourceArn": rule + "x"}), Policies(resource=permitting)
    )
    assert refused.lacking is Kind.RESOURCE
    assert "ArnEquals on aws:SourceArn" in refused.missing[0]
    assert not decide(asked, Policies(identity=(policy(allow("*")),))).allowed


def test_anonymous_callers_need_everyone() -> None:
    """An unauthenticated request is allowed only where everyone is."""
    assert ask(ANONYMOUS, Policies(resource=on_resource("*")), owner=OTHER).allowed
    assert not ask(ANONYMOUS, Policies(resource=on_resource({"AWS": ACCOUNT})), owner=OTHER).allowed


def test_key_policy_comes_before_identity_policies() -> None:
    """No principal has access to a KMS key, in the same account either, unless the key policy gives or delegates it.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"
    mine = (policy(allow("kms:*")),)

    def decrypt(who: str) -> Decision:
        policies = Policies(
            identity=mine,
            resource_decides=True,
            resource=policy(allow("kms:*", Principal={"AWS": who}), kind=Kind.RESOURCE),
        )
        return ask(SESSION, policies, "kms:Decrypt", key)

    assert decrypt(f"arn:aws:iam::{ACCOUNT}:root").allowed
    refused = decrypt(f"arn:aws:iam::{ACCOUNT}:role/other")
    assert refused.message == (
        f"User: {SESSION.arn} is not authorized to perform: kms:Decrypt on resource: {key} "
        "because no resource-based policy allows the kms:Decrypt action"
    )


def test_trust_policy_of_a_role() -> None:
    """A role can be taken only by whom its trust policy names, on the terms that it sets.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
    """
    trust = parse(
        {"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}},
        Kind.TRUST, name="deploy",
    )  # fmt: skip
    policies = Policies(resource=trust, resource_decides=True)

    def take(service: str, account: str) -> Decision:
        return decide(
            request(service_principal(service), "sts:AssumeRole", ROLE, {"aws:SourceAccount": account}), policies
        )

    assert take("ecs-tasks.amazonaws.com", ACCOUNT).allowed
    assert not take("ecs-tasks.amazonaws.com", OTHER).allowed
    refused = take("codebuild.amazonaws.com", ACCOUNT)
    assert refused.because == "because no role trust policy allows the sts:AssumeRole action"
    assert refused.missing == (
        "statement 1 of role trust policy 'deploy' allows sts:AssumeRole, but not to codebuild.amazonaws.com",
    )


def test_not_principal_spares_only_the_whole_chain() -> None:
    """Deny with NotPrincipal spares a session only if account, role and session are all listed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """

    def verdict(*listed: str) -> bool:
        sparing = policy(
            {"Effect": "Deny", "NotPrincipal": {"AWS": list(listed)}, "Action": "s3:*", "Resource": "*"},
            kind=Kind.RESOURCE,
        )
        return ask(SESSION, Policies(identity=(policy(allow()),), resource=sparing)).allowed

    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert verdict(root, ROLE, SESSION.arn)
    assert not verdict(SESSION.arn)
    assert not verdict(root, ROLE)


def test_not_action_and_not_resource() -> None:
    """NotAction and NotResource cover everything but what they list.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html
    """
    but_iam = Policies(identity=(policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),))
    assert ask(CARLOS, but_iam, "s3:GetObject").allowed
    assert not ask(CARLOS, but_iam, "IAM:createuser").allowed
    elsewhere = policy(
        allow("s3:*"),
        {
            "Effect": "Deny",
            "Action": "s3:*",
            "NotResource": ["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"],
        },
    )
    assert ask(CARLOS, Policies(identity=(elsewhere,)), "s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/x").allowed
    assert not ask(CARLOS, Policies(identity=(elsewhere,)), "s3:GetObject", "arn:aws:s3:::HRBucket/Other").allowed


def test_messages_are_those_of_aws() -> None:
    """Refusals read as AWS's access-denied messages do.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    cluster = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/main"
    asked = request(SESSION, "ecs:UpdateService", cluster)
    assert decide(asked, Policies()).message == (
        f"User: {SESSION.arn} is not authorized to perform: ecs:UpdateService on resource: {cluster} "
        "because no identity-based policy allows the ecs:UpdateService action"
    )
    denied = decide(asked, Policies(identity=(policy(deny("ecs:*")),)))
    assert denied.message.endswith(f"on resource: {cluster} with an explicit deny in an identity-based policy")
    session = decide(asked, Policies(identity=(policy(allow("ecs:*")),), session=()))
    assert session.message.endswith("because no session policy allows the ecs:UpdateService action")


def test_reason_says_what_came_close() -> None:
    """An implicit deny names the statement that nearly allowed it and what kept it from applying."""
    passing = policy(
        allow(
            "iam:PassRole",
            ROLE,
            Sid="PassTaskRoles",
            Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
        name="pipeline",
    )
    asked = request(CARLOS, "iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"})
    reason = decide(asked, Policies(identity=(passing,))).reason
    assert "statement 'PassTaskRoles' of identity-based policy 'pipeline' allows iam:PassRole" in reason
    assert "StringEquals on iam:PassedToService: the request has 'lambda.amazonaws.com'" in reason
    elsewhere = decide(request(CARLOS, "iam:PassRole", ROLE + "2"), Policies(identity=(passing,)))
    assert elsewhere.missing == (
        f"statement 'PassTaskRoles' of identity-based policy 'pipeline' allows iam:PassRole, but only on {ROLE}",
    )


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b:c", True),
        ("arn:aws:s3:::b/*/x", "arn:aws:s3:::b/a/c/x", True),
        ("arn:aws:s3:::b?", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::b?", "arn:aws:s3:::bb", True),
        ("arn:aws:s3:::B", "arn:aws:s3:::b", False),
        ("arn:aws:ecs:eu-*-1:1:cluster/*", "arn:aws:ecs:eu-west-1:1:cluster/a", True),
        ("arn:aws:ecs:eu-*t-1:1:cluster/*", "arn:aws:ecs:eu-x:t-1:1:cluster/a", False),
        ("arn:aws:logs:*", "arn:aws:logs:eu-west-1:1:log-group:/a:log-stream:b", True),
        (
            "arn:aws:logs:*:*:log-group:/aws/codebuild/*",
            "arn:aws:logs:eu-west-1:1:log-group:/aws/codebuild/x:log-stream:y",
            True,
        ),
        ("*", "*", True),
        ("arn:aws:s3:::b", "*", False),
        ("arn:aws:s3:::*a*a*a*a*a*a*a*a*b", "arn:aws:s3:::" + "a" * 2000, False),
    ],
)
def test_wildcards(pattern: str, resource: str, matches: bool) -> None:
    """Wildcards match within ARN segments, at a segment's end beyond it, with regard to case and without backtracking.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    assert (
        ask(CARLOS, Policies(identity=(policy(allow("s3:*", pattern)),)), resource=resource, owner=ACCOUNT).allowed
        is matches
    )


@pytest.mark.parametrize(
    ("written", "resource", "allowed"),
    [
        ("arn:aws:sqs", "arn:aws:sqs:eu-west-1:123456789012:q", True),
        ("arn:aws:sqs", "arn:aws:sns:eu-west-1:123456789012:t", False),
        ("arn:aws:sqs:eu-west-1", "arn:aws:sqs:eu-west-1:123456789012:q", True),
        ("arn:aws:sqs:eu-west-1", "arn:aws:sqs:eu-west-2:123456789012:q", False),
        ("arn:aws:s3:::photos", "arn:aws:s3:::photos/cat.jpg", False),
    ],
)
def test_an_incomplete_arn_stands_for_whatever_it_leaves_out(written: str, resource: str, allowed: bool) -> None:
    """An incomplete ARN matches everything it leaves out: "specifying arn:aws:sqs is equivalent to arn:aws:sqs:*:*:*".

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    statement = {"Effect": "Allow", "Action": "*", "Resource": written}
    policy = parse({"Version": "2012-10-17", "Statement": [statement]})
    asked = request(CARLOS, "sqs:SendMessage", resource, resource_account=CARLOS.account)
    assert decide(asked, Policies(identity=(policy,))).allowed is allowed
    granting = {**statement, "Principal": "*"}
    resource_policy = parse({"Version": "2012-10-17", "Statement": [granting]}, Kind.RESOURCE)
    if written.count(":") < 5:
        assert not decide(asked, Policies(resource=resource_policy)).allowed
