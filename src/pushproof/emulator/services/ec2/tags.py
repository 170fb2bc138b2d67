"""Refusals of EC2 about tags.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pushproof.aws.tags import MOST_TAGS, Rule, broken_rule, tag_pairs
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ec2.view import View

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import TagTypeDef

    from pushproof.emulator.kernel.shapes.ec2 import CreateTagsRequest

_WORDS = {
    Rule.NOT_RESERVED: "Tag keys starting with 'aws:' are reserved for internal use",
    Rule.KEY_LENGTH: "Tag key exceeds the maximum length of 128 characters",
    Rule.UNIQUE: "Duplicate tag key '{key}' specified.",
    Rule.VALUE_LENGTH: "Tag value exceeds the maximum length of 256 characters",
    Rule.NUMBER: f"More than {MOST_TAGS} tags specified.",
}
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


def require_tags(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse the tags of a creation: of another type, reserved, too long, repeated, too many."""
    for specification in request.get("TagSpecifications") or ():
        kind = _TAGGED.get(operation)
        if kind is not None and specification.get("ResourceType") not in (None, kind):
            raise AwsError(
                "InvalidParameterValue",
                f"'{specification['ResourceType']}' is not a valid taggable resource type for this operation.",
            )
        _require(specification.get("Tags") or ())


def create_tags(_: View, request: CreateTagsRequest) -> None:
    _require(request.get("Tags") or ())


def _require(tags: Iterable[TagTypeDef]) -> None:
    pairs = [(key, value) for key, value in tag_pairs(tags) if key]
    broken = broken_rule(pairs, rules=_WORDS)
    if broken is not None:
        code = "TagLimitExceeded" if broken.rule is Rule.NUMBER else "InvalidParameterValue"
        raise AwsError(code, _WORDS[broken.rule].format(key=broken.key))
