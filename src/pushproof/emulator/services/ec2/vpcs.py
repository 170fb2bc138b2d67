"""Refusals of EC2 about VPCs and subnets.

Sources: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html (sizes, overlaps),
https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html (what must go first).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ec2.view import View
from pushproof.emulator.services.ec2.words import has_dependencies, network_of, no_subnet, no_vpc

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import (
        RouteTableTypeDef,
        SubnetIpv6CidrBlockAssociationTypeDef,
        SubnetTypeDef,
        VpcIpv6CidrBlockAssociationTypeDef,
        VpcTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ec2 import (
        AssociateSubnetCidrBlockRequest,
        AssociateVpcCidrBlockRequest,
        CreateSubnetRequest,
        CreateVpcRequest,
        DeleteSubnetRequest,
        DeleteVpcRequest,
        ModifyVpcAttributeRequest,
    )


_CIDRS_PER_VPC = 5
_ASSOCIATED = ("associating", "associated")
_ATTRIBUTES = ("EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics")


def create_vpc(_: View, request: CreateVpcRequest) -> None:
    if request.get("CidrBlock"):
        _vpc_network(request["CidrBlock"])
    elif not request.get("Ipv4IpamPoolId"):
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")


def associate_vpc_cidr_block(view: View, request: AssociateVpcCidrBlockRequest) -> None:
    vpc = view.vpc(request["VpcId"])
    if vpc is None:
        raise no_vpc(request["VpcId"])
    if not request.get("CidrBlock"):
        return
    added, own = _vpc_network(request["CidrBlock"]), _networks_of_vpc(vpc)
    if any(isinstance(network, IPv4Network) and network.overlaps(added) for network in own):
        raise AwsError("InvalidVpc.Range", f"The CIDR '{added}' conflicts with a CIDR of the VPC '{vpc['VpcId']}'.")
    if sum(isinstance(network, IPv4Network) for network in own) >= _CIDRS_PER_VPC:
        raise AwsError(
            "CidrLimitExceeded",
            f"This network '{vpc['VpcId']}' has met its maximum number of allowed CIDRs: {_CIDRS_PER_VPC}",
        )


def modify_vpc_attribute(_: View, request: ModifyVpcAttributeRequest) -> None:
    named = [name[0].lower() + name[1:] for name in _ATTRIBUTES if name in request]
    if len(named) > 1:
        raise AwsError(
            "InvalidParameterCombination", f"Fields for multiple attribute types specified: {', '.join(named)}"
        )


def delete_vpc(view: View, request: DeleteVpcRequest) -> None:
    vpc_id = request["VpcId"]
    if view.vpc(vpc_id) is None:
        raise no_vpc(vpc_id)
    if (
        view.subnets_of(vpc_id)
        or view.gateways_of(vpc_id)
        or any(group["GroupName"] != "default" for group in view.groups_of(vpc_id))
        or any(not _is_main(table) for table in view.tables_of(vpc_id))
        or any(not acl["IsDefault"] for acl in view.network_acls_of(vpc_id))
        or view.endpoints_of(vpc_id)
    ):
        raise has_dependencies("vpc", vpc_id)


def create_subnet(view: View, request: CreateSubnetRequest) -> None:
    vpc = view.vpc(request["VpcId"])
    if vpc is None:
        raise no_vpc(request["VpcId"])
    blocks = []
    if request.get("CidrBlock"):
        network = network_of(request["CidrBlock"], "cidrBlock")
        if not 16 <= network.prefixlen <= 28:
            raise _outside(network)
        blocks.append(network)
    if request.get("Ipv6CidrBlock"):
        blocks.append(_ipv6_subnet(request["Ipv6CidrBlock"]))
    own = _networks_of_vpc(vpc)
    others = [network for subnet in view.subnets_of(vpc["VpcId"]) for network in _networks_of_subnet(subnet)]
    for network in blocks:
        _require_room(network, own, others)


def associate_subnet_cidr_block(view: View, request: AssociateSubnetCidrBlockRequest) -> None:
    subnet = view.subnet(request["SubnetId"])
    if subnet is None:
        raise no_subnet(request["SubnetId"])
    vpc = view.vpc(subnet["VpcId"])
    if vpc is not None and request.get("Ipv6CidrBlock"):
        others = [n for other in view.subnets_of(vpc["VpcId"]) for n in _networks_of_subnet(other)]
        _require_room(_ipv6_subnet(request["Ipv6CidrBlock"]), _networks_of_vpc(vpc), others)


def delete_subnet(view: View, request: DeleteSubnetRequest) -> None:
    subnet = view.subnet(request["SubnetId"])
    if subnet is None:
        raise no_subnet(request["SubnetId"])
    if any(interface["SubnetId"] == subnet["SubnetId"] for interface in view.interfaces_of(subnet["VpcId"])):
        raise has_dependencies("subnet", subnet["SubnetId"])


def _vpc_network(text: str) -> IPv4Network:
    network = network_of(text, "cidrBlock")
    if not isinstance(network, IPv4Network) or not 16 <= network.prefixlen <= 28:
        raise AwsError("InvalidVpc.Range", f"The CIDR '{text}' is invalid.")
    return network


def _ipv6_subnet(text: str) -> IPv6Network:
    network = network_of(text, "ipv6CidrBlock")
    if not isinstance(network, IPv6Network) or not 44 <= network.prefixlen <= 64 or network.prefixlen % 4:
        raise _outside(network)
    return network


def _require_room(
    added: IPv4Network | IPv6Network,
    own: list[IPv4Network | IPv6Network],
    others: list[IPv4Network | IPv6Network],
) -> None:
    """Refuse a subnet's CIDR that is not in the VPC's, or not free."""
    if not any(added.version == network.version and added.subnet_of(network) for network in own):  # type: ignore[arg-type]
        raise _outside(added)
    if any(added.version == other.version and added.overlaps(other) for other in others):
        raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{added}' conflicts with another subnet")


def _networks_of_vpc(vpc: VpcTypeDef) -> list[IPv4Network | IPv6Network]:
    """Return the CIDRs of a VPC, IPv6's included."""
    associated = [
        association["CidrBlock"]
        for association in vpc.get("CidrBlockAssociationSet", [])
        if association.get("CidrBlockState", {}).get("State") in _ASSOCIATED
    ]
    return _networks(vpc.get("CidrBlock"), *associated, *_ipv6_blocks_of(vpc.get("Ipv6CidrBlockAssociationSet", [])))


def _networks_of_subnet(subnet: SubnetTypeDef) -> list[IPv4Network | IPv6Network]:
    """Return the CIDRs of a subnet, IPv6's included."""
    return _networks(subnet.get("CidrBlock"), *_ipv6_blocks_of(subnet.get("Ipv6CidrBlockAssociationSet", [])))


def _ipv6_blocks_of(
    associations: Sequence[VpcIpv6CidrBlockAssociationTypeDef | SubnetIpv6CidrBlockAssociationTypeDef],
) -> list[str]:
    return [
        association["Ipv6CidrBlock"]
        for association in associations
        if association.get("Ipv6CidrBlockState", {}).get("State") in _ASSOCIATED
    ]


def _networks(*blocks: str | None) -> list[IPv4Network | IPv6Network]:
    return [network_of(block, "cidrBlock") for block in dict.fromkeys(blocks) if block]


def _outside(network: object) -> AwsError:
    return AwsError("InvalidSubnet.Range", f"The CIDR '{network}' is invalid.")


def _is_main(table: RouteTableTypeDef) -> bool:
    return any(association.get("Main") for association in table.get("Associations", []))
