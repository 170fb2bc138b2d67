"""Subjects and claims of GitHub's tokens, against the forms in GitHub's documentation.

https://docs.github.com/en/actions/reference/security/oidc
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.github import Job, Repository, claims_of, condition_keys, job_of

OCTO = Repository("octo-org", "octo-repo", "65", "74")
REUSABLE = "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main"
IMMUTABLE = dataclasses.replace(OCTO, immutable=True)


@pytest.mark.parametrize(
    ("job", "subject"),
    [
        (Job(OCTO), "repo:octo-org/octo-repo:ref:refs/heads/main"),
        (Job(OCTO, ref="refs/heads/demo-branch"), "repo:octo-org/octo-repo:ref:refs/heads/demo-branch"),
        (Job(OCTO, ref="refs/tags/demo-tag"), "repo:octo-org/octo-repo:ref:refs/tags/demo-tag"),
        (Job(OCTO, event="pull_request", ref="refs/pull/7/merge"), "repo:octo-org/octo-repo:pull_request"),
        (Job(OCTO, event="workflow_dispatch"), "repo:octo-org/octo-repo:ref:refs/heads/main"),
        (Job(OCTO, environment="Production"), "repo:octo-org/octo-repo:environment:Production"),
        (Job(OCTO, event="pull_request", ref="refs/pull/7/merge", environment="dev"), "repo:octo-org/octo-repo:environment:dev"),
        (Job(OCTO, environment="eu:prod"), "repo:octo-org/octo-repo:environment:eu%3Aprod"),
        (Job(IMMUTABLE), "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"),
        (Job(IMMUTABLE, environment="Production"), "repo:octo-org@65/octo-repo@74:environment:Production"),
        (Job(IMMUTABLE, event="pull_request", ref="refs/pull/7/merge"), "repo:octo-org@65/octo-repo@74:pull_request"),
        (
            Job(OCTO, reusable=REUSABLE, subject_keys=("job_workflow_ref",)),
            f"job_workflow_ref:{REUSABLE}",
        ),
        (
            Job(OCTO, environment="prod", reusable=REUSABLE, subject_keys=("repo", "context", "job_workflow_ref")),
            f"repo:octo-org/octo-repo:environment:prod:job_workflow_ref:{REUSABLE}",
        ),
        (Job(OCTO, subject_keys=("repository_owner",)), "repository_owner:octo-org"),
        (Job(OCTO, subject_keys=("repository_id",)), "repository_id:74"),
        (Job(IMMUTABLE, subject_keys=("repo", "context")), "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"),
        (Job(OCTO, workflow="Build: all", subject_keys=("repo", "workflow")), "repo:octo-org/octo-repo:workflow:Build%3A all"),
    ],
)  # fmt: skip
def test_the_subject_has_githubs_form(job: Job, subject: str) -> None:
    """A subject is what GitHub documents for the job's environment, event, ref, numbers and claim keys."""
    assert claims_of(job)["sub"] == subject


def test_claims_are_those_of_a_documented_token() -> None:
    """A token has the claims of GitHub's example, valid for five minutes, for the owner's URL unless another audience is named."""
    claims = claims_of(Job(OCTO, environment="prod"), issued_at=1632493567, token_id="example-id")
    assert claims["iss"] == "https://token.actions.githubusercontent.com"
    assert claims["aud"] == "https://github.com/octo-org"
    assert (claims["nbf"], claims["iat"], claims["exp"]) == (1632492967, 1632493567, 1632493867)
    assert claims["job_workflow_ref"] == "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main"
    assert claims["repository_owner_id"] == "65"
    assert "environment" not in claims_of(Job(OCTO))
    assert claims_of(Job(OCTO), audience="sts.amazonaws.com")["aud"] == "sts.amazonaws.com"


def test_sts_reads_the_documented_condition_keys_only() -> None:
    """Condition keys are sub, aud and the claims that AWS added in 2026; a claim that the token lacks is no key."""
    keys = condition_keys(claims_of(Job(OCTO, environment="prod"), audience="sts.amazonaws.com"))
    names = {key.partition(".com:")[2] for key in keys}
    since_2026 = {
        "actor",
        "actor_id",
        "repository",
        "repository_id",
        "workflow",
        "ref",
        "environment",
        "job_workflow_ref",
    }
    assert names == {"sub", "aud", *since_2026}
    assert "token.actions.githubusercontent.com:environment" not in condition_keys(claims_of(Job(OCTO)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Repository("octo", "a/b"), "expected owner/name"),
        (lambda: Repository("octo", "r", "x", "1"), "owner_id = 'x'"),
        (lambda: Repository.named("octo/r", owner_id="7"), "give both or neither"),
        (lambda: Job(OCTO, ref="main"), "expected refs/heads/<branch>"),
        (lambda: claims_of(Job(OCTO, subject_keys=("colour",))), "'colour', which is no claim"),
        (lambda: job_of({"repository": "o/r", "colour": "red"}), "a job has no colour"),
        (lambda: job_of({}), "repository = '': expected a text"),
        (lambda: job_of({"repository": "o/r", "ref": 7}), "ref = 7"),
        (lambda: job_of({"repository": "o/r", "subject_keys": "repo"}), "subject_keys = 'repo'"),
        (lambda: job_of({"repository": "o/r", "run_number": "1"}), "whole numbers"),
        (lambda: job_of([]), "got list"),
    ],
)  # fmt: skip
def test_what_github_cannot_have_is_refused_by_name(make: object, says: str) -> None:
    """A name, number, ref or key that is none is refused, with what was expected."""
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        make()  # type: ignore[operator]


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@given(NAMES, NAMES, st.text(min_size=1, max_size=12), st.booleans())
def test_no_environment_can_pass_for_another_repository(
    owner: str, name: str, environment: str, immutable: bool
) -> None:
    """However an environment is named, its subject has exactly one part after `environment:`, and begins with the repository."""
    job = Job(Repository(owner, name, "5", "6", immutable), environment=environment)
    subject = str(claims_of(job)["sub"])
    prefix = f"repo:{job.repository.in_subjects}:environment:"
    assert subject.startswith(prefix)
    assert ":" not in subject.removeprefix(prefix)


@given(NAMES, NAMES, st.sampled_from(["push", "pull_request"]))
def test_plain_json_describes_the_same_job(owner: str, name: str, event: str) -> None:
    """A job that plain JSON describes has the claims of the job itself."""
    described = {"repository": f"{owner}/{name}", "repository_owner_id": "5", "repository_id": "6", "event": event}
    assert job_of(described) == Job(Repository(owner, name, "5", "6", immutable=True), event=event)
