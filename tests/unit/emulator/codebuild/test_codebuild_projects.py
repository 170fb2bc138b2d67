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


ENVIRONMENT = {
    "type": "LINUX_CONTAINER",
    "image": "aws/codebuild/standard:7.0",
    "computeType": "BUILD_GENERAL1_SMALL",
    "privilegedMode": True,
    "environmentVariables": [{"name": "ENVIRONMENT", "value": "dev"}],
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
        "environment": ENVIRONMENT,
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


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "a b"}, "Project name a b is invalid"),
    ({"source": {"type": "S3"}}, "location must be specified"),
    ({"source": {"type": "NO_SOURCE"}, "artifacts": {"type": "NO_ARTIFACTS"}}, "buildspec must be specified"),
    ({"artifacts": {"type": "NO_ARTIFACTS"}}, "CODEPIPELINE"),
    ({"timeoutInMinutes": 2161}, "timeoutInMinutes"),
    ({"cache": {"type": "S3"}}, "location must be specified for cache"),
    ({"cache": {"type": "LOCAL"}}, "at least one mode must be specified"),
    ({"queuedTimeoutInMinutes": 481}, "queuedTimeoutInMinutes"),
    ({"name": "a" * 151}, "is invalid"),
    ({"description": "x" * 256}, "'description' failed to satisfy constraint"),
    ({"source": {"type": "SVN"}}, "'source.type' failed to satisfy constraint"),
    ({"source": {"type": "S3", "location": "bucket"}, "artifacts": {"type": "NO_ARTIFACTS"}}, "valid S3 source"),
    ({"environment": {**ENVIRONMENT, "type": "LINUX_LAMBDA_CONTAINER"}}, "computeType BUILD_GENERAL1_SMALL"),
    (
        {"environment": {**ENVIRONMENT, "type": "LINUX_GPU_CONTAINER", "computeType": "BUILD_GENERAL1_MEDIUM"}},
        "computeType",
    ),
    ({"environment": {**ENVIRONMENT, "computeType": "BUILD_GENERAL2_SMALL"}}, "'environment.computeType'"),
    (
        {
            "environment": {**ENVIRONMENT, "type": "LINUX_LAMBDA_CONTAINER", "computeType": "BUILD_LAMBDA_1GB"},
            "queuedTimeoutInMinutes": 5,
        },
        # github.com/hashicorp/terraform-provider-aws/issues/34376
        "Cannot specify queuedTimeoutInMinutes for lambda compute",
    ),
    ({"secondarySources": [{"type": "S3", "location": "b/x.zip"}]}, "sourceIdentifier must be specified"),
    (
        # github.com/boto/botocore/issues/2531
        {"secondarySources": [{"type": "S3", "location": "b/x.zip", "sourceIdentifier": "a-b"}]},
        "Invalid input: identifier must contain only alphanumeric characters and underscores and be less than 128 "
        "characters in length",
    ),
    ({"secondarySources": [{"type": "S3", "location": "b/x.zip", "sourceIdentifier": "a"}] * 2}, "used more than once"),
    ({"secondaryArtifacts": [{"type": "NO_ARTIFACTS", "artifactIdentifier": "a"}]}, "NO_ARTIFACTS"),
    ({"secondarySourceVersions": [{"sourceIdentifier": "a", "sourceVersion": "1"}]}, "names no secondary source"),
    ({"logsConfig": {"s3Logs": {"status": "ENABLED"}}}, "location must be specified when S3 logs are enabled"),
    ({"vpcConfig": {"vpcId": "vpc-1", "subnets": ["subnet-1"]}}, "must be specified together"),
    ({"tags": [{"key": "a", "value": "b"}, {"key": "a", "value": "c"}]}, "unique"),
    ({"tags": [{"key": "aws:x", "value": "b"}]}, "reserved"),
    ({"tags": [{"key": "k", "value": "b#"}]}, "letters, digits"),
    ({"concurrentBuildLimit": 0}, "concurrentBuildLimit"),
    ({"serviceRole": "arn:aws:iam::123456789012:role/nobody"}, "not authorized to perform: sts:AssumeRole"),
]


def test_what_aws_refuses_is_refused(world: World) -> None:
    """Invalid projects are InvalidInputException naming the member, and leave nothing behind."""
    codebuild = world.administrator("codebuild")
    for members, words in REFUSED:
        with pytest.raises(ClientError) as refused:
            codebuild.create_project(**request(world, **members))
        error = refused.value.response["Error"]
        assert (error["Code"], words in error["Message"]) == ("InvalidInputException", True), (members, error)
        assert codebuild.list_projects()["projects"] == [], members


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"fileSystemLocations": [{"type": "EFS", "location": "fs:/", "mountPoint": "/m", "identifier": "e"}]},
            "file systems",
        ),
        (
            {"environment": {**ENVIRONMENT, "fleet": {"fleetArn": "arn:aws:codebuild:eu-west-1:123456789012:fleet/f"}}},
            "reserved",
        ),
    ],
)
def test_what_would_be_missed_is_not_stored(world: World, members: dict[str, Any], words: str) -> None:
    """A member that a build would need and does not get is a 501, and no project is made."""
    codebuild = world.administrator("codebuild")
    with pytest.raises(ClientError) as refused:
        codebuild.create_project(**request(world, **members))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert words in refused.value.response["Error"]["Message"]
    assert codebuild.list_projects()["projects"] == []


def test_a_refused_update_changes_nothing(world: World) -> None:
    """UpdateProject of several members, one of them wrong, leaves all of them as they were."""
    codebuild = world.administrator("codebuild")
    codebuild.create_project(**request(world))
    before = codebuild.batch_get_projects(names=["shop-dev"])["projects"]
    for wrong in (
        {"timeoutInMinutes": 2161},
        {"serviceRole": "arn:aws:iam::123456789012:role/nobody"},
        {"concurrentBuildLimit": 0},
    ):
        with pytest.raises(ClientError):
            codebuild.update_project(name="shop-dev", description="changed", badgeEnabled=True, **wrong)
    assert codebuild.batch_get_projects(names=["shop-dev"])["projects"] == before


def test_a_vpc_must_be_there_and_seen_by_the_role(world: World) -> None:
    """CodeBuild looks at the network with the project's role when the project is made: "Not authorized to perform …"."""
    codebuild, ec2, iam = (world.administrator(name) for name in ("codebuild", "ec2", "iam"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="b", Description="b", VpcId=vpc)["GroupId"]
    network = {"vpcId": vpc, "subnets": [subnet], "securityGroupIds": [group]}
    with pytest.raises(ClientError, match="Not authorized to perform DescribeSecurityGroups"):
        codebuild.create_project(**request(world, vpcConfig=network))
    role = request(world)["serviceRole"].rsplit("/", 1)[1]
    see = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [see]})
    iam.put_role_policy(RoleName=role, PolicyName="network", PolicyDocument=document)
    with pytest.raises(ClientError, match="sg-"):
        codebuild.create_project(**request(world, vpcConfig=network | {"securityGroupIds": ["sg-00000000000000000"]}))
    assert codebuild.create_project(**request(world, vpcConfig=network))["project"]["vpcConfig"] == network


def test_a_second_project_of_the_same_name_is_refused(world: World) -> None:
    """ResourceAlreadyExistsException, as documented."""
    codebuild = world.administrator("codebuild")
    codebuild.create_project(**request(world))
    with pytest.raises(codebuild.exceptions.ResourceAlreadyExistsException):
        codebuild.create_project(**request(world))


def test_curated_images_have_platforms_and_languages_of_the_api(world: World) -> None:
    """ListCuratedEnvironmentImages answers values that API_EnvironmentPlatform and API_EnvironmentLanguage list, each once."""
    codebuild = world.administrator("codebuild")
    platforms = codebuild.list_curated_environment_images()["platforms"]
    model = codebuild.meta.service_model
    names = [platform["platform"] for platform in platforms]
    assert set(names) <= set(model.shape_for("PlatformType").enum)
    assert len(names) == len(set(names))
    languages = {language["language"] for platform in platforms for language in platform["languages"]}
    assert languages <= set(model.shape_for("LanguageType").enum)


def test_curated_images_name_the_image_of_the_reference_system(world: World) -> None:
    """ListCuratedEnvironmentImages includes aws/codebuild/standard:7.0."""
    assert "aws/codebuild/standard:7.0" in str(world.administrator("codebuild").list_curated_environment_images())
