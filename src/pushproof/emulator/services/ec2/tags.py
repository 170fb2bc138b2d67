"""Refusals of EC2 about tags.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
"""

from __future__ import annotations

from typing import Any

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ec2.view import View

_LIMIT = 50
# The type of resource that an operation creates, if its tags may name no other type.
_TAGGED = {
    "CreateVpc": "vpc",
    "CreateSubnet": "subnet",
    "CreateRouteTable": "route-table",
    "CreateInternetGateway": "internet-gateway",
    "CreateNatGateway": "natgateway",
    "CreateSecurityGroup": "security-group",
    "CreateVpcEndpoint": "vpc-endpoint",
    "CreateNetworkAcl": "network-acl",
    "CreateNetworkInterface": "network-interface",
    "CreateDhcpOptions": "dhcp-options",
    "AllocateAddress": "elastic-ip",
    "CreateFlowLogs": "vpc-flow-log",
}


def require_tags(operation: str, request: dict[str, Any]) -> None:
    """Refuse the tags of a creation: of another type, reserved, too long, repeated, too many."""
    for specification in request.get("TagSpecifications") or ():
        kind = _TAGGED.get(operation)
        if kind is not None and specification.get("ResourceType") not in (None, kind):
            raise AwsError(
                "InvalidParameterValue",
                f"'{specification['ResourceType']}' is not a valid taggable resource type for this operation.",
            )
        _require(specification.get("Tags") or ())


def create_tags(_: View, request: dict[str, Any]) -> None:
    _require(request.get("Tags") or ())


def _require(tags: Any) -> None:
    keys = [str(tag.get("Key", "")) for tag in tags]
    for key in keys:
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
        if len(key) > 128:
            raise AwsError("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters")
        if keys.count(key) > 1:
            raise AwsError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
    if any(len(str(tag.get("Value", ""))) > 256 for tag in tags):
        raise AwsError("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
    if len(keys) > _LIMIT:
        raise AwsError("TagLimitExceeded", f"More than {_LIMIT} tags specified.")
