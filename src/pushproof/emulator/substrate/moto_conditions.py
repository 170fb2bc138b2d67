"""Conditional requests to S3, decided on the objects in moto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from moto.core.request import Request
from werkzeug.http import http_date
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.protocol import signature_of
from pushproof.emulator.substrate.conditions import (
    PRECONDITIONS,
    SOURCE_PRECONDITIONS,
    NotModified,
    Standing,
    check_delete,
    check_read,
    check_source,
    check_write,
)

_ALL = frozenset((*PRECONDITIONS, *SOURCE_PRECONDITIONS))
# Between the look at an object and the write there must be no other conditional write: lock files depend on it.
_WRITING = Lock()


@contextmanager
def decided(request: Request, environ: dict[str, Any], account_id: str) -> Iterator[Response | None]:
    """Decide a request's preconditions, and remove them from `environ`. Yields the answer if there is one already (304).

    Raises AwsError if the request fails. A write must happen inside the context.
    """
    if not _ALL & environ.keys() or not _is_of_an_object(request):
        yield None
        return
    conditions = {name: environ.pop(name) for name in _ALL & environ.keys()}
    if request.method in ("GET", "HEAD"):
        yield _read(request, conditions, account_id)
        return
    with _WRITING:
        bucket, _, key = unquote(request.path).lstrip("/").partition("/")
        if not _is_bucket(account_id, bucket):
            yield None
            return
        standing = _standing(account_id, bucket, key, None)
        if request.method == "DELETE":
            check_delete(conditions, standing, of_version="versionId" in request.args)
        else:
            _check_source(conditions, request, account_id)
            check_write(conditions, standing)
        yield None


def _is_of_an_object(request: Request) -> bool:
    """Return whether this reads, writes, copies or deletes an object itself, and not one of its sub-resources."""
    signature = signature_of(request)
    if (signature is not None and signature.service != "s3") or "/" not in request.path.strip("/"):
        return False
    if request.method == "POST":
        return "uploadId" in request.args
    return not request.args.keys() & {"uploadId", "acl", "tagging", "legal-hold", "retention", "attributes"}


def _read(request: Request, conditions: dict[str, str], account_id: str) -> Response | None:
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    standing = _standing(account_id, bucket, key, request.args.get("versionId"))
    if standing is None or standing.deleted:
        return None
    try:
        check_read(conditions, standing)
    except NotModified:
        response = Response(status=304)
        response.headers["ETag"] = standing.etag
        response.headers["Last-Modified"] = http_date(standing.modified)
        return response
    return None


def _check_source(conditions: dict[str, str], request: Request, account_id: str) -> None:
    source = request.headers.get("x-amz-copy-source")
    if source is None:
        return
    parts = urlsplit(source)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    version = parse_qs(parts.query).get("versionId", [None])[0]
    standing = _standing(account_id, bucket, key, version)
    if standing is not None and not standing.deleted:
        check_source(conditions, standing)


def _is_bucket(account_id: str, bucket: str) -> bool:
    from moto.s3.models import s3_backends

    return bucket in s3_backends[account_id]["aws"].buckets


def _standing(account_id: str, bucket: str, key: str, version: str | None) -> Standing | None:
    """Return the object in moto; None if there is none."""
    from moto.s3.models import FakeDeleteMarker, s3_backends

    if not _is_bucket(account_id, bucket):
        return None
    stored = s3_backends[account_id]["aws"].get_object(bucket, key, version, return_delete_marker=True)
    if stored is None:
        return None
    modified = stored.last_modified.replace(microsecond=0, tzinfo=UTC)
    if isinstance(stored, FakeDeleteMarker):
        return Standing("", modified, deleted=True)
    return Standing(stored.etag, modified)
