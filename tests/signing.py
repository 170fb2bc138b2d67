"""Requests signed by hand, for tests that send what no SDK would."""

from __future__ import annotations

from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-west-1"


def signed(
    keys: Any, method: str, url: str, service: str, *, body: bytes | str = b"", headers: dict[str, str] | None = None
) -> dict[str, str]:
    """The headers of a request, signed with `keys` (access key id, secret and perhaps a session token)."""
    request = AWSRequest(method, url, headers=dict(headers or {}), data=body)
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    token = getattr(keys, "session_token", None)
    kind(Credentials(keys.access_key_id, keys.secret_access_key, token), service, REGION).add_auth(request)
    return dict(request.headers.items())
