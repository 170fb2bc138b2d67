"""Roles: able to do what the pipeline needs, unable to do what it must not, and assumed only by their own service."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pushproof.checks.check import Checks, check
from pushproof.checks.finding import Finding
from pushproof.checks.permissions import Permission
from pushproof.engines import policy as engine
from pushproof.engines.policy import Kind, Policy
from pushproof.engines.policy.actions import TABLES

_LEAST = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
_PASS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
_DEPUTY = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"
_ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/"
_STRANGERS = (
    "ec2.amazonaws.com", "lambda.amazonaws.com", "codebuild.amazonaws.com", "codepipeline.amazonaws.com",
    "ecs-tasks.amazonaws.com", "ecs.amazonaws.com", "events.amazonaws.com", "cloudformation.amazonaws.com",
)  # fmt: skip
# Answers of a target that has no simulator, or does not let us use it: the evaluation stands alone then.
_NO_SIMULATOR = {"NotImplemented", "InternalFailure", "AccessDenied", "501", "500", "NotImplementedException"}
# Action prefixes whose resources belong to another service's namespace.
_FOREIGN = {"sts": {"iam", "sts"}, "tag": set(), "application-autoscaling": set(), "ssm": {"ssm", "ec2", "s3"}}


@dataclass(frozen=True, slots=True)
class Role:
    """A role as IAM describes it, its policies compiled."""

    arn: str
    name: str
    policies: tuple[Policy, ...]
    boundary: Policy | None
    trust: Policy


class IamChecks(Checks):
    """Checks of roles, by name. The policy engine decides, and IAM's own simulator where the target has one."""

    family = "iam"

    @check
    def allows(self, role: str, permissions: Iterable[Permission]) -> Iterator[Finding]:
        """The role can do all of this."""
        yield from self._refused(self._role(role), permissions)

    @check
    def denies(self, role: str, permissions: Iterable[Permission]) -> Iterator[Finding]:
        """The role can do none of this."""
        yield from self._allowed(self._role(role), permissions)

    @check
    def passes_only(self, role: str, to: Iterable[str], *targets: str) -> Iterator[Finding]:
        """The role passes just these roles (by ARN), and just to these services."""
        described, services = self._role(role), tuple(to)
        prefix, account = described.arn.split(":role/", 1)[0], described.arn.split(":")[4]
        needed = [
            Permission("iam:PassRole", target, {"iam:PassedToService": service}, "hand the role over")
            for target in targets
            for service in services[:1]
        ]
        yield from self._refused(described, needed)
        stranger = f"{prefix}:role/somebody-elses-role"
        unwanted = [
            Permission("iam:PassRole", stranger, {"iam:PassedToService": services[0]}, f"act as any role of {account}")
        ]
        unwanted += [
            Permission("iam:PassRole", target, {"iam:PassedToService": other}, f"let {other} act as the role")
            for target in targets
            for other in _STRANGERS
            if other not in services
        ]
        # One is enough to say what to change.
        yield from itertools.islice(self._allowed(described, unwanted), 1)

    @check
    def is_scoped(self, role: str) -> Iterator[Finding]:
        """The role's own policies have no wildcard that could be a name. AWS-managed policies are not looked at."""
        described = self._role(role)
        for policy in described.policies:
            if policy.source_type == "aws-managed":
                continue
            for statement in policy.statements:
                if not statement.allow:
                    continue
                where = f"{statement.label} of {policy.name!r}"
                if statement.not_action or statement.not_resource:
                    yield self._broad(
                        described, where, "Action and Resource", "NotAction or NotResource, which allow everything else"
                    )
                    continue
                broad = [action for action in statement.actions if "*" in action or "?" in action]
                if broad:
                    yield self._broad(described, where, "actions by name", ", ".join(broad))
                resources = [pattern.template.written for pattern in statement.resources or ()]
                wide = [resource for resource in resources if _unbounded(resource)]
                scopable = [a for a in statement.actions if a not in broad and not _unscopable(a)]
                if wide and (scopable or broad):
                    yield self._broad(
                        described, where, f"the ARNs that {', '.join(scopable or broad)} is needed on", ", ".join(wide)
                    )

    @check
    def every_permission_can_apply(self, role: str) -> Iterator[Finding]:
        """Every statement names actions and resources that can meet; kms:Decrypt on a secret cannot."""
        described = self._role(role)
        for policy in described.policies:
            if policy.source_type == "aws-managed":
                continue
            for statement in policy.statements:
                if not statement.allow or statement.not_action or statement.not_resource:
                    continue
                services = {_service_of(pattern.template.written) for pattern in statement.resources or ()}
                idle = [action for action in statement.actions if not _meet(action, services)]
                if idle:
                    listed = ", ".join(pattern.template.written for pattern in statement.resources or ())
                    yield Finding(
                        resource=described.arn,
                        expected=f"{', '.join(idle)} on resources of its own service",
                        found=f"{statement.label} of {policy.name!r} names {listed}",
                        why="The statement grants nothing: an action is only ever asked about on resources of its own service, "
                        "and a connection's action prefix must be that of its ARN.",
                        change="Put the action on the ARN it acts on (kms:Decrypt: the key), or leave it out.",
                        page=_ACTIONS,
                    )

    @check
    def can_be_assumed_only_by(
        self, role: str, service: str, *, source_account: str | None = None, source_arn: str | None = None
    ) -> Iterator[Finding]:
        """This service can assume the role, and nobody else; where a source is given, only on behalf of it."""
        described = self._role(role)
        account = described.arn.split(":")[4]
        right = _source(source_account or account, source_arn)
        if not self._lets_in(described, engine.service_principal(service), right):
            yield self._trusting(
                described,
                f"{service} can assume it",
                f"{service} cannot",
                "The service cannot work with the role.",
            )
        for other in _STRANGERS:
            if other != service and self._lets_in(described, engine.service_principal(other), right):
                yield self._trusting(
                    described,
                    f"only {service} can assume it",
                    f"{other} can, too",
                    f"Whoever may use {other} may act as the role.",
                )
        for caller in (f"arn:aws:iam::{account}:root", "arn:aws:iam::999999999999:root"):
            if self._lets_in(described, engine.principal_of(caller), {}):
                yield self._trusting(
                    described,
                    f"only {service} can assume it",
                    f"{caller} can, too",
                    "Users of that account may act as the role.",
                )
        wrong = []
        if source_account is not None:
            wrong.append((_source("999999999999", source_arn), "aws:SourceAccount"))
        if source_arn is not None:
            wrong.append((_source(source_account or account, source_arn + "-other"), "aws:SourceArn"))
        for context, key in wrong:
            if self._lets_in(described, engine.service_principal(service), context):
                yield self._trusting(
                    described, f"a condition on {key}", "none that holds others off",
                    f"Another customer's resource could make {service} act as the role (the confused deputy).",
                )  # fmt: skip

    # Deciding.

    def _refused(self, role: Role, permissions: Iterable[Permission]) -> Iterator[Finding]:
        for permission in permissions:
            decision = self._decide(role, permission)
            refused = None if decision.allowed else decision.reason
            if refused is None and self._simulated(role, permission) is False:
                refused = "IAM's policy simulator denies it"
            if refused is not None:
                yield Finding(
                    resource=role.arn,
                    expected=f"may {permission}",
                    found=refused,
                    why=f"The role needs it to {permission.purpose or 'do its work'}; without it that step fails with"
                    " AccessDenied.",
                    change=f'Allow "{permission.action}" on "{permission.resource}"' + _under(permission.context),
                    page=_ACTIONS,
                )

    def _allowed(self, role: Role, permissions: Iterable[Permission]) -> Iterator[Finding]:
        for permission in permissions:
            decision = self._decide(role, permission)
            allowed = decision.reason if decision.allowed else None
            if allowed is None and self._simulated(role, permission) is True:
                allowed = "IAM's policy simulator allows it"
            if allowed is not None:
                yield Finding(
                    resource=role.arn,
                    expected=f"may not {permission}",
                    found=allowed,
                    why=f"Whoever gets code into the pipeline could {permission.purpose or 'use it'}.",
                    change=f"Narrow {decision.deciding or 'the policy'} to the actions and ARNs that are needed.",
                    page=_LEAST,
                )

    def _broad(self, role: Role, where: str, expected: str, found: str) -> Finding:
        return Finding(
            resource=role.arn,
            expected=expected,
            found=f"{where}: {found}",
            why="It works, and it is a hole: whoever gets code into a build or a task reaches everything the wildcard covers.",
            change="Name the actions and the ARNs; only what has no resource-level permissions (ecr:GetAuthorizationToken)"
            " needs *.",
            page=_LEAST,
        )

    def _trusting(self, role: Role, expected: str, found: str, why: str) -> Finding:
        change = "Trust the one service, under conditions on aws:SourceAccount and aws:SourceArn where it sends them."
        return Finding(resource=role.arn, expected=expected, found=found, why=why, change=change, page=_DEPUTY)

    def _lets_in(self, role: Role, caller: engine.Principal, context: Mapping[str, str]) -> bool:
        # A caller with every permission of its own: what is asked is whether the role lets it in.
        own = (
            engine.parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
        )
        asked = engine.request(caller, "sts:AssumeRole", role.arn, context)
        return engine.decide(asked, engine.Policies(identity=own, resource=role.trust, resource_decides=True)).allowed

    def _decide(self, role: Role, permission: Permission) -> engine.Decision:
        asked = engine.request(
            engine.principal_of(role.arn), permission.action, permission.resource, permission.context,
            resource_account=role.arn.split(":")[4],
        )  # fmt: skip
        return engine.decide(asked, engine.Policies(identity=role.policies, boundary=role.boundary))

    def _simulated(self, role: Role, permission: Permission) -> bool | None:
        """What IAM's simulator says; None where there is none to ask."""
        entries = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in permission.context.items()
        ]
        try:
            answer = self.aws("iam").simulate_principal_policy(
                PolicySourceArn=role.arn,
                ActionNames=[permission.action],
                ResourceArns=[permission.resource],
                ContextEntries=entries,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_SIMULATOR:
                return None
            raise
        return all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"])

    def _role(self, name: str) -> Role:
        iam = self.aws("iam")
        try:
            found = iam.get_role(RoleName=name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            raise LookupError(f"there is no role {name}; check the name and the account") from None
        policies = []
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
            for inline in page["PolicyNames"]:
                document = iam.get_role_policy(RoleName=name, PolicyName=inline)["PolicyDocument"]
                policies.append(_compile(document, Kind.IDENTITY, inline, "role"))
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
            policies += [self._managed(attached["PolicyArn"], Kind.IDENTITY) for attached in page["AttachedPolicies"]]
        boundary = (found.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        return Role(
            found["Arn"],
            name,
            tuple(policies),
            self._managed(boundary, Kind.BOUNDARY) if boundary else None,
            _compile(found["AssumeRolePolicyDocument"], Kind.TRUST, name, "none"),
        )

    def _managed(self, arn: str, kind: Kind) -> Policy:
        iam = self.aws("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        source = "aws-managed" if ":iam::aws:policy/" in arn else "user-managed"
        return _compile(document, kind, arn.rsplit("/", 1)[-1], source)


def _compile(document: Any, kind: Kind, name: str, source: str) -> Policy:
    text = document if isinstance(document, str) else json.dumps(document)
    return engine.parse(text, kind, name=name, source_type=source)


def _under(context: Mapping[str, str]) -> str:
    return "".join(f', with the condition {key} = "{value}"' for key, value in context.items()) + "."


def _source(account: str, arn: str | None) -> dict[str, str]:
    return {"aws:SourceAccount": account, **({"aws:SourceArn": arn} if arn else {})}


def _unbounded(resource: str) -> bool:
    """Whether a Resource covers everything of a service, or everything."""
    if resource.strip("*") == "":
        return True
    parts = resource.split(":", 5)
    return len(parts) == 6 and (parts[5].strip("*:/") == "" or parts[2] == "*")


def _unscopable(action: str) -> bool:
    """Whether AWS offers no resource to scope an action by, or goes on allowing it on everything in its own guides."""
    prefix, _, name = action.partition(":")
    if prefix == "ec2":
        return name.startswith("Describe")
    table = next((table for table in TABLES.values() if table.prefix == prefix), None)
    if table is None:
        return False
    names = {
        operation
        for operation in table.anywhere | table.often_anywhere
        if table.renamed.get(operation, operation) == name
    }
    return (
        bool(names)
        or (prefix == "elasticloadbalancing" and name.startswith("Describe"))
        or action == "s3:ListAllMyBuckets"
    )


def _service_of(resource: str) -> str:
    parts = resource.split(":", 3)
    return parts[2] if len(parts) > 3 and not parts[2].startswith("${") else "*"


def _meet(action: str, services: set[str]) -> bool:
    prefix = action.split(":", 1)[0].lower()
    if prefix == "*" or "*" in prefix or any("*" in service for service in services):
        return True
    wanted = _FOREIGN.get(prefix, {prefix})
    return not wanted or bool(wanted & services)
