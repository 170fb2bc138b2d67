"""Tables of the calls that read a resource's own policy, and the tags and the id that conditions may name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pushproof.aws.arns import resource_of
from pushproof.emulator.kernel.functions import function_name


def _after(prefix: str) -> Callable[[str], str]:
    """Return the part of an ARN's resource after a prefix; empty unless it is a single resource of that kind."""

    def name(arn: str) -> str:
        rest = resource_of(arn)
        return rest.removeprefix(prefix) if rest.startswith(prefix) and "*" not in rest else ""

    return name


def _bucket(arn: str) -> str:
    name = resource_of(arn).split("/", 1)[0]
    return name if "*" not in name else ""


Reader = tuple[
    Callable[[str], str], str, Callable[[str], dict[str, object]], Callable[[dict[str, Any]], Any]
]  # name in the ARN, operation, its arguments, the document in its answer

READERS: dict[str, Reader] = {
    "s3": (_bucket, "get_bucket_policy", lambda name: {"Bucket": name}, lambda a: a.get("Policy")),
    "sns": (
        lambda arn: arn if "*" not in arn else "",
        "get_topic_attributes",
        lambda name: {"TopicArn": name},
        lambda a: a["Attributes"].get("Policy"),
    ),
    "sqs": (
        _after(""),
        "get_queue_attributes",
        lambda name: {"QueueUrl": name, "AttributeNames": ["Policy"]},
        lambda a: (a.get("Attributes") or {}).get("Policy"),
    ),
    "kms": (
        _after("key/"),
        "get_key_policy",
        lambda name: {"KeyId": name, "PolicyName": "default"},
        lambda a: a.get("Policy"),
    ),
    "secretsmanager": (
        lambda arn: arn if ":secret:" in arn and "?" not in arn and "*" not in arn else "",
        "get_resource_policy",
        lambda name: {"SecretId": name},
        lambda a: a.get("ResourcePolicy"),
    ),
    "lambda": (
        lambda arn: function_name(arn) if ":function:" in arn and "*" not in arn else "",
        "get_policy",
        lambda name: {"FunctionName": name},
        lambda a: a.get("Policy"),
    ),
    "ecr": (
        _after("repository/"),
        "get_repository_policy",
        lambda name: {"repositoryName": name},
        lambda a: a.get("policyText"),
    ),
}

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html (resource types)
ID_KEYS = {
    "dhcp-options": "DhcpOptionsID", "elastic-ip": "AllocationId", "instance": "InstanceID",
    "internet-gateway": "InternetGatewayID", "network-acl": "NetworkAclID", "network-interface": "NetworkInterfaceID",
    "route-table": "RouteTableID", "security-group": "SecurityGroupID", "subnet": "SubnetID", "volume": "VolumeID",
    "vpc": "VpcID",
}  # fmt: skip
# The reading of an ARN's tags: an operation and its arguments.
TAGS: dict[str, tuple[str, Callable[[str], dict[str, object]]]] = {
    "ec2": (
        "describe_tags",
        lambda arn: {"Filters": [{"Name": "resource-id", "Values": [arn.rsplit("/", 1)[-1]]}]},
    ),
    "acm": ("list_tags_for_certificate", lambda arn: {"CertificateArn": arn}),
    "codeconnections": ("list_tags_for_resource", lambda arn: {"ResourceArn": arn}),
    "codestar-connections": ("list_tags_for_resource", lambda arn: {"ResourceArn": arn}),
}
