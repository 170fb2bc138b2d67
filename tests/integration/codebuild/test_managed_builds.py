"""CodePipeline's own compute with Docker: a clone with its history, commands in it, and an image that is built and pushed."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.base.environment import clean_environment
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_build_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

LONGEST = 400.0
BUILDSPEC = """
version: 0.2
env: {exported-variables: [COMMITS, LINK]}
phases:
  build:
    commands:
      - export COMMITS=$(git log --format=%s | tr '\\n' ',')
      - export LINK=$(readlink link)
artifacts: {files: ['**/*']}
"""


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def action(name: str, category: str, provider: str, **members: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, **members}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    with World(
        WorldSettings(speed=20, enforce_network=False), world_id=world_id, equip=docker_equipment(host)
    ) as opened:
        opened.serve(host.bridge_address)
        yield opened


@pytest.fixture(scope="module")
def pipeline(world: World, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A pipeline that clones, runs commands and publishes an image; its repository has two commits."""
    iam = world.administrator("iam")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    roles = {}
    for name in ("codepipeline", "codebuild"):
        roles[name] = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(f"{name}.amazonaws.com"))["Role"][
            "Arn"
        ]
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
    world.administrator("s3").create_bucket(
        Bucket="store", CreateBucketConfiguration={"LocationConstraint": world.region}
    )
    world.administrator("ecr").create_repository(repositoryName="app")
    world.administrator("codebuild").create_project(
        name="clone",
        serviceRole=roles["codebuild"],
        source={"type": "CODEPIPELINE", "buildspec": BUILDSPEC},
        artifacts={"type": "CODEPIPELINE"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
    )
    connection = world.administrator("codestar-connections").create_connection(
        ConnectionName="g", ProviderType="GitHub"
    )
    world.connections.authorise(connection["ConnectionArn"])
    source = action(
        "Source",
        "Source",
        "CodeStarSourceConnection",
        configuration={
            "ConnectionArn": connection["ConnectionArn"],
            "FullRepositoryId": "acme/app",
            "BranchName": "main",
            "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
        },
        outputArtifacts=[{"name": "source"}],
        namespace="Src",
    )
    clone = action(
        "Clone",
        "Build",
        "CodeBuild",
        configuration={"ProjectName": "clone"},
        inputArtifacts=[{"name": "source"}],
        outputArtifacts=[{"name": "files"}],
    )
    commands = action(
        "Commands",
        "Compute",
        "Commands",
        commands=["export HEAD=$(git rev-parse HEAD)", "mkdir out && echo #{Src.BranchName} > out/branch"],
        outputVariables=["HEAD"],
        inputArtifacts=[{"name": "source"}],
        outputArtifacts=[{"name": "out", "files": ["out/*"]}],
    )
    publish = action(
        "Publish",
        "Build",
        "ECRBuildAndPublish",
        configuration={"ECRRepositoryName": "app", "ImageTags": "one,two", "DockerFilePath": "image"},
        inputArtifacts=[{"name": "source"}],
    )
    world.administrator("codepipeline").create_pipeline(
        pipeline={
            "name": "app",
            "roleArn": roles["codepipeline"],
            "pipelineType": "V2",
            "artifactStore": {"type": "S3", "location": "store"},
            "stages": [
                {"name": name, "actions": [step]}
                for name, step in (("Source", source), ("Clone", clone), ("Commands", commands), ("Publish", publish))
            ],
        }
    )
    checkout = tmp_path_factory.mktemp("checkout")
    base = ensure_build_image(world.equipment.engine.client)
    (checkout / "image").mkdir()
    (checkout / "image" / "Dockerfile").write_text(f"FROM {base}\nRUN echo hello > /hello\n")
    (checkout / "link").symlink_to("image")
    person = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "add", ".")
    git(checkout, *person, "commit", "-qm", "first")
    git(checkout, *person, "commit", "-q", "--allow-empty", "-m", "second")
    owner = world.keys.administrator
    login = f"://{owner.access_key_id}:{owner.secret_access_key}@"
    git(checkout, "push", "-q", world.git.url("acme/app").replace("://", login), "main")
    return world.administrator("codepipeline")


def latest(pipeline: Any) -> dict[str, Any]:
    newest: dict[str, Any] = pipeline.list_pipeline_executions(pipelineName="app")["pipelineExecutionSummaries"][0]
    return newest


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", *arguments], cwd=directory, env=clean_environment(), capture_output=True, check=True, timeout=60
    )


def test_a_clone_has_its_history_and_an_image_is_published(world: World, pipeline: Any) -> None:
    """The build sees commits and symbolic links, commands run in what it left, and both tags name the image that Docker built."""
    builds, until = threading.Semaphore(0), time.monotonic() + LONGEST
    world.services["codebuild"].subscribe(lambda *_: builds.release())
    newest = latest(pipeline)
    while newest["status"] == "InProgress" and time.monotonic() < until:
        # A build that ends is news; after the last one, the pipeline takes a moment.
        builds.acquire(timeout=5)
        newest = latest(pipeline)
    details = {
        detail["actionName"]: detail
        for detail in pipeline.list_action_executions(
            pipelineName="app", filter={"pipelineExecutionId": newest["pipelineExecutionId"]}
        )["actionExecutionDetails"]
    }
    assert newest["status"] == "Succeeded", details
    commit = details["Source"]["output"]["outputVariables"]["CommitId"]
    assert details["Clone"]["output"]["outputVariables"] == {"COMMITS": "second,first,", "LINK": "image"}
    assert details["Commands"]["output"]["outputVariables"] == {"HEAD": commit}
    published = details["Publish"]["output"]["outputVariables"]
    images = world.administrator("ecr").describe_images(repositoryName="app")["imageDetails"]
    assert {image["imageDigest"]: sorted(image["imageTags"]) for image in images} == {
        published["ECRImageDigestId"]: ["one", "two"]
    }
