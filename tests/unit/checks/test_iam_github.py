"""Roles for workflows of GitHub Actions: which workflows can take them, and every cliff beside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pushproof.checks.github import job_of_workflow, neighbours
from pushproof.checks.iam import IamChecks
from pushproof.emulator.world import World
from pushproof.engines.github import ISSUER, Job, Repository, claims_of

HOST = "token.actions.githubusercontent.com"
SHOP = {"repository": "octo/shop", "branch": "main"}
MAIN = "repo:octo/shop:ref:refs/heads/main"
IDS = {"owner_id": "5", "repository_id": "6"}


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as world:
        yield world


def make(
    world: World, condition: dict[str, Any], *more: dict[str, Any], client_ids: tuple[str, ...] = ("sts.amazonaws.com",)
) -> IamChecks:
    """A role named `deploy` under a condition, and the checks on its account; without client ids, its provider is gone."""
    iam = world.administrator("iam")
    for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=listed["Arn"])
    made = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=list(client_ids or ("x",)))
    provider = made["OpenIDConnectProviderArn"]
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider},
        "Condition": condition,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement, *more]})
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)
    if not client_ids:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    return IamChecks(world.administrator)


def sub(subject: str | list[str], operator: str = "StringEquals", **more: str) -> dict[str, Any]:
    condition = {operator: {f"{HOST}:sub": subject}}
    condition.setdefault("StringEquals", {})[f"{HOST}:aud"] = "sts.amazonaws.com"
    condition["StringEquals"] |= {f"{HOST}:{key}": value for key, value in more.items()}
    return condition


def test_an_exact_policy_has_no_findings(world: World) -> None:
    """The workflow that is meant can take the role, and nothing near it can."""
    iam = make(world, sub(MAIN))
    assert iam.can_be_assumed_from_github("deploy", **SHOP)
    assert iam.can_be_assumed_from_github_only("deploy", **SHOP)
    assert iam.cannot_be_assumed_from_github("deploy", repository="octo/shop", branch="feature")
    assert iam.cannot_be_assumed_from_github("deploy", repository="mallory/shop", branch="main")
    assert iam.cannot_be_assumed_from_github("deploy", repository="octo/shop", pull_request=True)
    assert iam.cannot_be_assumed_from_github("deploy", repository="octo/shop", tag="main")
    assert iam.cannot_be_assumed_from_github("deploy", repository="octo/shop", environment="main")
    assert iam.cannot_be_assumed_from_github("deploy", **SHOP).findings


def test_an_environment_counts_with_its_branch_where_both_are_named(world: World) -> None:
    """A condition on the ref makes the branch count in an environment; without it, the finding says which to add."""
    subject = "repo:octo/shop:environment:prod"
    iam = make(world, sub(subject, ref="refs/heads/main"))
    assert iam.can_be_assumed_from_github_only("deploy", repository="octo/shop", branch="main", environment="prod")


def test_an_environment_alone_leaves_the_branch_open(world: World) -> None:
    """Any branch that may use the environment takes the role, unless a condition compares the ref."""
    iam = make(world, sub("repo:octo/shop:environment:prod"))
    assert iam.can_be_assumed_from_github_only("deploy", repository="octo/shop", environment="prod")
    both = iam.can_be_assumed_from_github_only("deploy", repository="octo/shop", branch="main", environment="prod")
    assert {f.expected.split(" cannot")[0] for f in both.findings} == {
        "a workflow on another branch", "a workflow of a tag", "a workflow of a pull request",
    }  # fmt: skip
    assert all(f'Add StringEquals "{HOST}:ref" = "refs/heads/main"' in f.change for f in both.findings)


#: A condition that lets in too much, and the neighbours that it lets in.
CLIFFS = {
    "a star for the ref": (
        sub("repo:octo/shop:*", "StringLike"),
        {"a workflow on another branch", "a workflow of a tag", "a workflow of a pull request", "a job in an environment"},
    ),
    "a star for the branch": (
        sub("repo:octo/shop:ref:refs/heads/*", "StringLike"),
        {"a workflow on another branch"},
    ),
    "a star for the repository": (
        sub("repo:octo/*:ref:refs/heads/main", "StringLike"),
        {"another repository of the owner", "a repository whose name begins alike"},
    ),
    "a star after the repository": (
        sub("repo:octo/shop*:ref:refs/heads/main", "StringLike"),
        {"a repository whose name begins alike"},
    ),
    "a star for the owner": (
        sub("repo:*/shop:ref:refs/heads/main", "StringLike"),
        {"a fork of the repository", "an owner whose name begins alike"},
    ),
    "a star after the owner": (
        sub("repo:octo*/shop:ref:refs/heads/main", "StringLike"),
        {"an owner whose name begins alike"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("cliff", list(CLIFFS))
def test_a_star_too_many_is_found(world: World, cliff: str) -> None:
    """Each star lets in its own neighbours, which the findings name; STS lets them in as well."""
    condition, expected = CLIFFS[cliff]
    iam = make(world, condition)
    verdict = iam.can_be_assumed_from_github_only("deploy", **SHOP)
    assert {finding.expected.split(" cannot")[0] for finding in verdict.findings} == expected
    job = job_of_workflow(Repository("octo", "shop"), branch="main")
    sts = world.administrator("sts")
    for neighbour in neighbours(job, named_ref=True):
        arguments = {
            "RoleArn": f"arn:aws:iam::{world.account_id}:role/deploy",
            "RoleSessionName": "GitHubActions",
            "WebIdentityToken": world.tokens.issue(neighbour.job, "sts.amazonaws.com"),
        }
        if neighbour.what in expected:
            sts.assume_role_with_web_identity(**arguments)
        else:
            with pytest.raises(ClientError, match="Not authorized"):
                sts.assume_role_with_web_identity(**arguments)


def test_a_missing_audience_is_found(world: World) -> None:
    """A policy that looks at the subject alone takes tokens for other services."""
    iam = make(world, {"StringEquals": {f"{HOST}:sub": MAIN}})
    (finding,) = iam.can_be_assumed_from_github_only("deploy", **SHOP).findings
    assert finding.expected == f"a condition on {HOST}:aud"


def test_a_star_in_string_equals_is_a_letter(world: World) -> None:
    """StringEquals compares a star as it stands: nobody can take the role, and the finding shows the condition."""
    iam = make(world, sub("repo:octo/shop:*"))
    (finding,) = iam.can_be_assumed_from_github("deploy", **SHOP).findings
    assert f"under the condition StringEquals on {HOST}:sub" in finding.found


def test_a_name_does_not_match_immutable_subjects(world: World) -> None:
    """A repository with immutable subjects is locked out by a policy with names alone, and the finding says why."""
    iam = make(world, sub(MAIN))
    (finding,) = iam.can_be_assumed_from_github("deploy", **SHOP, **IDS).findings
    assert finding.expected == "a trust policy for the subject repo:octo@5/shop@6:ref:refs/heads/main"
    assert "2026-07-15" in finding.why


def test_immutable_subjects_keep_namesakes_out(world: World) -> None:
    """A new owner or repository of the same name has no way past the numbers in a policy; past stars it has."""
    iam = make(world, sub("repo:octo@5/shop@6:ref:refs/heads/main"))
    assert iam.can_be_assumed_from_github_only("deploy", **SHOP, **IDS)
    assert iam.can_be_assumed_from_github("deploy", **SHOP).findings
    world.administrator("iam").delete_role(RoleName="deploy")
    iam = make(world, sub("repo:octo@*/shop@*:ref:refs/heads/main", "StringLike"), client_ids=())
    verdict = iam.can_be_assumed_from_github_only("deploy", **SHOP, **IDS)
    named = {finding.expected.split(" cannot")[0] for finding in verdict.findings}
    assert {"a new repository of the same name", "a new owner of the same name"} <= named


def test_the_provider_is_looked_at(world: World) -> None:
    """No token is taken without a provider, or without the audience among the provider's."""
    iam = make(world, sub(MAIN), client_ids=())
    expected = " ".join(finding.expected for finding in iam.can_be_assumed_from_github("deploy", **SHOP).findings)
    assert f"an identity provider for {ISSUER} in the account" in expected
    world.administrator("iam").create_open_id_connect_provider(Url=ISSUER, ClientIDList=["https://github.com/octo"])
    (finding,) = iam.can_be_assumed_from_github("deploy", **SHOP).findings
    assert finding.expected == "the audience sts.amazonaws.com among the provider's"


def test_other_ways_into_the_role_are_found(world: World) -> None:
    """A second statement that trusts a service or an account is a finding of the role for workflows."""
    more = [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "codebuild.amazonaws.com"}},
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{world.account_id}:root"}},
    ]
    iam = make(world, sub(MAIN), *more)
    others = {finding.found for finding in iam.can_be_assumed_from_github_only("deploy", **SHOP).findings}
    assert others == {"codebuild.amazonaws.com can, too", f"arn:aws:iam::{world.account_id}:root can, too"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"repository": "octo/shop"},
        {"repository": "octo/shop", "branch": "main", "tag": "v1"},
        {"repository": "shop", "branch": "main"},
        {"repository": "octo/shop", "branch": "main", "owner_id": "5"},
    ],
)
def test_a_question_that_is_not_clear_is_refused(world: World, arguments: dict[str, str]) -> None:
    """A workflow without a ref, with two, or of no repository is refused with what to give."""
    iam = make(world, sub(MAIN))
    with pytest.raises(ValueError, match=r"give|expected owner/name"):
        iam.can_be_assumed_from_github("deploy", **arguments)


@given(st.booleans(), st.booleans(), st.sampled_from(["main", "release/1"]), st.sampled_from(["", "prod"]))
def test_every_neighbour_has_a_subject_or_a_ref_of_its_own(
    immutable: bool, named: bool, branch: str, environment: str
) -> None:
    """No neighbour has the token of the workflow that is meant: a policy can always tell them apart."""
    job = Job(Repository("octo", "shop", "5", "6", immutable), ref=f"refs/heads/{branch}", environment=environment)
    meant = claims_of(job)
    for neighbour in neighbours(job, named_ref=named or not environment):
        claims = claims_of(neighbour.job)
        assert (claims["sub"], claims["ref"]) != (meant["sub"], meant["ref"])
