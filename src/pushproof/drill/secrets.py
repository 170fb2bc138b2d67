"""Values of the secrets and parameters that tasks need: a person's, or throw-away ones where there is none yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

#: A value that parses as most things: a URL of a database that is nowhere.
THROW_AWAY = "postgresql://drill:not-a-real-password@db.internal:5432/drill"


def put_missing_values(
    clients: Callable[[Literal["secretsmanager"]], SecretsManagerClient],
    references: Sequence[str],
    values: Mapping[str, str],
) -> list[str]:
    """Give every secret of a task definition a value where it has none; returns the names of those that were given one.

    `references` are `valueFrom`s: an ARN of Secrets Manager, with a JSON key where it names one, or a parameter of SSM, which
    Terraform always gives a value. `values`: a person's, by the secret's name or ARN.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    manager = clients("secretsmanager")
    given = []
    for arn, keys in _secrets(references).items():
        name = arn.split(":", 6)[-1]
        chosen = next((text for known, text in values.items() if known in (arn, name) or _is_named(name, known)), None)
        if chosen is None and _has_value(manager, arn):
            continue
        content = chosen if chosen is not None else json.dumps(dict.fromkeys(keys, THROW_AWAY)) if keys else THROW_AWAY
        manager.put_secret_value(SecretId=arn, SecretString=content)
        given.append(name)
    return given


def _secrets(references: Sequence[str]) -> dict[str, list[str]]:
    """Return the secrets' ARNs, each with the JSON keys that are asked for."""
    secrets: dict[str, list[str]] = {}
    for reference in references:
        parts = reference.split(":")
        if parts[2:3] == ["secretsmanager"]:
            keys = secrets.setdefault(":".join(parts[:7]), [])
            keys += [key for key in parts[7:8] if key]
    return secrets


def _is_named(name: str, known: str) -> bool:
    """Return whether an ARN's last part is a secret's name, with the six characters that Secrets Manager appends."""
    return name.startswith(f"{known}-") and len(name) == len(known) + 7


def _has_value(manager: SecretsManagerClient, arn: str) -> bool:
    try:
        manager.get_secret_value(SecretId=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return not _exists(manager, arn)
        raise
    return True


def _exists(manager: SecretsManagerClient, arn: str) -> bool:
    try:
        manager.describe_secret(SecretId=arn)
    except ClientError:
        return False
    return True
