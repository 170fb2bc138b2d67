"""Source from an object of a versioned bucket.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Fetched, Job, JobFailed, is_denial
from pushproof.engines.pipeline import Artifact


class S3Source(Job):
    """Puts the object's newest version (or the one that the execution was started with) into the artifact store."""

    about = "S3"

    def start(self) -> None:
        self.work(self._fetch, self.fetched)

    def _fetch(self) -> Fetched:
        s3 = self.client("s3")
        bucket, key, selection = self.configuration["S3Bucket"], self.configuration["S3ObjectKey"], {}
        override = self.command.override
        if override is not None and override.kind == "S3_OBJECT_KEY":
            key = override.value
        elif override is not None:
            selection = {"VersionId": override.value}
        content = self._get(s3, bucket, key, selection)
        version = content.get("VersionId")
        if version is None or version == "null":
            raise JobFailed(
                f"The S3 bucket {bucket} is not versioned. A source bucket must have versioning enabled.",
                "ConfigurationError",
            )
        store = self.store
        outputs = self.run.action.outputs
        target = artifacts.new_key(self.pipeline.name, (*outputs, "source")[0])
        if outputs:
            artifacts.upload(s3, store, target, content["Body"].read())
        url = f"https://console.aws.amazon.com/s3/object/{bucket}?region={self.region}&prefix={key}&versionId={version}"
        artifact = Artifact(store.location, target, version, f"Amazon S3 version id: {version}", url)
        variables = {"BucketName": bucket, "ETag": content["ETag"].strip('"'), "ObjectKey": key, "VersionId": version}
        return Fetched(artifact, variables)

    def _get(self, s3: Any, bucket: str, key: str, selection: dict[str, str]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = s3.get_object(Bucket=bucket, Key=key, **selection)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("NoSuchKey", "NoSuchVersion", "404"):
                raise JobFailed(
                    f"The object with key '{key}' does not exist in the S3 bucket '{bucket}'.", "ConfigurationError"
                ) from error
            if code == "NoSuchBucket":
                raise JobFailed(f"The S3 bucket '{bucket}' does not exist.", "ConfigurationError") from error
            if is_denial(error):
                raise JobFailed(
                    "The provided role does not have permissions to perform this action. Underlying error: "
                    f"{error.response['Error'].get('Message', '')}",
                    "PermissionError",
                ) from error
            raise
        return answer
