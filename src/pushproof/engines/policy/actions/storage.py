"""Permissions of the storage services: S3, Secrets Manager, KMS, SSM parameters, DynamoDB.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/, pages list_amazons3,
list_awssecretsmanager, list_awskeymanagementservice, list_awssystemsmanager, list_amazondynamodb; for S3 also
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pushproof.engines.policy.actions.model import (
    Parameters,
    Permission,
    Scope,
    Table,
    arns_in,
    by_name,
    by_operation,
    pass_role,
    tag_keys,
    texts,
    words,
)

# S3

_S3_RENAMED = {
    "HeadBucket": "ListBucket", "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions", "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads", "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject", "CopyObject": "PutObject", "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject", "UploadPartCopy": "PutObject", "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject", "SelectObjectContent": "GetObject",
    "GetBucketEncryption": "GetEncryptionConfiguration", "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration", "PutBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration", "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration", "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketCors": "GetBucketCORS", "PutBucketCors": "PutBucketCORS", "DeleteBucketCors": "PutBucketCORS",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock", "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls", "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
}  # fmt: skip
_S3_SAME = words("""
    CreateBucket DeleteBucket GetBucketAcl PutBucketAcl GetBucketLocation GetBucketVersioning PutBucketVersioning
    GetBucketPolicy PutBucketPolicy DeleteBucketPolicy GetBucketPolicyStatus GetBucketTagging PutBucketTagging
    GetBucketLogging PutBucketLogging GetBucketWebsite PutBucketWebsite DeleteBucketWebsite GetBucketRequestPayment
    PutBucketRequestPayment GetBucketOwnershipControls PutBucketOwnershipControls GetObject PutObject DeleteObject
    GetObjectAcl PutObjectAcl GetObjectTagging PutObjectTagging DeleteObjectTagging GetObjectAttributes
    GetObjectLegalHold PutObjectLegalHold GetObjectRetention PutObjectRetention AbortMultipartUpload RestoreObject
""")
_S3_KNOWN = {*_S3_RENAMED, *_S3_SAME}
_S3_VERSIONED = words(
    "GetObject DeleteObject GetObjectAcl PutObjectAcl GetObjectTagging PutObjectTagging DeleteObjectTagging "
    "GetObjectAttributes"
)


def _object(bucket: object, key: object, scope: Scope) -> str:
    return scope.arn("s3", f"{bucket}/{key}", region="", account="")


def _s3_resources(parameters: Parameters, scope: Scope) -> list[str]:
    bucket, key = parameters.get("Bucket"), parameters.get("Key")
    if not bucket:
        return ["*"]
    if isinstance(bucket, str) and bucket.startswith("arn:"):
        return [f"{bucket}/object/{key}" if key else bucket]
    return [_object(bucket, key, scope) if key else scope.arn("s3", str(bucket), region="", account="")]


def _s3(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    if operation not in _S3_KNOWN:
        return None
    if operation == "DeleteObjects":
        listed = (parameters.get("Delete") or {}).get("Objects") or ()
        return [_object(parameters.get("Bucket"), item.get("Key"), scope) for item in listed] or None
    return _s3_resources(parameters, scope)


def _copy(parameters: Parameters, scope: Scope) -> list[Permission]:
    source = parameters.get("CopySource")
    if isinstance(source, Mapping):
        return [Permission("s3:GetObject", _object(source.get("Bucket"), source.get("Key"), scope))]
    if isinstance(source, str):
        bucket, _, key = source.lstrip("/").partition("/")
        return [Permission("s3:GetObject", _object(bucket, key.partition("?versionId=")[0], scope))]
    return []


def _put_extras(parameters: Parameters, scope: Scope) -> list[Permission]:
    (resource,) = _s3_resources(parameters, scope)
    wants = [
        ("s3:PutObjectAcl", any(parameters.get(n) for n in ("ACL", "GrantRead", "GrantFullControl", "GrantWriteACP"))),
        ("s3:PutObjectTagging", bool(parameters.get("Tagging"))),
    ]
    return [Permission(action, resource, _s3_keys(parameters)) for action, applies in wants if applies]


def _s3_keys(parameters: Parameters) -> dict[str, Any]:
    names = {
        "Prefix": "s3:prefix", "Delimiter": "s3:delimiter", "MaxKeys": "s3:max-keys", "ACL": "s3:x-amz-acl",
        "ServerSideEncryption": "s3:x-amz-server-side-encryption", "VersionId": "s3:VersionId",
        "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id", "StorageClass": "s3:x-amz-storage-class",
    }  # fmt: skip
    keys: dict[str, Any] = {
        key: str(parameters[name]) for name, key in names.items() if parameters.get(name) is not None
    }
    if "Prefix" not in parameters and "Key" not in parameters:
        keys["s3:prefix"] = ""
    return keys


class _S3Table(Table):
    """S3 has other actions for a named version of an object."""

    __slots__ = ()

    def requirement(self, operation: str, parameters: Parameters, scope: Scope) -> Any:
        answer = super().requirement(operation, parameters, scope)
        action = self.renamed.get(operation, operation)
        if parameters.get("VersionId") and action in _S3_VERSIONED:
            return type(answer)(
                tuple(
                    Permission(_versioned(p.action), p.resource, p.context) if p.action == f"s3:{action}" else p
                    for p in answer.permissions
                ),
                answer.mapped,
            )
        return answer


def _versioned(action: str) -> str:
    """``s3:GetObjectTagging`` -> ``s3:GetObjectVersionTagging``."""
    return action.replace("Object", "ObjectVersion", 1)


S3: Table = _S3Table(
    "s3",
    renamed=_S3_RENAMED,
    extra={
        "CopyObject": lambda p, s: _copy(p, s) + _put_extras(p, s),
        "UploadPartCopy": _copy,
        "PutObject": _put_extras,
        "CreateMultipartUpload": _put_extras,
        "PutBucketReplication": lambda p, s: pass_role(
            (p.get("ReplicationConfiguration") or {}).get("Role"), "s3.amazonaws.com", s
        ),
    },
    keys=_s3_keys,
    rule=_s3,
)

# Secrets Manager: a secret's ARN ends in six random characters that a request by name does not show.


def _secret(parameters: Parameters, scope: Scope) -> Iterable[str]:
    return [
        item if item.startswith("arn:") else scope.real(scope.arn("secretsmanager", f"secret:{item}"))
        for item in texts(parameters.get("SecretId"))
    ]


def _secrets(_operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    return _secret(parameters, scope) if "SecretId" in parameters else None


def _secret_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    names = {"Name": "secretsmanager:Name", "SecretId": "secretsmanager:SecretId", "KmsKeyId": "secretsmanager:KmsKeyId",
             "VersionId": "secretsmanager:VersionId", "VersionStage": "secretsmanager:VersionStage"}  # fmt: skip
    keys.update({key: str(parameters[name]) for name, key in names.items() if parameters.get(name)})
    return keys


SECRETSMANAGER = Table(
    "secretsmanager",
    resources={"CreateSecret": by_name("Name", "secretsmanager", "secret:{}-??????")},
    anywhere=frozenset({"ListSecrets", "GetRandomPassword", "BatchGetSecretValue"}),
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    tagging={"CreateSecret": "TagResource"},
    keys=_secret_keys,
    rule=_secrets,
)

# KMS


_KEY_ID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _key(value: str, scope: Scope) -> str:
    if value.startswith("arn:"):
        return scope.real(value) if ":alias/" in value else value
    return scope.real(scope.arn("kms", value)) if value.startswith("alias/") else scope.arn("kms", f"key/{value}")


def _kms(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    if operation in ("Decrypt", "ReEncrypt") and not (parameters.get("KeyId") or parameters.get("SourceKeyId")):
        # The ciphertext names the key. AWS's is opaque; emulators begin it with the key's id.
        blob = parameters.get("CiphertextBlob")
        key = _KEY_ID.match(blob) if isinstance(blob, bytes) else None
        return [_key(key.group().decode(), scope)] if key else ("*",)
    if "KeyId" in parameters:
        return [_key(str(parameters["KeyId"]), scope)]
    return None


def _alias(parameters: Parameters, scope: Scope) -> Iterable[str]:
    keys = [_key(text, scope) for text in texts(parameters.get("TargetKeyId"))]
    return [*(scope.arn("kms", name) for name in texts(parameters.get("AliasName"))), *keys]


KMS = Table(
    "kms",
    resources=by_operation({"CreateAlias UpdateAlias DeleteAlias": _alias}),
    anywhere=words("CreateKey ListKeys ListAliases GenerateRandom ListRetirableGrants"),
    renamed={"ReEncrypt": "ReEncryptFrom"},
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    tagging={"CreateKey": "TagResource"},
    keys=lambda parameters: {
        **tag_keys(parameters),
        **{f"kms:EncryptionContext:{k}": str(v) for k, v in (parameters.get("EncryptionContext") or {}).items()},
    },
    rule=_kms,
)

# SSM parameters; the rest of Systems Manager is not mapped.


def _parameter(*names: str) -> Any:
    def resolve(parameters: Parameters, scope: Scope) -> Iterable[str]:
        return [
            item if item.startswith("arn:") else scope.arn("ssm", f"parameter/{item.removeprefix('/').split(':')[0]}")
            for name in names
            for item in texts(parameters.get(name))
        ]

    return resolve


SSM = Table(
    "ssm",
    resources=by_operation(
        {
            "GetParameter PutParameter DeleteParameter GetParameterHistory LabelParameterVersion "
            "UnlabelParameterVersion": _parameter("Name"),
            "GetParameters DeleteParameters": _parameter("Names"),
            "GetParametersByPath": _parameter("Path"),
            "AddTagsToResource RemoveTagsFromResource ListTagsForResource": _parameter("ResourceId"),
        }
    ),
    anywhere=frozenset({"DescribeParameters"}),
    keys=tag_keys,
)

# DynamoDB


_DYNAMODB_ANYWHERE = words(
    "ListTables DescribeLimits DescribeEndpoints ListGlobalTables ListBackups ListContributorInsights"
)


def _dynamodb(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    if operation in _DYNAMODB_ANYWHERE:
        return ("*",)
    if "TableName" in parameters:
        return list(by_name("TableName", "dynamodb", "table/{}")(parameters, scope))
    if "RequestItems" in parameters:
        return [scope.arn("dynamodb", f"table/{name}") for name in parameters["RequestItems"]]
    return list(arns_in("ResourceArn")(parameters, scope)) or None


DYNAMODB = Table("dynamodb", keys=tag_keys, rule=_dynamodb)
