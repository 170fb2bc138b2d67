"""Buckets that a delivery depends on: versioned, encrypted and closed to the public."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.checks.finding import Finding

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef

_VERSIONING = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html"
_ENCRYPTION = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"
_PUBLIC = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def bucket_findings(s3: S3Client, bucket: str) -> Iterator[Finding]:
    """The faults of a bucket that must be versioned, encrypted and private."""
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        yield Finding(
            resource=bucket,
            expected="versioning Enabled",
            found="off",
            why="What was overwritten or deleted cannot be had back.",
            change="Add aws_s3_bucket_versioning.",
            page=_VERSIONING,
        )
    kind = _encryption(s3, bucket)
    if kind not in ("AES256", "aws:kms", "aws:kms:dsse"):
        yield Finding(
            resource=bucket,
            expected="default encryption with AES256 or a KMS key",
            found=f"{kind}",
            why="What is stored there lies unencrypted.",
            change="Add aws_s3_bucket_server_side_encryption_configuration.",
            page=_ENCRYPTION,
        )
    missing = [name for name in _BLOCKS if not _blocks(s3, bucket).get(name)]
    if missing:
        yield Finding(
            resource=bucket,
            expected="all four public access blocks",
            found=f"without {', '.join(missing)}",
            why="One wrong policy or ACL and what is in it is on the internet.",
            change="Add aws_s3_bucket_public_access_block with all four true.",
            page=_PUBLIC,
        )


def _encryption(s3: S3Client, bucket: str) -> str:
    """The default encryption. Since January 2023 every bucket has one, AES256 where nobody configured it."""
    try:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        # The answers of emulators and gateways without this operation.
        if error.response["Error"]["Code"] == "ServerSideEncryptionConfigurationNotFoundError":
            return "AES256"
        raise
    default = rules[0].get("ApplyServerSideEncryptionByDefault") if rules else None
    return str(default["SSEAlgorithm"]) if default else "AES256"


def _blocks(s3: S3Client, bucket: str) -> PublicAccessBlockConfigurationTypeDef:
    try:
        return s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration":
            return {}
        raise
