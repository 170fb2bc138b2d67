"""Construction and parsing of ARNs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

PARTITION = "aws"


def arn_of(service: str, resource: str, *, region: str = "", account: str = "") -> str:
    """Return the ARN of a resource. Leave parts empty for services without regions and for global names."""
    return f"arn:{PARTITION}:{service}:{region}:{account}:{resource}"


def arn_of_bucket(bucket: str, key: str = "") -> str:
    """Return the ARN of a bucket, or of an object in it."""
    return arn_of("s3", f"{bucket}/{key}" if key else bucket)


def arn_of_role(account: str, name: str) -> str:
    """Return the ARN of a role; `name` may begin with a path."""
    return arn_of("iam", f"role/{name}", account=account)


def arn_of_root(account: str) -> str:
    """Return the ARN of an account's root user, which represents the account."""
    return arn_of("iam", "root", account=account)


def region_of(arn: str) -> str:
    """Return the region in an ARN; "" if it has none or is not an ARN."""
    return _part(arn, 3)


def account_of(arn: str) -> str:
    """Return the account in an ARN; "" if it has none or is not an ARN."""
    return _part(arn, 4)


def resource_of(arn: str) -> str:
    """Return the part of an ARN after the account; "" if it is not an ARN."""
    return _part(arn, 5)


def last(reference: str) -> str:
    """Return the part of an ARN after its last slash: a name or an id, which may also stand for itself."""
    return reference.rsplit("/", 1)[-1]


def _part(arn: str, number: int) -> str:
    parts = arn.split(":", 5)
    return parts[number] if len(parts) == 6 and parts[0] == "arn" else ""
