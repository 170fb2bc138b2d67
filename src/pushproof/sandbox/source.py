"""The pipeline's source, without a manual step: a connection that a person authorised once, or a bucket."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.base.target import TargetUnavailable

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

    from pushproof.aws.clients import Clients


def require_available(client: Clients, arn: str) -> None:
    """Raise TargetUnavailable, with a link to the console, unless a connection is AVAILABLE.

    Source: https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html
    """
    region, account = arn.split(":")[3:5]
    console = (
        f"https://{region}.console.aws.amazon.com/codesuite/settings/{account}/{region}/connections/"
        + arn.rpartition("/")[2]
    )
    # The service accepts both kinds of ARN under both of its names; every SDK has the older name.
    connections = client("codeconnections") if ":codeconnections:" in arn else client("codestar-connections")
    try:
        status = connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    except (ClientError, BotoCoreError) as error:
        raise TargetUnavailable(
            f"the connection {arn} cannot be read: {error}. Set PUSHPROOF_SANDBOX_CONNECTION_ARN to a connection "
            f"that exists in {region}, "
            "or unset it: a bucket then carries the push."
        ) from error
    if status != "AVAILABLE":
        raise TargetUnavailable(
            f"the connection {arn} is {status}, not AVAILABLE: no pipeline works with such a source, so nothing is created. "
            f'Complete its handshake once, by hand, here: {console} (choose "Update pending connection"). '
            "Or unset PUSHPROOF_SANDBOX_CONNECTION_ARN: a bucket then carries the push."
        )


def archive(directory: Path) -> bytes:
    """Return a checkout as CodePipeline reads it from a bucket.

    It is a zip with buildspec.yml at its root, without git's own files.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(directory.rglob("*")):
            relative = path.relative_to(directory)
            if path.is_file() and relative.parts[0] != ".git":
                zipped.write(path, relative.as_posix())
    return packed.getvalue()


def upload(s3: S3Client, bucket: str, directory: Path, *, commit: str, key: str = "source.zip") -> str:
    """Upload a checkout to the source bucket. Return the object's version, which identifies the execution and its image."""
    answer = s3.put_object(Bucket=bucket, Key=key, Body=archive(directory), Metadata={"commit": commit})
    return str(answer["VersionId"])


def upload_until_heard(
    client: Clients,
    bucket: str,
    directory: Path,
    *,
    commit: str,
    pipeline: str | None,
    say: Callable[[str], None],
    key: str = "source.zip",
    patience: float = 90.0,
    attempts: int = 5,
) -> str:
    """Upload like `upload`, repeatedly while no execution begins: a new bucket sends events only after some minutes.

    `patience`: seconds for an execution to begin. Returns the version of the last upload even if no execution began: the caller
    judges.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html
    """
    version = ""
    before = _executions(client, pipeline) if pipeline else set()
    for attempt in range(1, attempts + 1):
        version = upload(client("s3"), bucket, directory, commit=commit, key=key)
        if pipeline is None:
            return version
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if _executions(client, pipeline) - before:
                return version
            time.sleep(2.0)
        if attempt < attempts:
            say(f"no execution {patience:.0f} s after the upload to {bucket}; uploaded again")
    return version


def _executions(client: Clients, pipeline: str) -> set[str]:
    listed = client("codepipeline").list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
    # The first execution of a new pipeline starts by itself, not because of a push.
    pushed = [e for e in listed if e.get("trigger", {}).get("triggerType") != "CreatePipeline"]
    return {str(execution["pipelineExecutionId"]) for execution in pushed}
