"""Workflows of GitHub Actions that can take a role, and those near them that must not.

Sources: https://docs.github.com/en/actions/reference/security/oidc (subjects) and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html (trust policies)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pushproof.checks.finding import Finding
from pushproof.checks.roles import Role, decide_token
from pushproof.engines.github import ISSUER, Job, Repository, claims_of, condition_keys
from pushproof.engines.policy import Decision

if TYPE_CHECKING:
    from types_boto3_iam.client import IAMClient

#: The audience that aws-actions/configure-aws-credentials requests.
STS_AUDIENCE = "sts.amazonaws.com"
_TRUST = "https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws"
_SUBJECTS = "https://docs.github.com/en/actions/reference/security/oidc"
_PROVIDER = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html"
_HOST = ISSUER.removeprefix("https://")
_WHOLE = (
    f'Compare "{_HOST}:sub" by StringEquals with the whole subject; in StringLike, let no star cover names or refs.'
)


def job_of_workflow(
    repository: Repository, *, branch: str = "", tag: str = "", environment: str = "", pull_request: bool = False
) -> Job:
    """Return the job that a workflow starts. Raises ValueError where it is not clear for which ref, or in which environment."""
    if sum((bool(branch), bool(tag), pull_request)) > 1:
        raise ValueError("a workflow runs for a branch, for a tag or for a pull request: give one of them")
    if pull_request:
        return Job(repository, event="pull_request", ref="refs/pull/1/merge", environment=environment)
    if not (branch or tag or environment):
        raise ValueError(
            "give the workflow's branch, tag or environment, or pull_request=True: its token's subject names it"
        )
    return Job(repository, ref=f"refs/tags/{tag}" if tag else f"refs/heads/{branch or 'main'}", environment=environment)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A workflow near the one that is meant, and what it would mean if it could take the role."""

    what: str
    job: Job
    harm: str
    change: str = _WHOLE


def neighbours(job: Job, *, named_ref: bool) -> Iterator[Neighbour]:
    """Yield the workflows that a policy with a star too many, or a condition too few, lets in as well.

    `named_ref`: whether the ref was named; in an environment, GitHub's rules of the environment decide on it otherwise.
    """
    repository = job.repository
    if named_ref:
        # An environment's subject does not name the ref: only a condition on the ref itself does.
        ref = f'Add StringEquals "{_HOST}:ref" = "{job.ref}".' if job.environment else _WHOLE
        yield Neighbour(
            "a workflow on another branch",
            replace(job, event="push", ref="refs/heads/some-other-branch"),
            "Whoever may push a branch deploys what nobody has reviewed.",
            ref,
        )
        yield Neighbour(
            "a workflow of a tag",
            replace(job, event="push", ref="refs/tags/some-other-tag"),
            "Whoever may push a tag deploys any commit.",
            ref,
        )
        yield Neighbour(
            "a workflow of a pull request",
            replace(job, event="pull_request", ref="refs/pull/1/merge"),
            "A pull request changes the workflow that it runs: it takes the role before anyone has reviewed it.",
            ref,
        )
    if job.environment:
        yield Neighbour(
            "a job in another environment",
            replace(job, environment="some-other-environment"),
            "Rules that protect the environment do not protect the role.",
        )
        yield Neighbour(
            "a job without an environment",
            replace(job, environment=""),
            "A job that leaves the environment out passes its reviewers and its branch rules.",
        )
    else:
        yield Neighbour(
            "a job in an environment",
            replace(job, environment="some-other-environment"),
            "An environment's token does not name the branch: any branch that may use the environment takes the role.",
        )
    others = {
        "another repository of the owner": (
            replace(repository, name="some-other-repository", id=_next(repository.id)),
            "Everyone who may push to any of the owner's repositories takes the role.",
        ),
        "a repository whose name begins alike": (
            replace(repository, name=f"{repository.name}-2", id=_next(repository.id)),
            "Whoever may create a repository chooses its name, and takes the role.",
        ),
        "a fork of the repository": (
            replace(repository, owner="some-other-owner", owner_id=_next(repository.owner_id), id=_next(repository.id)),
            "Anyone on GitHub can fork the repository and run workflows in the fork.",
        ),
        "an owner whose name begins alike": (
            replace(
                repository, owner=f"{repository.owner}-2", owner_id=_next(repository.owner_id), id=_next(repository.id)
            ),
            "Anyone on GitHub can register an owner of that name.",
        ),
    }
    if repository.immutable:
        others["a new repository of the same name"] = (
            replace(repository, id=_next(repository.id)),
            "Once the repository is renamed or deleted, whoever creates one of its name takes the role.",
        )
        others["a new owner of the same name"] = (
            replace(repository, owner_id=_next(repository.owner_id), id=_next(repository.id)),
            "Once the owner is renamed or deleted, whoever registers the name takes the role.",
        )
    for what, (other, harm) in others.items():
        yield Neighbour(what, replace(job, repository=other), harm)


def _next(number: str) -> str:
    """Return another number, which begins with the first."""
    return f"{number}1"


class Trust:
    """The workflows that a role, and its account's provider for GitHub, let in."""

    def __init__(self, iam: IAMClient, role: Role) -> None:
        self._iam, self.role = iam, role
        self.provider = f"{role.arn.split(':role/', 1)[0]}:oidc-provider/{_HOST}"

    def decide(self, job: Job, audience: str) -> Decision:
        """Decide by the trust policy alone."""
        claims = claims_of(job, audience=audience)
        return decide_token(self.role, str(claims["sub"]), self.provider, condition_keys(claims))

    def audiences(self) -> tuple[str, ...] | None:
        """Return the provider's audiences; None where the account has no provider for GitHub."""
        try:
            described = self._iam.get_open_id_connect_provider(OpenIDConnectProviderArn=self.provider)
        except self._iam.exceptions.NoSuchEntityException:
            return None
        return tuple(described.get("ClientIDList", ()))

    def refusals(self, job: Job, audience: str) -> Iterator[Finding]:
        """Yield a finding for each reason for which a workflow cannot take the role."""
        subject = str(claims_of(job)["sub"])
        audiences = self.audiences()
        if audiences is None:
            yield Finding(
                resource=self.role.arn,
                expected=f"an identity provider for {ISSUER} in the account",
                found="there is none",
                why="STS refuses every token of GitHub's: No OpenIDConnect provider found in your account.",
                change=f'Create an aws_iam_openid_connect_provider with the url "{ISSUER}".',
                page=_PROVIDER,
            )
        elif audience not in audiences:
            yield Finding(
                resource=self.provider,
                expected=f"the audience {audience} among the provider's",
                found=", ".join(audiences) or "none",
                why="STS refuses every token of the workflow: Incorrect token audience.",
                change=f'Add "{audience}" to client_id_list of the aws_iam_openid_connect_provider.',
                page=_PROVIDER,
            )
        decision = self.decide(job, audience)
        if decision.allowed:
            return
        by_name = replace(job, repository=replace(job.repository, immutable=not job.repository.immutable))
        if self.decide(by_name, audience).allowed:
            yield Finding(
                resource=self.role.arn,
                expected=f"a trust policy for the subject {subject}",
                found=f"one for {claims_of(by_name)['sub']}",
                why="GitHub gives a repository created, renamed or moved after 2026-07-15 subjects with the owner's and the"
                " repository's numbers, and others subjects without: a policy for one form never matches the other.",
                change=f'Put "{subject}" into the condition on {_HOST}:sub.',
                page=_SUBJECTS,
            )
            return
        yield Finding(
            resource=self.role.arn,
            expected=f"{subject} can assume it, for {audience}",
            found=decision.reason,
            why="The workflow fails at its login: Not authorized to perform sts:AssumeRoleWithWebIdentity.",
            change=f'Trust the provider {self.provider} under StringEquals "{_HOST}:sub" = "{subject}" and'
            f' "{_HOST}:aud" = "{audience}".',
            page=_TRUST,
        )

    def let_in(self, neighbour: Neighbour, audience: str, meant: str) -> Iterator[Finding]:
        """Yield a finding where a workflow that must not take the role can."""
        decision = self.decide(neighbour.job, audience)
        if decision.allowed:
            yield Finding(
                resource=self.role.arn,
                expected=f"{neighbour.what} cannot assume it" + (f": only {meant} can" if meant else ""),
                found=f"{claims_of(neighbour.job)['sub']} can, by {decision.deciding}",
                why=neighbour.harm,
                change=neighbour.change,
                page=_TRUST,
            )

    def any_audience(self, job: Job) -> Iterator[Finding]:
        """Yield a finding where the trust policy does not look at the token's audience."""
        decision = self.decide(job, f"https://github.com/{job.repository.owner}")
        if decision.allowed:
            yield Finding(
                resource=self.role.arn,
                expected=f"a condition on {_HOST}:aud",
                found=f"{decision.deciding} has none that excludes a token for another audience",
                why="A token that a workflow requested for another service takes the role, once that service passes it on.",
                change=f'Add StringEquals "{_HOST}:aud" = "{STS_AUDIENCE}".',
                page=_TRUST,
            )
