"""Kinds that keep data: buckets, logs, secrets, certificates, tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.aws.tags import tag_map
from pushproof.sandbox.sweep.resource import Account, Kind, Resource, StillGoing, epoch, gone_is_fine, is_gone, pages

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

_STATE = ".tfstate"


def _buckets(account: Account) -> Iterator[Resource]:
    api = account.client("s3")
    for bucket in api.list_buckets()["Buckets"]:
        tags: dict[str, str] = {}
        try:
            where = api.get_bucket_location(Bucket=bucket["Name"]).get("LocationConstraint") or "us-east-1"
            if {"EU": "eu-west-1"}.get(where, where) != account.region:
                continue
            tags = tag_map(api.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchBucket":
                continue
            # Another owner's policy may hide a bucket's tags; its name still shows the run.
            if code not in ("NoSuchTagSet", "AccessDenied", "403"):
                raise
        yield Resource(
            "s3 bucket", bucket["Name"], name=bucket["Name"], tags=tags, created_at=epoch(bucket.get("CreationDate"))
        )


def _remove_bucket(account: Account, resource: Resource) -> None:
    """Remove every version and delete marker, unfinished uploads, then the bucket. Copies of Terraform states are kept first."""
    api = account.client("s3")
    try:
        for entry in pages(api, "list_objects_v2", "Contents", Bucket=resource.id):
            if entry["Key"].endswith(_STATE):
                body = gone_is_fine(api.get_object, Bucket=resource.id, Key=entry["Key"])
                if body is not None:
                    account.keep(f"{resource.id}/{entry['Key']}", body["Body"].read())
        for page in api.get_paginator("list_object_versions").paginate(Bucket=resource.id):
            doomed: list[ObjectIdentifierTypeDef] = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for item in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            for start in range(0, len(doomed), 1000):
                answer = api.delete_objects(
                    Bucket=resource.id, Delete={"Objects": doomed[start : start + 1000], "Quiet": True}
                )
                for failure in answer.get("Errors") or []:
                    raise RuntimeError(f"{resource.id}/{failure['Key']}: {failure['Code']} {failure['Message']}")
        for upload in pages(api, "list_multipart_uploads", "Uploads", Bucket=resource.id):
            gone_is_fine(api.abort_multipart_upload, Bucket=resource.id, Key=upload["Key"], UploadId=upload["UploadId"])
        api.delete_bucket(Bucket=resource.id)
    except ClientError as error:
        if not is_gone(error):
            raise


def _log_groups(account: Account) -> Iterator[Resource]:
    api = account.client("logs")
    for group in pages(api, "describe_log_groups", "logGroups"):
        arn = group.get("logGroupArn") or group["arn"].removesuffix(":*")
        answer = gone_is_fine(api.list_tags_for_resource, resourceArn=arn) or {}
        created = group.get("creationTime")
        yield Resource(
            "logs log-group", group["logGroupName"], name=group["logGroupName"], tags=answer.get("tags") or {},
            created_at=created / 1000 if created else None,
        )  # fmt: skip


def _secrets(account: Account) -> Iterator[Resource]:
    """Return the secrets, including those scheduled for deletion:

    these block their name for a week or more. Secrets that a service owns are left to it.
    """
    for secret in pages(account.client("secretsmanager"), "list_secrets", "SecretList", IncludePlannedDeletion=True):
        if not secret.get("OwningService"):
            yield Resource(
                "secretsmanager secret", secret["ARN"], name=secret["Name"], tags=tag_map(secret.get("Tags")),
                created_at=epoch(secret.get("CreatedDate")),
            )  # fmt: skip


def _remove_secret(account: Account, resource: Resource) -> None:
    api = account.client("secretsmanager")
    try:
        gone_is_fine(api.delete_secret, SecretId=resource.id, ForceDeleteWithoutRecovery=True)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidRequestException":
            raise
        # Already scheduled for deletion: it must be restored before it can be deleted at once.
        gone_is_fine(api.restore_secret, SecretId=resource.id)
        gone_is_fine(api.delete_secret, SecretId=resource.id, ForceDeleteWithoutRecovery=True)


def _certificates(account: Account) -> Iterator[Resource]:
    api = account.client("acm")
    # Without the filter, ACM lists RSA 2048 certificates only.
    keys = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
    for certificate in pages(api, "list_certificates", "CertificateSummaryList", Includes={"keyTypes": keys}):
        arn = certificate["CertificateArn"]
        answer = gone_is_fine(api.list_tags_for_certificate, CertificateArn=arn) or {}
        yield Resource(
            "acm certificate", arn, tags=tag_map(answer.get("Tags")), created_at=epoch(certificate.get("CreatedAt"))
        )


def _tables(account: Account) -> Iterator[Resource]:
    api = account.client("dynamodb")
    for name in pages(api, "list_tables", "TableNames"):
        described = gone_is_fine(api.describe_table, TableName=name)
        if described is None:
            continue
        table = described["Table"]
        answer = gone_is_fine(api.list_tags_of_resource, ResourceArn=table["TableArn"]) or {}
        yield Resource(
            "dynamodb table", name, name=name, tags=tag_map(answer.get("Tags")),
            going=table["TableStatus"] == "DELETING", created_at=epoch(table.get("CreationDateTime")),
        )  # fmt: skip


def _remove_table(account: Account, resource: Resource) -> None:
    api = account.client("dynamodb")
    try:
        gone_is_fine(api.delete_table, TableName=resource.id)
    except api.exceptions.ResourceInUseException as error:
        raise StillGoing(f"{resource.id} is being made or changed") from error


def _keys(account: Account) -> Iterator[Resource]:
    """Return the customer's keys. A key that waits for its deletion costs nothing and cannot be hurried, so it counts as gone."""
    api = account.client("kms")
    for key in pages(api, "list_keys", "Keys"):
        tags: dict[str, str] = {}
        try:
            metadata = api.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            if metadata["KeyManager"] != "CUSTOMER" or metadata["KeyState"] in (
                "PendingDeletion",
                "PendingReplicaDeletion",
            ):
                continue
            tags = tag_map(list(pages(api, "list_resource_tags", "Tags", KeyId=key["KeyId"])))
        except ClientError as error:
            # A key's policy may hide it from the account's administrators. Such a key does not belong to a run.
            if is_gone(error) or error.response["Error"]["Code"] == "AccessDeniedException":
                continue
            raise
        yield Resource("kms key", key["KeyId"], tags=tags, created_at=epoch(metadata.get("CreationDate")))


def _remove_key(account: Account, resource: Resource) -> None:
    """Schedule a key's deletion in seven days, the shortest wait there is.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
    """
    gone_is_fine(account.client("kms").schedule_key_deletion, KeyId=resource.id, PendingWindowInDays=7)


def _aliases(account: Account) -> Iterator[Resource]:
    for alias in pages(account.client("kms"), "list_aliases", "Aliases"):
        if not alias["AliasName"].startswith("alias/aws/"):
            key = alias.get("TargetKeyId")
            yield Resource(
                "kms alias", alias["AliasName"], name=alias["AliasName"].removeprefix("alias/"),
                part_of=("kms key", key) if key else None, created_at=epoch(alias.get("CreationDate")),
            )  # fmt: skip


KINDS = (
    Kind("s3 bucket", _buckets, _remove_bucket),
    Kind("secretsmanager secret", _secrets, _remove_secret),
    Kind("acm certificate", _certificates,
         lambda account, resource: gone_is_fine(account.client("acm").delete_certificate, CertificateArn=resource.id)),
    Kind("dynamodb table", _tables, _remove_table),
    # Keys follow what they encrypt. Aliases go first: they would keep their names for as long as the key waits.
    Kind("kms alias", _aliases,
         lambda account, resource: gone_is_fine(account.client("kms").delete_alias, AliasName=resource.id)),
    Kind("kms key", _keys, _remove_key),
    # Log groups go late: anything that still ran may have written to one and so created it anew.
    Kind("logs log-group", _log_groups,
         lambda account, resource: gone_is_fine(account.client("logs").delete_log_group, logGroupName=resource.id)),
)  # fmt: skip
