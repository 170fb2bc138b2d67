"""Requests that S3 accepts although the substrate by itself would not, and the values that it keeps."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World


def logging_to(target: str) -> dict[str, Any]:
    return {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/"}}


def test_logging_needs_no_grant_beforehand(s3: Any, bucket: str) -> None:
    """Logging to a bucket without any grant is taken and read back: the grant may come later.

    Recorded: localstack/localstack, test_s3.py::TestS3BucketLogging::test_put_bucket_logging.
    """
    s3.create_bucket(Bucket=f"{bucket}-logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=logging_to(f"{bucket}-logs"))
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == logging_to(f"{bucket}-logs")["LoggingEnabled"]


def test_logging_stays_in_its_region(world: World, s3: Any, bucket: str) -> None:
    """A target in another region is refused as S3 refuses it, and nothing is logged there.

    Recorded: localstack/localstack, test_s3.py::TestS3BucketLogging::test_put_bucket_logging_wrong_target.
    """
    far = {"LocationConstraint": "eu-central-1"}
    world.administrator("s3", region="eu-central-1").create_bucket(
        Bucket=f"{bucket}-far", CreateBucketConfiguration=far
    )
    with pytest.raises(ClientError) as refusal:
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=logging_to(f"{bucket}-far"))
    error = refusal.value.response
    assert error["Error"]["Code"] == "CrossLocationLoggingProhibitted"
    assert error["Error"]["Message"].strip() == "Cross S3 location logging not allowed."
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_object_lock_of_a_bucket_in_use(s3: Any, bucket: str) -> None:
    """A bucket that holds objects takes a default retention, and keeps the objects."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": retention}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == lock
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"a"


def test_mfa_delete_is_read_back(s3: Any, bucket: str) -> None:
    """MFA delete is shown once it has been configured, and stays when only the status changes."""
    assert "MFADelete" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Disabled"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    shown = s3.get_bucket_versioning(Bucket=bucket)
    assert (shown["Status"], shown["MFADelete"]) == ("Suspended", "Disabled")


def test_a_suspended_acceleration_is_a_state(s3: Any, bucket: str) -> None:
    """A bucket without a state shows none; one that was set shows it, Suspended too.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAccelerateConfiguration.html
    """
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Suspended"


def test_an_account_has_one_canonical_id(s3: Any, bucket: str) -> None:
    """The owner of the account's buckets is the owner in their ACLs and of their objects.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/finding-canonical-user-id.html
    """
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    owner = s3.list_buckets()["Owner"]["ID"]
    assert len(owner) == 64
    assert s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"] == owner
    assert s3.get_object_acl(Bucket=bucket, Key="a")["Owner"]["ID"] == owner
    assert s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"]["ID"] == owner
