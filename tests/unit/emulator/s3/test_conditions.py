"""Conditional requests: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

PAST = datetime(2001, 1, 1, tzinfo=UTC)
FUTURE = datetime.now(UTC) + timedelta(days=300)
WRONG = '"0123456789abcdef0123456789abcdef"'


def status(call: Any, **arguments: Any) -> int:
    try:
        answer: int = call(**arguments)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        answer = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return answer


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"IfMatch": "ETAG"}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": WRONG}, 412),
        ({"IfNoneMatch": WRONG}, 200),
        ({"IfNoneMatch": "ETAG"}, 304),
        ({"IfNoneMatch": "*"}, 304),
        ({"IfModifiedSince": PAST}, 200),
        ({"IfModifiedSince": "LAST"}, 304),
        ({"IfModifiedSince": FUTURE}, 200),
        ({"IfUnmodifiedSince": FUTURE}, 200),
        ({"IfUnmodifiedSince": PAST}, 412),
        # API_GetObject: true and false give 200, false and true give 304.
        ({"IfMatch": "ETAG", "IfUnmodifiedSince": PAST}, 200),
        ({"IfNoneMatch": "ETAG", "IfModifiedSince": PAST}, 304),
    ],
)
@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_reads(s3: Any, bucket: str, operation: str, conditions: dict[str, Any], expected: int) -> None:
    """GetObject and HeadObject answer 200, 304 or 412 as the table says."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    last = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    sent = {name: {"ETAG": etag, "LAST": last}.get(str(value), value) for name, value in conditions.items()}
    assert status(getattr(s3, operation), Bucket=bucket, Key="k", **sent) == expected


WRITES = [
    (True, {"IfNoneMatch": "*"}, 412),
    (False, {"IfNoneMatch": "*"}, 200),
    (True, {"IfMatch": "ETAG"}, 200),
    (True, {"IfMatch": WRONG}, 412),
    (False, {"IfMatch": WRONG}, 404),
    # What S3 does not have, it says: "A header you provided implies functionality that is not implemented".
    (True, {"IfMatch": "*"}, 501),
    (True, {"IfNoneMatch": "ETAG"}, 501),
    (True, {"IfMatch": "ETAG", "IfNoneMatch": "*"}, 501),
]


@pytest.mark.parametrize(("exists", "conditions", "expected"), WRITES)
@pytest.mark.parametrize("operation", ["put_object", "copy_object", "complete_multipart_upload"])
def test_writes(s3: Any, bucket: str, operation: str, exists: bool, conditions: dict[str, str], expected: int) -> None:
    """PutObject, CopyObject and CompleteMultipartUpload write, or answer 412, 404 or 501 and leave what was there."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"] if exists else ""
    s3.put_object(Bucket=bucket, Key="source", Body=b"new")
    sent = {name: value.replace("ETAG", etag) for name, value in conditions.items()}
    more: dict[str, Any] = {"Body": b"new"}
    if operation == "copy_object":
        more = {"CopySource": f"{bucket}/source"}
    elif operation == "complete_multipart_upload":
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"new")["ETag"]
        more = {"UploadId": upload, "MultipartUpload": {"Parts": [{"ETag": part, "PartNumber": 1}]}}
    assert status(getattr(s3, operation), Bucket=bucket, Key="k", **more, **sent) == expected
    if expected == 200:
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"
    elif exists:
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"CopySourceIfMatch": "ETAG"}, 200),
        ({"CopySourceIfMatch": WRONG}, 412),
        ({"CopySourceIfNoneMatch": WRONG}, 200),
        ({"CopySourceIfNoneMatch": "ETAG"}, 412),
        ({"CopySourceIfModifiedSince": PAST}, 200),
        ({"CopySourceIfUnmodifiedSince": PAST}, 412),
    ],
)
def test_sources_of_copies(s3: Any, bucket: str, conditions: dict[str, Any], expected: int) -> None:
    """CopyObject goes by its source's ETag and date too; what stops it is always a 412."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    sent = {name: etag if value == "ETAG" else value for name, value in conditions.items()}
    assert status(s3.copy_object, Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **sent) == expected


@pytest.mark.parametrize(
    ("stands", "match", "expected"),
    [
        ("object", "*", 204),
        ("object", "ETAG", 204),
        ("object", WRONG, 412),
        ("nothing", "*", 404),
        ("nothing", WRONG, 404),
        ("marker", "*", 412),
    ],
)
def test_deletes(s3: Any, bucket: str, stands: str, match: str, expected: int) -> None:
    """DeleteObject removes what matches, `*` included, and nothing else
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html)."""
    if stands == "marker":
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"] if stands != "nothing" else ""
    if stands == "marker":
        s3.delete_object(Bucket=bucket, Key="k")
    assert status(s3.delete_object, Bucket=bucket, Key="k", IfMatch=match.replace("ETAG", etag)) == expected
    assert status(s3.head_object, Bucket=bucket, Key="k") == (200 if expected == 412 and stands == "object" else 404)


def test_a_version_is_not_deleted_conditionally(s3: Any, bucket: str) -> None:
    """Conditions are for the current version; with a version id the header is refused."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    assert status(s3.delete_object, Bucket=bucket, Key="k", VersionId=version, IfMatch="*") == 501


def test_a_missing_bucket_is_told_first(s3: Any) -> None:
    """A condition on a bucket that does not exist is NoSuchBucket, not NoSuchKey."""
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.put_object(Bucket="no-such-bucket", Key="k", Body=b"x", IfMatch=WRONG)
