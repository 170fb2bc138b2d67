"""Refusals of EC2 about network ACLs.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ec2.view import View
from pushproof.emulator.services.ec2.words import has_dependencies, invalid_value, missing, network_of

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.ec2 import (
        CreateNetworkAclEntryRequest,
        DeleteNetworkAclRequest,
        ReplaceNetworkAclEntryRequest,
    )


_WITH_PORTS = frozenset({"6", "17", "tcp", "udp"})


def create_network_acl_entry(view: View, request: CreateNetworkAclEntryRequest) -> None:
    _require_entry(view, request)
    acl = view.network_acl(request["NetworkAclId"])
    for entry in acl.get("Entries", []) if acl is not None else ():
        if entry["RuleNumber"] == request["RuleNumber"] and entry["Egress"] == request["Egress"]:
            raise AwsError(
                "NetworkAclEntryAlreadyExists",
                f"The network acl entry identified by {request['RuleNumber']} already exists.",
            )


def replace_network_acl_entry(view: View, request: ReplaceNetworkAclEntryRequest) -> None:
    _require_entry(view, request)


def delete_network_acl(view: View, request: DeleteNetworkAclRequest) -> None:
    acl = view.network_acl(request["NetworkAclId"])
    if acl is None:
        raise _no_acl(request["NetworkAclId"])
    if acl["IsDefault"]:
        raise AwsError("InvalidParameterValue", f"cannot delete default network ACL {acl['NetworkAclId']}")
    if acl["Associations"]:
        raise has_dependencies("networkAcl", acl["NetworkAclId"])


def _require_entry(view: View, request: CreateNetworkAclEntryRequest | ReplaceNetworkAclEntryRequest) -> None:
    if view.network_acl(request["NetworkAclId"]) is None:
        raise _no_acl(request["NetworkAclId"])
    if not 1 <= int(request["RuleNumber"]) <= 32766:
        raise invalid_value(request["RuleNumber"], "ruleNumber", "Must be between 1 and 32766.")
    blocks = [block for block in (request.get("CidrBlock"), request.get("Ipv6CidrBlock")) if block]
    if not blocks:
        raise missing("cidrBlock or ipv6CidrBlock")
    for block in blocks:
        network_of(block, "cidrBlock")
    if str(request["Protocol"]).lower() in _WITH_PORTS and "PortRange" not in request:
        raise missing("portRange")


def _no_acl(acl_id: str) -> AwsError:
    return AwsError("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{acl_id}' does not exist")
