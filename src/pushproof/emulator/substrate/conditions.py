"""Conditional requests to S3: `If-Match` and its like, decided before moto handles the request.

moto covers some of them, and treats `*` as an ETag. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html (reads, writes, deletes, copies),
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (which decides when two are sent).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pushproof.emulator.kernel.errors import AwsError

# Header names in CGI's form.
PRECONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")
SOURCE_PRECONDITIONS = tuple(name.replace("HTTP_", "HTTP_X_AMZ_COPY_SOURCE_") for name in PRECONDITIONS)


@dataclass(frozen=True, slots=True)
class Standing:
    """The current object: its ETag and its date; or `deleted`, if a delete marker is in its place."""

    etag: str
    modified: datetime
    deleted: bool = False


class NotModified(Exception):
    """The reader already has this version: 304."""


def check_read(headers: Mapping[str, str], standing: Standing) -> None:
    """Decide a GET or HEAD of an object that exists. Raises NotModified or AwsError (412).

    A match outweighs If-Unmodified-Since, and a mismatch of If-None-Match outweighs If-Modified-Since (RFC 7232, section 6).
    """
    match, none_match, since, unmodified = (headers.get(name) for name in PRECONDITIONS)
    if match is not None:
        if not _matches(match, standing.etag):
            raise _failed("If-Match")
    elif (date := _date(unmodified)) is not None and standing.modified > date:
        raise _failed("If-Unmodified-Since")
    if none_match is not None:
        if _matches(none_match, standing.etag):
            raise NotModified
    elif (date := _date(since)) is not None and standing.modified <= date <= datetime.now(UTC):
        raise NotModified


def check_source(headers: Mapping[str, str], standing: Standing) -> None:
    """Decide a copy by its source: everything that stops a read is a 412."""
    conditions = {
        plain: headers[name] for name, plain in zip(SOURCE_PRECONDITIONS, PRECONDITIONS, strict=True) if name in headers
    }
    try:
        check_read(conditions, standing)
    except NotModified:
        raise _failed("x-amz-copy-source-If-None-Match") from None


def check_write(headers: Mapping[str, str], standing: Standing | None) -> None:
    """Decide a PutObject, a CopyObject or a CompleteMultipartUpload.

    Raises AwsError: 412, 404 for If-Match on nothing, 501 for the forms that S3 does not have.
    """
    match, none_match = headers.get("HTTP_IF_MATCH"), headers.get("HTTP_IF_NONE_MATCH")
    if match == "*" or (none_match is not None and (none_match != "*" or match is not None)):
        raise _not_implemented()
    exists = standing is not None and not standing.deleted
    if none_match is not None and exists:
        raise _failed("If-None-Match")
    if match is not None:
        if standing is None or not exists:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        if not _matches(match, standing.etag):
            raise _failed("If-Match")


def check_delete(headers: Mapping[str, str], standing: Standing | None, *, of_version: bool) -> None:
    """Decide a DeleteObject: only the current version is compared. Raises AwsError: 412, 404 on nothing, 501 with a version."""
    match = headers.get("HTTP_IF_MATCH")
    if match is None:
        return
    if of_version:
        raise _not_implemented()
    if standing is None:
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
    if standing.deleted or not _matches(match, standing.etag):
        raise _failed("If-Match")


def _matches(condition: str, etag: str) -> bool:
    tags = {text.strip().removeprefix("W/").strip('"') for text in condition.split(",")}
    return "*" in tags or etag.strip('"') in tags


def _date(text: str | None) -> datetime | None:
    """Parse a date, to the second; None if there is no readable one, which means no condition."""
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _failed(condition: str) -> AwsError:
    return AwsError(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, Condition=condition
    )


def _not_implemented() -> AwsError:
    return AwsError("NotImplemented", "A header you provided implies functionality that is not implemented", 501)
