"""How a push reaches the pipeline without anybody's hand: over a connection that a person authorised once, or through a bucket."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.targets.base import TargetUnavailable


def require_available(client: Callable[[str], Any], arn: str) -> None:
    """Raise TargetUnavailable, with the console's link, unless a connection is AVAILABLE.

    Source: https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html
    """
    region, account = arn.split(":")[3:5]
    console = (
        f"https://{region}.console.aws.amazon.com/codesuite/settings/{account}/{region}/connections/"
        + arn.rpartition("/")[2]
    )
    # Both names of the service know both kinds of ARN; the older one is in every SDK.
    service = "codeconnections" if ":codeconnections:" in arn else "codestar-connections"
    try:
        status = client(service).get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    except (ClientError, BotoCoreError) as error:
        raise TargetUnavailable(
            f"the connection {arn} cannot be read: {error}. Set PUSHPROOF_SANDBOX_CONNECTION_ARN to one that exists in {region}, "
            "or unset it: a bucket then carries the push."
        ) from error
    if status != "AVAILABLE":
        raise TargetUnavailable(
            f"the connection {arn} is {status}, not AVAILABLE: nothing is created over a source that cannot work. "
            f'A person completes its handshake once, here: {console} (choose "Update pending connection"). '
            "Or unset PUSHPROOF_SANDBOX_CONNECTION_ARN: a bucket then carries the push."
        )


def archive(directory: Path) -> bytes:
    """A checkout as CodePipeline wants it in a bucket: a zip with buildspec.yml at its root, without git's own files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(directory.rglob("*")):
            relative = path.relative_to(directory)
            if path.is_file() and relative.parts[0] != ".git":
                zipped.write(path, relative.as_posix())
    return packed.getvalue()


def upload(s3: Any, bucket: str, directory: Path, *, commit: str, key: str = "source.zip") -> str:
    """Put a checkout into the source bucket; returns the object's version, by which the execution and its image are known."""
    answer = s3.put_object(Bucket=bucket, Key=key, Body=archive(directory), Metadata={"commit": commit})
    return str(answer["VersionId"])
