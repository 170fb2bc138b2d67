"""Configurations of buckets are read back as they were written, or are a 501 by name; none is taken for something else."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.request import Request
from moto.s3.responses import S3Response

from pushproof.emulator.substrate.moto_lacks import ROUTED, lacking
from pushproof.emulator.world import World

ROLE = "arn:aws:iam::123456789012:role/replication"
WRITTEN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lifecycle": (
        "put_bucket_lifecycle_configuration",
        "get_bucket_lifecycle_configuration",
        {
            "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "ID": "large",
                        "Status": "Enabled",
                        "Filter": {"ObjectSizeGreaterThan": 5},
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
                        "NoncurrentVersionTransitions": [
                            {"NoncurrentDays": 30, "StorageClass": "STANDARD_IA", "NewerNoncurrentVersions": 3}
                        ],
                    },
                    {
                        "ID": "both",
                        "Status": "Enabled",
                        "Filter": {
                            "And": {"Prefix": "x", "ObjectSizeLessThan": 500, "Tags": [{"Key": "a", "Value": "b"}]}
                        },
                        "Expiration": {"Days": 4},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 4},
                    },
                ]
            },
        },
    ),
    "replication": (
        "put_bucket_replication",
        "get_bucket_replication",
        {
            "ReplicationConfiguration": {
                "Role": ROLE,
                "Rules": [
                    {
                        "ID": "x",
                        "Priority": 1,
                        "Status": "Enabled",
                        "Filter": {"And": {"Prefix": "a", "Tags": [{"Key": "a", "Value": "b"}]}},
                        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
                        "DeleteMarkerReplication": {"Status": "Enabled"},
                        "Destination": {
                            "Bucket": "arn:aws:s3:::BUCKET",
                            "StorageClass": "STANDARD",
                            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
                            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
                        },
                    }
                ],
            }
        },
    ),
    "object lock": (
        "put_object_lock_configuration",
        "get_object_lock_configuration",
        {
            "ObjectLockConfiguration": {
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
            }
        },
    ),
    "notification": (
        "put_bucket_notification_configuration",
        "get_bucket_notification_configuration",
        {"NotificationConfiguration": {"EventBridgeConfiguration": {}}},
    ),
    "payer": (
        "put_bucket_request_payment",
        "get_bucket_request_payment",
        {"RequestPaymentConfiguration": {"Payer": "Requester"}},
    ),
    "metrics": (
        "put_bucket_metrics_configuration",
        "get_bucket_metrics_configuration",
        {"Id": "i", "MetricsConfiguration": {"Id": "i", "Filter": {"Prefix": "p/"}}},
    ),
    "analytics": (
        "put_bucket_analytics_configuration",
        "get_bucket_analytics_configuration",
        {
            "Id": "i",
            "AnalyticsConfiguration": {
                "Id": "i",
                "StorageClassAnalysis": {
                    "DataExport": {
                        "OutputSchemaVersion": "V_1",
                        "Destination": {
                            "S3BucketDestination": {"Format": "CSV", "Bucket": "arn:aws:s3:::BUCKET", "Prefix": "p"}
                        },
                    }
                },
            },
        },
    ),
    "tiering": (
        "put_bucket_intelligent_tiering_configuration",
        "get_bucket_intelligent_tiering_configuration",
        {
            "Id": "i",
            "IntelligentTieringConfiguration": {
                "Id": "i",
                "Status": "Enabled",
                "Filter": {"Prefix": "documents/"},
                "Tierings": [{"Days": 125, "AccessTier": "DEEP_ARCHIVE_ACCESS"}],
            },
        },
    ),
    "inventory": (
        "put_bucket_inventory_configuration",
        "get_bucket_inventory_configuration",
        {
            "Id": "i",
            "InventoryConfiguration": {
                "Id": "i",
                "IsEnabled": True,
                "IncludedObjectVersions": "All",
                "Schedule": {"Frequency": "Daily"},
                "OptionalFields": ["Size", "ETag"],
                "Destination": {
                    "S3BucketDestination": {
                        "Bucket": "arn:aws:s3:::BUCKET",
                        "Format": "CSV",
                        "Encryption": {"SSES3": {}},
                    }
                },
            },
        },
    ),
    "encryption": (
        "put_bucket_encryption",
        "get_bucket_encryption",
        {
            "ServerSideEncryptionConfiguration": {
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": "arn:aws:kms:eu-west-1:123456789012:key/k",
                        },
                        "BucketKeyEnabled": True,
                    }
                ]
            }
        },
    ),
    "tags": (
        "put_bucket_tagging",
        "get_bucket_tagging",
        {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}, {"Key": "empty", "Value": ""}]}},
    ),
}


def named(value: Any, bucket: str) -> Any:
    """The value, with the bucket's name in it."""
    if isinstance(value, dict):
        return {key: named(inner, bucket) for key, inner in value.items()}
    if isinstance(value, list):
        return [named(inner, bucket) for inner in value]
    return value.replace("BUCKET", bucket) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_was_written_is_read_back(s3: Any, bucket: str, kind: str) -> None:
    """Get answers every member of Put: Terraform would otherwise write it on every plan, or wait for ever."""
    put, get, sent = WRITTEN[kind]
    sent = named(sent, bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    getattr(s3, put)(Bucket=bucket, **sent)
    answer = getattr(s3, get)(Bucket=bucket, **({"Id": sent["Id"]} if "Id" in sent else {}))
    expected: dict[str, Any] = {}
    for name, value in sent.items():
        if name != "Id":
            expected.update({name: value} if name in answer else value)
    assert {key: answer.get(key) for key in expected} == expected


@pytest.mark.parametrize("kind", ["metrics", "analytics", "tiering", "inventory"])
def test_numbered_configurations_are_listed_and_removed(s3: Any, bucket: str, kind: str) -> None:
    """Each is listed until it is deleted; then it does not exist, and the bucket still does."""
    put, get, sent = WRITTEN[kind]
    sent = named(sent, bucket)
    getattr(s3, put)(Bucket=bucket, **sent)
    listing = getattr(s3, get.replace("get_", "list_") + "s")
    [listed] = next(value for key, value in listing(Bucket=bucket).items() if key.endswith("List"))
    assert listed["Id"] == "i"
    getattr(s3, put.replace("put_", "delete_"))(Bucket=bucket, Id="i")
    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        getattr(s3, get)(Bucket=bucket, Id="i")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_every_bucket_is_encrypted(s3: Any, bucket: str) -> None:
    """A bucket without an encryption configuration answers AES256, before one was made and after it was deleted
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html)."""
    default = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == default
    put, _, sent = WRITTEN["encryption"]
    getattr(s3, put)(Bucket=bucket, **sent)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == default
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.get_bucket_encryption(Bucket="no-such-bucket-here")


def test_objects_say_how_they_are_encrypted(s3: Any, bucket: str) -> None:
    """PutObject and HeadObject answer `x-amz-server-side-encryption: AES256`, as for every new object since 2023."""
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"


def test_a_deleted_bucket_leaves_nothing(s3: Any, bucket: str) -> None:
    """A bucket made again under the same name has none of the configurations of the first."""
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_the_table_of_what_moto_routes_is_moto_s() -> None:
    """Each sub-resource in the table is one that moto looks for; what S3's model has beyond it is refused."""
    sources = {
        (level, method): inspect.getsource(getattr(S3Response, f"_{level}_response_{method.lower()}"))
        for level in ("bucket", "key")
        for method in ("GET", "PUT", "DELETE", "POST")
    }
    sources["bucket", "POST"] += inspect.getsource(S3Response.is_delete_keys)
    for key, names in ROUTED.items():
        for name in names:
            assert f'"{name}"' in sources[key] or f"?{name}" in sources[key], (key, name)
    for key, names in lacking().items():
        for name in names:
            assert f'"{name}" in query' not in sources.get(key, ""), (key, name)


@pytest.mark.parametrize(
    ("level", "method", "name"),
    [(level, method, name) for (level, method), names in lacking().items() for name in sorted(names)],
)
def test_a_sub_resource_that_is_lacking_is_a_501_and_changes_nothing(
    world: World, s3: Any, bucket: str, level: str, method: str, name: str
) -> None:
    """No sub-resource in S3's model is taken for the bucket or the object: it is read back, or 501 by its name."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    path = f"/{bucket}/k" if level == "key" else f"/{bucket}"
    authorization = "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/s3/aws4_request, Signature=x"
    url = f"http://127.0.0.1:1{path}?{name}"
    response = world.substrate.handle  # straight to the substrate: the overlay may keep it beside
    try:
        answer = response(Request.from_primitives(method, url, {"Authorization": authorization}, b""))
        status = answer.status_code
    except Exception as error:
        status = getattr(error, "status", 500)
    assert status == 501
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
