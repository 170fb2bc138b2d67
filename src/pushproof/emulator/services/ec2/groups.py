"""Refusals of EC2 about security groups, their rules, and the network interfaces that have them.

Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html,
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups (60 rules, 5 groups).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal, NamedTuple

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ec2.view import View
from pushproof.emulator.services.ec2.words import missing, no_group, no_subnet, no_vpc

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import (
        IpPermissionOutputTypeDef,
        IpRangeTypeDef,
        Ipv6RangeTypeDef,
        PrefixListIdTypeDef,
        SecurityGroupTypeDef,
        SubnetTypeDef,
        UserIdGroupPairTypeDef,
        VpcEndpointTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ec2 import (
        AuthorizeSecurityGroupEgressRequest,
        AuthorizeSecurityGroupIngressRequest,
        CreateNetworkInterfaceRequest,
        CreateSecurityGroupRequest,
        DeleteSecurityGroupRequest,
        ModifyNetworkInterfaceAttributeRequest,
    )

    AuthorizeRequest = AuthorizeSecurityGroupIngressRequest | AuthorizeSecurityGroupEgressRequest
    Peer = IpRangeTypeDef | Ipv6RangeTypeDef | UserIdGroupPairTypeDef | PrefixListIdTypeDef


Side = Literal["IpPermissions", "IpPermissionsEgress"]
_SIDES: tuple[Side, ...] = ("IpPermissions", "IpPermissionsEgress")
_RULES_PER_DIRECTION = 60
_GROUPS_PER_INTERFACE = 5
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "-1": "-1", "all": "-1"}
_NAMED = frozenset({"tcp", "udp", "icmp", "icmpv6", "-1"})
_NAME = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*")


class Rule(NamedTuple):
    """The key by which two rules are equal."""

    protocol: str
    from_port: int | None
    to_port: int | None
    peer: str

    def __str__(self) -> str:
        if self.protocol == "-1":
            return f"peer: {self.peer}, ALL, ALLOW"
        ports = f"from port: {self.from_port}, to port: {self.to_port}"
        return f"peer: {self.peer}, {self.protocol.upper()}, {ports}, ALLOW"


def create_security_group(view: View, request: CreateSecurityGroupRequest) -> None:
    name, description, vpc_id = request["GroupName"], request["Description"], request.get("VpcId")
    if not description:
        raise missing("GroupDescription")
    for value, parameter in ((name, "groupName"), (description, "GroupDescription")):
        if len(value) > 255:
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({value}) for parameter {parameter} is invalid. It exceeds 255 characters.",
            )
        if not value.isascii() or not _NAME.fullmatch(value):
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({value}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported.",
            )
    if name.lower().startswith("sg-"):
        raise AwsError("InvalidParameterValue", f"Group names may not be in the format sg-*: {name}")
    if name == "default":
        raise AwsError("InvalidParameterValue", "Cannot use reserved security group name: default")
    if vpc_id is None:
        return
    if view.vpc(vpc_id) is None:
        raise no_vpc(vpc_id)
    if view.group_named(vpc_id, name) is not None:
        raise AwsError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc_id}'")


def delete_security_group(view: View, request: DeleteSecurityGroupRequest) -> None:
    group_id = request.get("GroupId")
    if not group_id:
        return
    groups = view.groups()
    group = next((group for group in groups if group["GroupId"] == group_id), None)
    if group is None:
        raise no_group(group_id)
    if group["GroupName"] == "default":
        raise AwsError("CannotDelete", f'the specified group: "{group_id}" name: "default" cannot be deleted by a user')
    referenced = any(
        other["GroupId"] != group_id and any(rule.peer == group_id for rule in _rules_of(other)) for other in groups
    )
    if (
        referenced
        or view.interfaces_with(group_id)
        or any(group_id in _ids_of(endpoint) for endpoint in view.endpoints_of(group["VpcId"]))
    ):
        raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")


def authorize_security_group_ingress(view: View, request: AuthorizeSecurityGroupIngressRequest) -> None:
    _authorize(view, request, "IpPermissions")


def authorize_security_group_egress(view: View, request: AuthorizeSecurityGroupEgressRequest) -> None:
    _authorize(view, request, "IpPermissionsEgress")


def create_network_interface(view: View, request: CreateNetworkInterfaceRequest) -> None:
    subnet = view.subnet(request["SubnetId"])
    if subnet is None:
        raise no_subnet(request["SubnetId"])
    require_groups(view, request.get("Groups") or [], subnet["VpcId"])
    addresses = [request["PrivateIpAddress"]] if request.get("PrivateIpAddress") else []
    addresses += [address["PrivateIpAddress"] for address in request.get("PrivateIpAddresses") or ()]
    require_addresses(view, subnet, list(dict.fromkeys(addresses)))


def modify_network_interface_attribute(view: View, request: ModifyNetworkInterfaceAttributeRequest) -> None:
    groups = request.get("Groups")
    if not groups:
        return
    interface = view.interface(request["NetworkInterfaceId"])
    if interface is not None:
        require_groups(view, groups, interface["VpcId"])


def require_groups(view: View, group_ids: list[str], vpc_id: str) -> None:
    """Refuse security groups that a network interface of a VPC cannot have."""
    if len(group_ids) > _GROUPS_PER_INTERFACE:
        raise AwsError(
            "SecurityGroupsPerInterfaceLimitExceeded",
            "The maximum number of security groups per interface has been reached.",
        )
    for group_id in group_ids:
        group = view.group(group_id)
        if group is None:
            raise no_group(group_id)
        if group["VpcId"] != vpc_id:
            raise AwsError(
                "InvalidParameterValue", "You have specified two resources that belong to different networks."
            )


def require_addresses(view: View, subnet: SubnetTypeDef, addresses: list[str]) -> None:
    """Refuse addresses that are not in a subnet, that AWS reserves (the first four and the last), or that are in use."""
    if not addresses:
        return
    network = ip_network(subnet["CidrBlock"])
    in_use = {
        address["PrivateIpAddress"]
        for interface in view.interfaces_of(subnet["VpcId"])
        if interface["SubnetId"] == subnet["SubnetId"]
        for address in interface.get("PrivateIpAddresses", [])
    }
    for text in addresses:
        try:
            address = ip_address(text)
        except ValueError:
            raise AwsError("InvalidParameterValue", f"invalid value for parameter address: {text}") from None
        if address not in network:
            raise AwsError("InvalidParameterValue", "Address does not fall within the subnet's address range")
        if isinstance(network, IPv4Network) and _is_reserved(address, network):
            raise AwsError("InvalidParameterValue", "Address is in subnet's reserved address range")
        if text in in_use:
            raise AwsError("InvalidIPAddress.InUse", f"Address {text} is in use.")


def _is_reserved(address: object, network: IPv4Network) -> bool:
    assert isinstance(address, IPv4Address)
    offset = int(address) - int(network.network_address)
    return offset < 4 or address == network.broadcast_address


def _authorize(view: View, request: AuthorizeRequest, side: Side) -> None:
    group_id = request.get("GroupId")
    if not group_id:
        return
    group = view.group(group_id)
    if group is None:
        raise no_group(group_id)
    permissions = list(request.get("IpPermissions") or ())
    if request.get("IpProtocol"):
        permission: IpPermissionOutputTypeDef = {"IpProtocol": request["IpProtocol"]}
        if "FromPort" in request:
            permission["FromPort"] = request["FromPort"]
        if "ToPort" in request:
            permission["ToPort"] = request["ToPort"]
        if request.get("CidrIp"):
            permission["IpRanges"] = [{"CidrIp": request["CidrIp"]}]
        permissions.append(permission)
    added: list[Rule] = []
    for permission in permissions:
        _require_permission(view, group, permission)
        added += _rules_in(permission)
    if len(set(added)) < len(added):
        raise AwsError("InvalidParameterValue", "The same permission must not appear multiple times")
    standing = set(_rules_of(group, side))
    for rule in added:
        if rule in standing:
            raise AwsError("InvalidPermission.Duplicate", f'the specified rule "{rule}" already exists')
    together = [*standing, *added]
    for family in ("4", "6"):
        # A rule that names a group or a prefix list counts for both address families.
        if sum(_family(rule.peer) in (family, "both") for rule in together) > _RULES_PER_DIRECTION:
            raise AwsError(
                "RulesPerSecurityGroupLimitExceeded",
                "The maximum number of rules per security group has been reached.",
            )


def _require_permission(view: View, group: SecurityGroupTypeDef, permission: IpPermissionOutputTypeDef) -> None:
    sent = str(permission.get("IpProtocol", ""))
    protocol = _PROTOCOLS.get(sent.lower(), sent.lower())
    if protocol not in _NAMED and not (protocol.isdigit() and int(protocol) <= 255):
        raise AwsError("InvalidParameterValue", f"Invalid value '{sent}' for IP protocol. Unknown protocol.")
    if protocol in ("tcp", "udp"):
        _require_ports(protocol, permission.get("FromPort"), permission.get("ToPort"))
    blocks = [(4, entry["CidrIp"]) for entry in permission.get("IpRanges") or ()]
    blocks += [(6, entry["CidrIpv6"]) for entry in permission.get("Ipv6Ranges") or ()]
    for version, block in blocks:
        try:
            network = ip_network(block, strict=False)
        except ValueError:
            network = None
        if network is None or network.version != version or "/" not in block:
            raise AwsError("InvalidParameterValue", f"CIDR block {block} is malformed")
    for pair in permission.get("UserIdGroupPairs") or ():
        _require_source(view, group, pair)
    list_ids = [entry["PrefixListId"] for entry in permission.get("PrefixListIds") or ()]
    if list_ids:
        existing = view.prefix_lists()
        for prefix_list in list_ids:
            if prefix_list not in existing:
                raise AwsError("InvalidPrefixListID.NotFound", f"The prefix list ID '{prefix_list}' does not exist")
    for peer in _peers(permission):
        description = peer.get("Description") or ""
        if len(description) > 255 or not _NAME.fullmatch(description):
            raise AwsError(
                "InvalidParameterValue",
                "Invalid rule description. Valid descriptions are strings less than 256 characters from the "
                "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
            )


def _require_ports(protocol: str, first: int | None, last: int | None) -> None:
    if first is None or last is None:
        raise AwsError(
            "InvalidParameterValue",
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        )
    if (first, last) == (-1, -1):
        return
    if not 0 <= first <= last <= 65535:
        raise AwsError("InvalidParameterValue", f"Invalid {protocol.upper()} port range {first}-{last}")


def _require_source(view: View, group: SecurityGroupTypeDef, pair: UserIdGroupPairTypeDef) -> None:
    source_id = pair.get("GroupId")
    if not source_id or pair.get("UserId") not in (None, group["OwnerId"]):
        return
    source = view.group(source_id)
    if source is None:
        raise no_group(source_id)
    if source["VpcId"] != group["VpcId"] and not view.peered(source["VpcId"], group["VpcId"]):
        raise AwsError("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")


def _rules_of(group: SecurityGroupTypeDef, *sides: Side) -> Iterator[Rule]:
    for side in sides or _SIDES:
        for permission in group.get(side, []):
            yield from _rules_in(permission)


def _rules_in(permission: IpPermissionOutputTypeDef) -> Iterator[Rule]:
    sent = str(permission.get("IpProtocol", ""))
    protocol = _PROTOCOLS.get(sent.lower(), sent.lower())
    ports = (None, None) if protocol == "-1" else (permission.get("FromPort"), permission.get("ToPort"))
    for peer in (
        *(entry.get("CidrIp") for entry in permission.get("IpRanges") or ()),
        *(entry.get("CidrIpv6") for entry in permission.get("Ipv6Ranges") or ()),
        *(pair.get("GroupId") for pair in permission.get("UserIdGroupPairs") or ()),
        *(entry.get("PrefixListId") for entry in permission.get("PrefixListIds") or ()),
    ):
        if peer:
            yield Rule(protocol, *ports, _canonical(peer))


def _peers(permission: IpPermissionOutputTypeDef) -> Iterator[Peer]:
    yield from permission.get("IpRanges") or ()
    yield from permission.get("Ipv6Ranges") or ()
    yield from permission.get("UserIdGroupPairs") or ()
    yield from permission.get("PrefixListIds") or ()


def _canonical(peer: str) -> str:
    try:
        return str(ip_network(peer, strict=False))
    except ValueError:
        return peer


def _family(peer: str) -> str:
    if "/" not in peer:
        return "both"
    return "6" if ":" in peer else "4"


def _ids_of(described: VpcEndpointTypeDef) -> set[str]:
    return {group["GroupId"] for group in described.get("Groups", [])}
