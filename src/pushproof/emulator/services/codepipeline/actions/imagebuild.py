"""ECRBuildAndPublish: builds an image from the source's Dockerfile, and pushes it with each of its tags.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECRBuildAndPublish.html
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.services.codepipeline.actions.base import JobFailed
from pushproof.emulator.services.codepipeline.actions.codebuild import BuildJob
from pushproof.emulator.services.codepipeline.building import ManagedWork, commands_spec
from pushproof.engines.pipeline import StartAction

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import BuildTypeDef

_DIGEST = "ECRImageDigestId"


class EcrBuildAndPublish(ManagedWork[StartAction], BuildJob):
    """Builds and pushes with Docker, in a privileged build."""

    about = "Amazon ECR"

    def start(self) -> None:
        self.outputs = {}
        # Without ImageTags the image is `latest`.
        self._tags = [tag.strip() for tag in self.configuration.get("ImageTags", "latest").split(",") if tag.strip()]
        self._repository = self.configuration["ECRRepositoryName"]
        self.work(self._check, lambda _: self._begin_image())

    def _check(self) -> None:
        try:
            self.client("ecr").describe_repositories(repositoryNames=[self._repository])
        except ClientError as error:
            if error.response["Error"]["Code"] == "RepositoryNotFoundException":
                raise JobFailed(
                    f"The Amazon ECR repository {self._repository} does not exist", "ConfigurationError"
                ) from error
            raise

    def _begin_image(self) -> None:
        host = f"{self.pipeline.account_id}.dkr.ecr.{self.region}.amazonaws.com"
        images = [shlex.quote(f"{host}/{self._repository}:{tag}") for tag in self._tags]
        tags = " ".join(f"-t {image}" for image in images)
        directory = shlex.quote(self.configuration.get("DockerFilePath") or ".")
        commands = [
            f"aws ecr get-login-password --region {self.region} | docker login --username AWS --password-stdin {host}",
            f"docker build {tags} {directory}",
            *(f"docker push {image}" for image in images),
            f"export {_DIGEST}=$(docker inspect --format '{{{{index .RepoDigests 0}}}}' {images[0]} | cut -d@ -f2)",
        ]
        self.begin_managed(
            commands_spec(commands, exported=[_DIGEST]), self.handoff(self.run.action.inputs[0]), privileged=True
        )

    def built(self, build: BuildTypeDef, result: dict[str, str]) -> None:
        exported = {item["name"]: item["value"] for item in build.get("exportedEnvironmentVariables") or ()}
        digest = exported.get(_DIGEST, "")

        def report(known: str) -> None:
            variables = {"ECRRepositoryName": self._repository} | ({_DIGEST: known} if known else {})
            self.succeeded(artifacts={}, variables=variables, summary="Build succeeded", **result, **self.log_of(build))

        if digest.startswith("sha256:"):
            report(digest)
        else:
            # A scripted build has no Docker to tell the digest: the registry has it, if the script pushed an image.
            self.work(self._digest_in_registry, report)

    def _digest_in_registry(self) -> str:
        try:
            answer = self.site.client("ecr", region=self.region).describe_images(
                repositoryName=self._repository, imageIds=[{"imageTag": self._tags[0]}]
            )
        except ClientError:
            return ""
        return str(answer["imageDetails"][0]["imageDigest"])
