"""Artifacts in the artifact store: keys, uploads, downloads.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/welcome-introducing-artifacts.html
"""

from __future__ import annotations

import io
import secrets
import string
import zipfile
import zlib
from typing import Any

from pushproof.emulator.kernel.archives import UnsafeArchive
from pushproof.engines.pipeline import Artifact, ArtifactStore

# Files that actions read have at most 100 KB.
_MOST_OF_A_MEMBER = 1024 * 1024
_LETTERS = string.ascii_letters + string.digits


def new_key(pipeline: str, artifact: str) -> str:
    """Return `<first 20 of the pipeline's name>/<first 10 of the artifact's>/<7 random characters>`."""
    return f"{pipeline[:20]}/{artifact[:10]}/{''.join(secrets.choice(_LETTERS) for _ in range(7))}"


def upload(s3: Any, store: ArtifactStore, key: str, content: bytes) -> None:
    """Put an artifact into the store, encrypted with the store's key if it has one. Raises ClientError."""
    encryption: dict[str, str] = {}
    if store.encryption_key is not None:
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store.encryption_key}
    s3.put_object(Bucket=store.location, Key=key, Body=content, ContentType="application/zip", **encryption)


def read_member(s3: Any, artifact: Artifact, name: str) -> bytes | None:
    """Return a file of an artifact, cut off after a mebibyte; None if it has no such file. Raises ClientError, or UnsafeArchive."""
    content = s3.get_object(Bucket=artifact.bucket, Key=artifact.key)["Body"].read()
    return member_of(content, name)


def member_of(content: bytes, name: str) -> bytes | None:
    """Return a file of a zip, cut off after a mebibyte; None if it has no such file. Raises UnsafeArchive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(name) as member:
            return member.read(_MOST_OF_A_MEMBER)
    except KeyError:
        return None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        raise UnsafeArchive(str(error)) from error
