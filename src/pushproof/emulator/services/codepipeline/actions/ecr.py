"""Source from an image of a repository: its description as `imageDetail.json`.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECR.html ,
.../file-reference.html (imageDetail.json). A push starts the pipeline through a rule of EventBridge, never by itself.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC
from typing import Any

from botocore.exceptions import ClientError

from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Fetched, Job, JobFailed
from pushproof.engines.pipeline import Artifact

_ABSENT = ("RepositoryNotFoundException", "ImageNotFoundException")


class EcrSource(Job):
    """Puts the description of a tag's image (or of the one that the execution was started with) into the artifact store."""

    about = "Amazon ECR"

    def start(self) -> None:
        self.work(self._fetch, self.fetched)

    def _fetch(self) -> Fetched:
        repository, tag = self.configuration["RepositoryName"], self.configuration.get("ImageTag") or "latest"
        image = self._describe(repository, tag)
        digest = str(image["imageDigest"])
        uri = f"{image['registryId']}.dkr.ecr.{self.region}.amazonaws.com/{repository}@{digest}"
        detail = {
            "ImageSizeInBytes": str(image["imageSizeInBytes"]),
            "ImageDigest": digest,
            "Version": "1.0",
            "ImagePushedAt": f"{image['imagePushedAt'].astimezone(UTC):%a %b %d %H:%M:%S UTC %Y}",
            "RegistryId": image["registryId"],
            "RepositoryName": repository,
            "ImageURI": uri,
            "ImageTags": image.get("imageTags", []),
        }
        store, outputs = self.store, self.run.action.outputs
        key = artifacts.new_key(self.pipeline.name, (*outputs, "source")[0])
        if outputs:
            content = io.BytesIO()
            with zipfile.ZipFile(content, "w") as archive:
                archive.writestr("imageDetail.json", json.dumps(detail))
            artifacts.upload(self.client("s3"), store, key, content.getvalue())
        variables = {
            "RegistryId": str(image["registryId"]),
            "RepositoryName": repository,
            "ImageTag": tag,
            "ImageDigest": digest,
            "ImageURI": uri,
        }
        url = f"https://console.aws.amazon.com/ecr/repositories/{repository}/?region={self.region}"
        return Fetched(Artifact(store.location, key, digest, f"Image {uri}", url), variables)

    def _describe(self, repository: str, tag: str) -> dict[str, Any]:
        override = self.command.override
        chosen = {"imageTag": tag} if override is None else {"imageDigest": override.value}
        try:
            answer = self.client("ecr").describe_images(repositoryName=repository, imageIds=[chosen])
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise JobFailed(
                    f"The image with {' '.join((*chosen, *chosen.values()))} was not found in the Amazon ECR repository "
                    f"{repository}",
                    "ConfigurationError",
                ) from error
            raise
        image: dict[str, Any] = answer["imageDetails"][0]
        return image
