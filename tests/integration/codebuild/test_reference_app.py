"""The reference application's own buildspec: cold, with the cache image pulled, and with failing tests."""

from __future__ import annotations

import io
import json
import secrets
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.emulator.kernel.builds import PipelineHandoff
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_base_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

APP = Path(__file__).parents[3] / "app"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
FIRST, SECOND = "a" * 40, "b" * 40


def policy(account: str, region: str) -> dict[str, Any]:
    """Return exactly the permissions of a build: its artifacts, its logs, its two repositories."""
    repositories = [f"arn:aws:ecr:{region}:{account}:repository/{name}" for name in ("shop", "shop-cache")]
    allowed = {
        "s3:GetObject,s3:PutObject": ["arn:aws:s3:::store/*"],
        "logs:CreateLogGroup,logs:CreateLogStream,logs:PutLogEvents": [
            f"arn:aws:logs:{region}:{account}:log-group:/aws/codebuild/*"
        ],
        "ecr:GetAuthorizationToken": ["*"],
        "ecr:BatchCheckLayerAvailability,ecr:InitiateLayerUpload,ecr:UploadLayerPart,ecr:CompleteLayerUpload,ecr:PutImage,"
        "ecr:BatchGetImage,ecr:GetDownloadUrlForLayer,ecr:DescribeImages": repositories,
    }
    statements = [
        {"Effect": "Allow", "Action": actions.split(","), "Resource": resources}
        for actions, resources in allowed.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


class Shop:
    """A world with the application's project and its two repositories."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = world.administrator("codebuild")
        self.s3 = world.administrator("s3")
        self.ecr = world.administrator("ecr")
        self.s3.create_bucket(Bucket="store", CreateBucketConfiguration={"LocationConstraint": world.region})
        self.ecr.create_repository(repositoryName="shop", imageTagMutability="IMMUTABLE")
        self.ecr.create_repository(repositoryName="shop-cache")
        iam = world.administrator("iam")
        iam.create_role(RoleName="build", AssumeRolePolicyDocument=json.dumps(TRUST))
        document = json.dumps(policy(world.account_id, world.region))
        iam.put_role_policy(RoleName="build", PolicyName="build", PolicyDocument=document)
        variables = {
            "ECR_REGISTRY": world.registry_host,
            "ECR_REPOSITORY_NAME": "shop",
            "ECR_CACHE_REPOSITORY_NAME": "shop-cache",
            "CONTAINER_NAME": "web",
            "ENVIRONMENT": "dev",
            "BASE_IMAGE": ensure_base_image(world.equipment.engine.client),
        }
        self.client.create_project(
            name="shop",
            source={"type": "CODEPIPELINE", "buildspec": "buildspec.yml"},
            artifacts={"type": "CODEPIPELINE"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": True,
                "environmentVariables": [{"name": name, "value": value} for name, value in variables.items()],
            },
            serviceRole=f"arn:aws:iam::{world.account_id}:role/build",
        )

    def build(
        self, commit: str, changes: dict[str, str] | None = None, **members: Any
    ) -> tuple[dict[str, Any], str, float]:
        """Build the application at a commit: the build, its log, the real seconds it took."""
        import threading

        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for path in sorted(path for path in APP.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
                name = path.relative_to(APP).as_posix()
                info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
                info.external_attr = path.stat().st_mode << 16
                archive.writestr(info, (changes or {}).get(name, path.read_text()))
            for name in set(changes or {}) - set(archive.namelist()):
                archive.writestr(name, (changes or {})[name])
        self.s3.put_object(Bucket="store", Key="source.zip", Body=out.getvalue())
        service, ended, done = self.world.services["codebuild"], threading.Event(), []
        service.subscribe(lambda build_id, _: (done.append(build_id), ended.set()))
        handoff = PipelineHandoff(
            "shop", {"Source": ("store", "source.zip")}, {"Built": ("store", "built")}, "Source", commit
        )
        began = time.monotonic()
        started = self.client.start_build(projectName="shop", idempotencyToken=service.hand_over(handoff), **members)[
            "build"
        ]
        assert ended.wait(300), self.client.batch_get_builds(ids=[started["id"]])
        took = time.monotonic() - began
        build = self.client.batch_get_builds(ids=[started["id"]])["builds"][0]
        logs = build["logs"]
        events = self.world.administrator("logs").get_log_events(
            logGroupName=logs["groupName"], logStreamName=logs["streamName"], startFromHead=True
        )["events"]
        return build, "".join(event["message"] for event in events), took

    def tags(self, repository: str) -> set[str]:
        """All tags of a repository."""
        images = self.ecr.describe_images(repositoryName=repository)["imageDetails"]
        return {tag for image in images for tag in image.get("imageTags", [])}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """The world, with registry and base images."""
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    with World(WorldSettings(speed=30), world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        yield Shop(world)


def test_a_commit_becomes_an_image_and_the_next_one_finds_its_cache(shop: Shop) -> None:
    """Tests run, the image is pushed under the commit, imagedefinitions.json names it; the second build reuses layers."""
    build, log, _ = shop.build(FIRST)
    assert build["buildStatus"] == "SUCCEEDED", log
    assert shop.tags("shop") == {"dev-aaaaaaa"}
    assert shop.tags("shop-cache") == {"test", "runtime"}
    with zipfile.ZipFile(io.BytesIO(shop.s3.get_object(Bucket="store", Key="built")["Body"].read())) as archive:
        definitions = json.loads(archive.read("imagedefinitions.json"))
    assert definitions == [{"name": "web", "imageUri": f"{shop.world.registry_host}/shop:dev-aaaaaaa"}]
    assert "Ran " in log, log
    build, log, _ = shop.build(SECOND)
    assert build["buildStatus"] == "SUCCEEDED", log
    # Nothing changed but the commit: the tests' layer comes out of the cache image.
    assert "Ran " not in log, log
    assert "CACHED" in log
    assert shop.tags("shop") == {"dev-aaaaaaa", "dev-bbbbbbb"}


def test_failing_tests_deploy_nothing(shop: Shop) -> None:
    """A failed test stage fails BUILD; nothing is pushed under the commit."""
    broken = (
        "import unittest\n\n\nclass Broken(unittest.TestCase):\n    def test_it(self):\n        self.fail('broken')\n"
    )
    build, log, _ = shop.build("c" * 40, {"tests/test_broken.py": broken})
    assert build["buildStatus"] == "FAILED"
    phases = {phase["phaseType"]: phase.get("phaseStatus") for phase in build["phases"]}
    assert (phases["BUILD"], phases["POST_BUILD"]) == ("FAILED", "FAILED")
    assert "broken" in log
    assert "dev-ccccccc" not in shop.tags("shop")


def test_without_privilege_the_build_says_why(shop: Shop) -> None:
    """Mistake three's other half: without privileged mode there is no Docker daemon."""
    build, log, _ = shop.build("d" * 40, privilegedModeOverride=False)
    assert build["buildStatus"] == "FAILED"
    assert "Is the docker daemon running?" in log


def test_a_role_without_ecr_is_refused_in_ecrs_words(shop: Shop) -> None:
    """The log shows AWS's AccessDeniedException if the role lacks ecr:GetAuthorizationToken."""
    iam = shop.world.administrator("iam")
    document = policy(shop.world.account_id, shop.world.region)
    document["Statement"] = [one for one in document["Statement"] if one["Action"] != ["ecr:GetAuthorizationToken"]]
    iam.put_role_policy(RoleName="build", PolicyName="build", PolicyDocument=json.dumps(document))
    build, log, _ = shop.build("e" * 40)
    assert build["buildStatus"] == "FAILED"
    assert "AccessDeniedException" in log
    assert "is not authorized to perform: ecr:GetAuthorizationToken" in log
