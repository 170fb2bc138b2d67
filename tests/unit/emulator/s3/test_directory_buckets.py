"""Operations on directory buckets are refused by name.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html: these calls are signed for `s3express`.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from tests.unit.emulator.asking import send

from pushproof.emulator.world import World

BUCKET = "data--euw1-az1--x-s3"
PLACE = {
    "Location": {"Type": "AvailabilityZone", "Name": "euw1-az1"},
    "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreateSession", {"Bucket": BUCKET}),
        ("CreateSession", {"Bucket": "usual"}),
        ("ListDirectoryBuckets", {}),
    ],
)
def test_directory_buckets_are_refused_by_name(world: World, operation: str, request_: dict[str, Any]) -> None:
    """boto3, which signs them in a way of its own, gets a 501 with the operation's name, never another operation's answer."""
    s3 = world.administrator("s3")
    if not s3.list_buckets()["Buckets"]:
        s3.create_bucket(Bucket="usual", CreateBucketConfiguration={"LocationConstraint": world.region})
    with pytest.raises(ClientError) as refused:
        getattr(s3, xform_name(operation))(**request_)
    error = refused.value.response
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (501, "NotImplemented"), error
    assert operation in error["Error"]["Message"]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("CreateBucket", {"Bucket": BUCKET, "CreateBucketConfiguration": PLACE}),
        ("DeleteBucket", {"Bucket": BUCKET}),
        ("PutBucketTagging", {"Bucket": BUCKET, "Tagging": {"TagSet": []}}),
        ("PutObject", {"Bucket": BUCKET, "Key": "k"}),
    ],
)
def test_no_operation_takes_a_directory_bucket_for_another(world: World, operation: str, body: dict[str, Any]) -> None:
    """Clients that ask for no session first are refused by name too, and no bucket is made."""
    answer = send(world, "s3", operation, body, signed="s3express")
    assert answer.names_a_gap, answer
    assert operation in answer.message
    s3 = world.administrator("s3")
    assert BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
