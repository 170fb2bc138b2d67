"""IAM roles as IAM describes them, with compiled policies, and decisions about their permissions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushproof.aws.arns import account_of
from pushproof.engines import policy as engine
from pushproof.engines.policy import Decision, Kind, Policy, Principal, SourceType

if TYPE_CHECKING:
    from types_boto3_iam.client import IAMClient

_EVERYTHING = engine.parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


@dataclass(frozen=True, slots=True)
class Role:
    """A role, its policies compiled. `made_for_services`: the names of AWS's own policies for service roles among them."""

    arn: str
    name: str
    policies: tuple[Policy, ...]
    boundary: Policy | None
    trust: Policy
    made_for_services: frozenset[str] = frozenset()

    @property
    def account(self) -> str:
        """The account that the role is in."""
        return account_of(self.arn)

    @property
    def own_policies(self) -> tuple[Policy, ...]:
        """The policies that the role's owner wrote or chose: all but AWS's own for service roles."""
        return tuple(policy for policy in self.policies if policy.name not in self.made_for_services)


def read_role(iam: IAMClient, name: str) -> Role:
    """The role of this name. Raises LookupError when there is none."""
    try:
        described = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        raise LookupError(f"there is no role {name}; check the name and the account") from None
    policies, made = [], set()
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
        for inline in page["PolicyNames"]:
            document = iam.get_role_policy(RoleName=name, PolicyName=inline)["PolicyDocument"]
            policies.append(_compile(document, Kind.IDENTITY, inline, "role"))
    for listed in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        for attached in listed["AttachedPolicies"]:
            policies.append(_managed(iam, attached["PolicyArn"], Kind.IDENTITY))
            if ":iam::aws:policy/service-role/" in attached["PolicyArn"]:
                made.add(policies[-1].name)
    boundary = (described.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return Role(
        described["Arn"],
        name,
        tuple(policies),
        _managed(iam, boundary, Kind.BOUNDARY) if boundary else None,
        _compile(described["AssumeRolePolicyDocument"], Kind.TRUST, name, "none"),
        frozenset(made),
    )


def decide_for(role: Role, action: str, resource: str, context: Mapping[str, str] | None = None) -> Decision:
    """Decide a call by the role's policies."""
    call = engine.request(engine.principal_of(role.arn), action, resource, context or {}, resource_account=role.account)
    return engine.decide(call, engine.Policies(identity=role.policies, boundary=role.boundary))


def lets_in(role: Role, caller: Principal, context: Mapping[str, str]) -> bool:
    """Return whether a caller that has every permission of its own can assume the role."""
    call = engine.request(caller, "sts:AssumeRole", role.arn, context)
    policies = engine.Policies(identity=(_EVERYTHING,), resource=role.trust, resource_decides=True)
    return engine.decide(call, policies).allowed


def decide_token(role: Role, subject: str, provider: str, keys: Mapping[str, tuple[str, ...]]) -> Decision:
    """Decide whether the role's trust policy lets in a web identity token: its subject, its provider's ARN, its condition keys."""
    caller = Principal(subject, role.account, "federated", provider=provider)
    call = engine.request(caller, "sts:AssumeRoleWithWebIdentity", role.arn, keys)
    return engine.decide(call, engine.Policies(resource=role.trust, resource_decides=True))


def _managed(iam: IAMClient, arn: str, kind: Kind) -> Policy:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    source: SourceType = "aws-managed" if ":iam::aws:policy/" in arn else "user-managed"
    return _compile(document, kind, arn.rsplit("/", 1)[-1], source)


def _compile(document: Any, kind: Kind, name: str, source: SourceType) -> Policy:
    text = document if isinstance(document, str) else json.dumps(document)
    return engine.parse(text, kind, name=name, source_type=source)
