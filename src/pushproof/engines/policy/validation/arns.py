"""The forms that IAM demands of a Resource element, in its own order and words.

As recorded from CreatePolicy and PutUserPolicy (moto's tables of refused and accepted documents), and from PutRolePolicy for a
wildcard in the place of the service.
"""

from __future__ import annotations

from collections.abc import Iterable

from pushproof.engines.policy.validation.flaws import Fault, Flawed

_PARTITIONS = frozenset({"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"})
_IAM_PATHS = (
    "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
    "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
)  # fmt: skip
_S3_REGIONAL = ("accesspoint/", "accesspoint:", "job/", "storage-lens/", "storage-lens-group/", "access-grants/")


def resource_flaw(text: str) -> str | None:
    """IAM's complaint about one resource of an identity policy; None when there is none."""
    if text == "*":
        return None
    _, colon, rest = text.partition(":")
    if not colon:
        return f'Resource {text} must be in ARN format or "*".'
    partition, colon, rest = rest.partition(":")
    if partition != "*" and partition not in _PARTITIONS:
        return _no_partition(partition, rest)
    if not colon:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    service, _, rest = rest.partition(":")
    if "*" in service or "?" in service:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    region, _, rest = rest.partition(":")
    path = rest.partition(":")[2]
    if service == "iam" and region not in ("", "*"):
        return f"IAM resource {text} cannot contain region information."
    if service == "s3" and region not in ("", "*") and not path.startswith(_S3_REGIONAL):
        return f"Resource {text} can not contain region information."
    if service == "iam" and text.count(":") >= 5 and path != "*" and not path.startswith(_IAM_PATHS):
        return f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
    return None


def _no_partition(partition: str, rest: str) -> str:
    parts = rest.split(":", 3)
    pieces = [part if part or len(parts) > 1 else "*" for part in parts] + ["*"] * (4 - len(parts))
    return f'Partition "{partition}" is not valid for resource "arn:{partition}:{":".join(pieces)}".'


def parse_as_ever(texts: Iterable[str]) -> None:
    """IAM's older parser: an ARN that skips fields in its middle, or has no service, fails without an explanation."""
    for item in texts:
        if item == "*" or not item:
            continue
        parts = item.split(":")
        if (len(parts) < 6 and "::" in item) or len(parts) < 3 or not parts[2]:
            raise Flawed(Fault.SYNTAX, "The policy failed legacy parsing")
