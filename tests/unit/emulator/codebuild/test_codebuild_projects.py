"""CodeBuild projects: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def world() -> Iterator[World]:
    """A virtual world with a role for CodeBuild."""
    with World.virtual() as made:
        made.administrator("iam").create_role(RoleName="build", AssumeRolePolicyDocument=json.dumps(TRUST))
        yield made


def request(world: World, **members: Any) -> dict[str, Any]:
    """A CreateProject request as Terraform sends it for the reference system."""
    return {
        "name": "shop-dev",
        "source": {"type": "CODEPIPELINE", "buildspec": "buildspec.yml", "insecureSsl": False},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "privilegedMode": True,
            "environmentVariables": [{"name": "ENVIRONMENT", "value": "dev"}],
        },
        "serviceRole": f"arn:aws:iam::{world.account_id}:role/build",
        **members,
    }


def test_a_project_reads_back_with_the_defaults_that_aws_fills_in(world: World) -> None:
    """Timeouts, encryption key, cache, credentials type and variable types are those that AWS returns."""
    codebuild = world.administrator("codebuild")
    made = codebuild.create_project(**request(world))["project"]
    read = codebuild.batch_get_projects(names=["shop-dev", "absent"])
    assert read["projects"] == [made]
    assert read["projectsNotFound"] == ["absent"]
    assert made["arn"] == f"arn:aws:codebuild:{world.region}:{world.account_id}:project/shop-dev"
    assert (made["timeoutInMinutes"], made["queuedTimeoutInMinutes"]) == (60, 480)
    assert made["encryptionKey"] == f"arn:aws:kms:{world.region}:{world.account_id}:alias/aws/s3"
    assert made["cache"] == {"type": "NO_CACHE"}
    assert made["badge"] == {"badgeEnabled": False}
    assert made["environment"]["imagePullCredentialsType"] == "CODEBUILD"
    assert made["environment"]["environmentVariables"] == [{"name": "ENVIRONMENT", "value": "dev", "type": "PLAINTEXT"}]


def test_an_update_changes_what_it_names_and_nothing_else(world: World) -> None:
    """UpdateProject replaces the members it is given and keeps the rest, except tags, of which it takes the whole set."""
    codebuild = world.administrator("codebuild")
    codebuild.create_project(**request(world, description="one", tags=[{"key": "a", "value": "b"}]))
    changed = codebuild.update_project(name="shop-dev", timeoutInMinutes=20)["project"]
    assert (changed["timeoutInMinutes"], changed["description"]) == (20, "one")
    assert changed["tags"] == []
    assert codebuild.list_projects()["projects"] == ["shop-dev"]
    codebuild.delete_project(name=changed["arn"])
    codebuild.delete_project(name="shop-dev")
    assert codebuild.list_projects()["projects"] == []


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"name": "a b"}, "Project name a b is invalid"),
        ({"source": {"type": "S3"}}, "location must be specified"),
        ({"source": {"type": "NO_SOURCE"}, "artifacts": {"type": "NO_ARTIFACTS"}}, "buildspec must be specified"),
        ({"artifacts": {"type": "NO_ARTIFACTS"}}, "CODEPIPELINE"),
        ({"timeoutInMinutes": 2161}, "timeoutInMinutes"),
        ({"cache": {"type": "S3"}}, "location must be specified for cache"),
    ],
)
def test_what_aws_refuses_is_refused(world: World, members: dict[str, Any], words: str) -> None:
    """Invalid projects are InvalidInputException naming the member."""
    with pytest.raises(ClientError) as refused:
        world.administrator("codebuild").create_project(**request(world, **members))
    assert refused.value.response["Error"]["Code"] in ("InvalidInputException", "ValidationException")
    assert words in refused.value.response["Error"]["Message"]


def test_a_second_project_of_the_same_name_is_refused(world: World) -> None:
    """ResourceAlreadyExistsException, as documented."""
    codebuild = world.administrator("codebuild")
    codebuild.create_project(**request(world))
    with pytest.raises(codebuild.exceptions.ResourceAlreadyExistsException):
        codebuild.create_project(**request(world))


def test_curated_images_name_the_image_of_the_reference_system(world: World) -> None:
    """ListCuratedEnvironmentImages includes aws/codebuild/standard:7.0."""
    assert "aws/codebuild/standard:7.0" in str(world.administrator("codebuild").list_curated_environment_images())
