"""Roles: they have the permissions that the pipeline needs, no forbidden ones, and only their own service assumes them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.aws.arns import account_of, arn_of_root
from pushproof.checks.check import Checks, check
from pushproof.checks.finding import Finding
from pushproof.checks.github import STS_AUDIENCE, Neighbour, Trust, job_of_workflow, neighbours
from pushproof.checks.permissions import Permission
from pushproof.checks.roles import Role, decide_for, lets_in, read_role
from pushproof.checks.scoping import can_meet, unbounded, unscopable
from pushproof.engines import policy as engine
from pushproof.engines.github import Repository

if TYPE_CHECKING:
    from types_boto3_iam.type_defs import ContextEntryTypeDef

_LEAST = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
_PASS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
_DEPUTY = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"
_ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/"
_STRANGERS = (
    "ec2.amazonaws.com", "lambda.amazonaws.com", "codebuild.amazonaws.com", "codepipeline.amazonaws.com",
    "ecs-tasks.amazonaws.com", "ecs.amazonaws.com", "events.amazonaws.com", "cloudformation.amazonaws.com",
)  # fmt: skip
# Answers of a target without an accessible simulator: the policy engine then decides alone.
_NO_SIMULATOR = {"NotImplemented", "InternalFailure", "AccessDenied", "501", "500", "NotImplementedException"}
_STRANGER = "999999999999"


class IamChecks(Checks):
    """Checks of roles, by name. The policy engine decides, and IAM's own simulator where the target has one."""

    family = "iam"

    @check
    def allows(self, role: str, permissions: Iterable[Permission]) -> Iterator[Finding]:
        """The role can do all of this."""
        yield from self._refused(self._role(role), permissions)

    @check
    def denies(
        self, role: str, permissions: Iterable[Permission], *, own_policies_only: bool = False
    ) -> Iterator[Finding]:
        """The role can do none of this.

        With `own_policies_only`, the check skips AWS's service-role policies: AmazonECSTaskExecutionRolePolicy pulls from every
        repository and writes to every log group, and only another policy in its place could change that.
        """
        described = self._role(role)
        if own_policies_only:
            yield from self._allowed(replace(described, policies=described.own_policies), permissions, simulate=False)
        else:
            yield from self._allowed(described, permissions)

    @check
    def passes_only(self, role: str, to: Iterable[str], *targets: str) -> Iterator[Finding]:
        """The role passes just these roles (by ARN), and just to these services."""
        described, services = self._role(role), tuple(to)
        prefix, account = described.arn.split(":role/", 1)[0], account_of(described.arn)
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
        # One example is enough.
        yield from itertools.islice(self._allowed(described, unwanted), 1)

    @check
    def is_scoped(self, role: str) -> Iterator[Finding]:
        """The role's policies have no wildcard that could be a name.

        The check skips AWS's own policies for service roles. It reports any other AWS policy that covers whole services.
        """
        described = self._role(role)
        for policy in described.own_policies:
            aws_owned = policy.source_type == "aws-managed"
            for statement in policy.statements:
                if not statement.allow:
                    continue
                where = f"{statement.label} of {policy.name!r}" + (", a policy of AWS's," if aws_owned else "")
                if statement.not_action or statement.not_resource:
                    yield self._broad(
                        described, where, "Action and Resource", "NotAction or NotResource, which allow everything else"
                    )
                    continue
                broad = [action for action in statement.actions if "*" in action or "?" in action]
                resources = [pattern.template.written for pattern in statement.resources or ()]
                wide = [resource for resource in resources if unbounded(resource)]
                if aws_owned:
                    # AWS's policies name actions by families and resources by *: only whole services count as a fault.
                    broad = [action for action in broad if action == "*" or action.endswith(":*")]
                    if broad and wide:
                        yield self._broad(described, where, "actions by name", ", ".join(broad))
                    continue
                if broad:
                    yield self._broad(described, where, "actions by name", ", ".join(broad))
                scopable = [a for a in statement.actions if a not in broad and not unscopable(a)]
                if wide and (scopable or broad):
                    yield self._broad(
                        described, where, f"the ARNs that {', '.join(scopable or broad)} is needed on", ", ".join(wide)
                    )

    @check
    def allows_only(self, role: str, permissions: Iterable[Permission]) -> Iterator[Finding]:
        """The role's own policies name only actions and resources that these permissions use.

        The check skips AWS's own policies for service roles.
        """
        described, needed = self._role(role), list(permissions)
        useful = {permission.action.lower() for permission in needed}
        for policy in described.own_policies:
            for statement in policy.statements:
                if not statement.allow or statement.not_action or statement.not_resource:
                    continue
                where = f"{statement.label} of {policy.name!r}"
                idle = [action for action in statement.actions if action.lower() not in useful]
                if idle:
                    yield Finding(
                        resource=described.arn,
                        expected="actions that the role's work needs",
                        found=f"{where} allows {', '.join(idle)}",
                        why="Whoever gets code into a build or a task can do it, too, and nobody will miss it when it is gone.",
                        change="Leave it out; or, where it is needed, name it among the permissions that are asked about.",
                        page=_LEAST,
                    )
                uses = [p for p in needed if statement.covers_action(p.action.lower())]
                strange = [
                    pattern.template.written
                    for pattern in statement.resources or ()
                    if uses and not any(pattern.matches(p.resource, {}) for p in uses)
                ]
                if strange:
                    yield Finding(
                        resource=described.arn,
                        expected=f"the resources that there are: {', '.join(dict.fromkeys(p.resource for p in uses))}",
                        found=f"{where} names {', '.join(strange)}",
                        why="The names do not meet: it grants nothing where it is needed, and something where nobody looks.",
                        change="Make both names from the same variables.",
                        page=_LEAST,
                    )

    @check
    def allows_nothing(self, role: str) -> Iterator[Finding]:
        """The role has no permissions: for applications that do not call AWS."""
        described = self._role(role)
        for policy in described.policies:
            actions = [action for statement in policy.statements if statement.allow for action in statement.actions]
            if actions:
                yield Finding(
                    resource=described.arn,
                    expected="no permissions",
                    found=f"{policy.name!r} allows {', '.join(actions)}",
                    why="Whoever gets code into the application has it, too.",
                    change="Leave it out until the application needs it.",
                    page=_LEAST,
                )

    @check
    def every_permission_can_apply(self, role: str) -> Iterator[Finding]:
        """Every statement pairs actions with resources they can apply to, unlike kms:Decrypt on a secret."""
        described = self._role(role)
        for policy in described.policies:
            if policy.source_type == "aws-managed":
                continue
            for statement in policy.statements:
                if not statement.allow or statement.not_action or statement.not_resource:
                    continue
                resources = [pattern.template.written for pattern in statement.resources or ()]
                idle = [action for action in statement.actions if not any(can_meet(action, arn) for arn in resources)]
                if idle:
                    listed = ", ".join(pattern.template.written for pattern in statement.resources or ())
                    yield Finding(
                        resource=described.arn,
                        expected=f"{', '.join(idle)} on resources of its own service and kind",
                        found=f"{statement.label} of {policy.name!r} names {listed}",
                        why="The statement grants nothing: an action is only ever asked about on resources of its own service and"
                        " kind,"
                        " and a connection's action prefix must be that of its ARN.",
                        change="Put the action on the ARN it acts on (kms:Decrypt: the key; s3:GetObject: the bucket's ARN with"
                        " /*), or leave it out.",
                        page=_ACTIONS,
                    )

    @check
    def can_be_assumed_only_by(
        self, role: str, service: str, *, source_account: str | None = None, source_arn: str | None = None
    ) -> Iterator[Finding]:
        """Only this service can assume the role; with `source_arn`, only on behalf of that source.

        `source_arn` may end in ``*``, for any resource of that service, region and account.
        """
        described = self._role(role)
        account = account_of(described.arn)
        right = _source(source_account or account, source_arn)
        if not lets_in(described, engine.service_principal(service), right):
            yield self._trusting(
                described,
                f"{service} can assume it",
                f"{service} cannot",
                "The service cannot work with the role.",
            )
        for other in _STRANGERS:
            if other != service and lets_in(described, engine.service_principal(other), right):
                yield self._trusting(
                    described,
                    f"only {service} can assume it",
                    f"{other} can, too",
                    f"Whoever may use {other} may act as the role.",
                )
        for caller in (arn_of_root(account), "arn:aws:iam::999999999999:root"):
            if lets_in(described, engine.principal_of(caller), {}):
                yield self._trusting(
                    described,
                    f"only {service} can assume it",
                    f"{caller} can, too",
                    "Users of that account may act as the role.",
                )
        for context, key in _wrong_sources(account, source_account, source_arn):
            if lets_in(described, engine.service_principal(service), context):
                yield self._trusting(
                    described, f"a condition on {key}", "none that holds others off",
                    f"Another customer's resource could make {service} act as the role (the confused deputy).",
                )  # fmt: skip

    @check
    def can_be_assumed_from_github(
        self,
        role: str,
        *,
        repository: str,
        branch: str = "",
        tag: str = "",
        environment: str = "",
        pull_request: bool = False,
        owner_id: str = "",
        repository_id: str = "",
        audience: str = STS_AUDIENCE,
    ) -> Iterator[Finding]:
        """A workflow of this repository on GitHub can assume the role, on this branch or tag or in this environment.

        `repository` is owner/name. With `owner_id` and `repository_id` its tokens have immutable subjects, as those of repositories
        created, renamed or moved after 2026-07-15 have. In an environment, the subject names the environment alone.
        """
        named = Repository.named(repository, owner_id=owner_id, id=repository_id)
        job = job_of_workflow(named, branch=branch, tag=tag, environment=environment, pull_request=pull_request)
        yield from Trust(self.aws("iam"), self._role(role)).refusals(job, audience)

    @check
    def cannot_be_assumed_from_github(
        self,
        role: str,
        *,
        repository: str,
        branch: str = "",
        tag: str = "",
        environment: str = "",
        pull_request: bool = False,
        owner_id: str = "",
        repository_id: str = "",
        audience: str = STS_AUDIENCE,
    ) -> Iterator[Finding]:
        """No such workflow on GitHub can assume the role. The parameters are those of `can_be_assumed_from_github`."""
        named = Repository.named(repository, owner_id=owner_id, id=repository_id)
        job = job_of_workflow(named, branch=branch, tag=tag, environment=environment, pull_request=pull_request)
        harm = "Whoever can run the workflow has the role's permissions."
        yield from Trust(self.aws("iam"), self._role(role)).let_in(Neighbour("the workflow", job, harm), audience, "")

    @check
    def can_be_assumed_from_github_only(
        self,
        role: str,
        *,
        repository: str,
        branch: str = "",
        tag: str = "",
        environment: str = "",
        owner_id: str = "",
        repository_id: str = "",
        audience: str = STS_AUDIENCE,
    ) -> Iterator[Finding]:
        """This workflow on GitHub can assume the role, and nothing near it can: no other branch, tag, pull request, environment,
        repository or fork, no token for another audience, no service and no user.

        With `environment` and `branch`, both count, as by a condition on `token.actions.githubusercontent.com:ref`; with
        `environment` alone, GitHub's rules of the environment decide on the branch.
        """
        described = self._role(role)
        named = Repository.named(repository, owner_id=owner_id, id=repository_id)
        job = job_of_workflow(named, branch=branch, tag=tag, environment=environment)
        trust = Trust(self.aws("iam"), described)
        yield from trust.refusals(job, audience)
        for neighbour in neighbours(job, named_ref=bool(branch or tag)):
            yield from trust.let_in(neighbour, audience, repository)
        yield from trust.any_audience(job)
        account = account_of(described.arn)
        callers = [engine.service_principal(service) for service in _STRANGERS]
        callers += [engine.principal_of(arn_of_root(number)) for number in (account, _STRANGER)]
        for caller in callers:
            if lets_in(described, caller, {}):
                yield self._trusting(
                    described, f"only workflows of {repository} can assume it", f"{caller.arn} can, too",
                    f"Whoever may use {caller.arn} may act as the role.",
                )  # fmt: skip

    # Deciding.

    def _refused(self, role: Role, permissions: Iterable[Permission]) -> Iterator[Finding]:
        for permission in permissions:
            decision = decide_for(role, permission.action, permission.resource, permission.context)
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

    def _allowed(self, role: Role, permissions: Iterable[Permission], *, simulate: bool = True) -> Iterator[Finding]:
        for permission in permissions:
            decision = decide_for(role, permission.action, permission.resource, permission.context)
            allowed = decision.reason if decision.allowed else None
            if allowed is None and simulate and self._simulated(role, permission) is True:
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

    def _simulated(self, role: Role, permission: Permission) -> bool | None:
        """Return the answer of IAM's simulator; None on targets without one."""
        entries: list[ContextEntryTypeDef] = [
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
        return read_role(self.aws("iam"), name)


def _under(context: Mapping[str, str]) -> str:
    return "".join(f', with the condition {key} = "{value}"' for key, value in context.items()) + "."


def _source(account: str, arn: str | None) -> dict[str, str]:
    if arn is None:
        return {"aws:SourceAccount": account}
    # Under a pattern, any of the resources that it covers.
    return {"aws:SourceAccount": account, "aws:SourceArn": re.sub(r"\*$", "example", arn)}


def _wrong_sources(
    account: str, source_account: str | None, source_arn: str | None
) -> Iterator[tuple[dict[str, str], str]]:
    """Sources that must not lead to an assumed role, each with the condition key that excludes it."""
    own = source_account or account
    if source_account is not None:
        yield _source(_STRANGER, source_arn), "aws:SourceAccount"
    if source_arn is None:
        return
    if source_arn.endswith("*"):
        parts = source_arn.split(":")
        yield _source(own, ":".join([*parts[:4], _STRANGER, *parts[5:]])), "aws:SourceArn"
    else:
        yield _source(own, source_arn + "-other"), "aws:SourceArn"
