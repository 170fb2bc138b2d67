"""EC2's networks in the substrate, as refusals read them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_ec2.client import EC2Client
    from types_boto3_ec2.type_defs import (
        AddressTypeDef,
        FilterTypeDef,
        InternetGatewayTypeDef,
        NatGatewayTypeDef,
        NetworkAclTypeDef,
        NetworkInterfaceTypeDef,
        RouteTableTypeDef,
        SecurityGroupTypeDef,
        ServiceDetailTypeDef,
        SubnetTypeDef,
        VpcEndpointTypeDef,
        VpcPeeringConnectionTypeDef,
        VpcTypeDef,
    )

    from pushproof.emulator.kernel.awsclients import SubstrateClient

T = TypeVar("T")


class View:
    """Reads resources of one region, each kind at most once for each checked call.

    Args:
        connect: makes the client of the substrate's EC2 in a region, on first use.
        region: the region.
    """

    def __init__(self, connect: SubstrateClient, region: str) -> None:
        self._connect = connect
        self.region = region

    @functools.cached_property
    def _client(self) -> EC2Client:
        return self._connect("ec2", self.region)

    @functools.cache  # noqa: B019  (a view lives for one call)
    def vpc(self, vpc_id: str) -> VpcTypeDef | None:
        return _first(lambda: self._client.describe_vpcs(VpcIds=[vpc_id])["Vpcs"])

    @functools.cache  # noqa: B019
    def subnet(self, subnet_id: str) -> SubnetTypeDef | None:
        return _first(lambda: self._client.describe_subnets(SubnetIds=[subnet_id])["Subnets"])

    def subnets_of(self, vpc_id: str) -> list[SubnetTypeDef]:
        return self._client.describe_subnets(Filters=_by("vpc-id", vpc_id))["Subnets"]

    @functools.cache  # noqa: B019
    def group(self, group_id: str) -> SecurityGroupTypeDef | None:
        return _first(lambda: self._client.describe_security_groups(GroupIds=[group_id])["SecurityGroups"])

    def groups_of(self, vpc_id: str) -> list[SecurityGroupTypeDef]:
        return self._client.describe_security_groups(Filters=_by("vpc-id", vpc_id))["SecurityGroups"]

    def group_named(self, vpc_id: str, name: str) -> SecurityGroupTypeDef | None:
        filters = [*_by("vpc-id", vpc_id), *_by("group-name", name)]
        return next(iter(self._client.describe_security_groups(Filters=filters)["SecurityGroups"]), None)

    def groups(self) -> list[SecurityGroupTypeDef]:
        return list(self._client.describe_security_groups()["SecurityGroups"])

    @functools.cache  # noqa: B019
    def table(self, table_id: str) -> RouteTableTypeDef | None:
        return _first(lambda: self._client.describe_route_tables(RouteTableIds=[table_id])["RouteTables"])

    def tables_of(self, vpc_id: str) -> list[RouteTableTypeDef]:
        return self._client.describe_route_tables(Filters=_by("vpc-id", vpc_id))["RouteTables"]

    def main_table_of_association(self, association_id: str) -> RouteTableTypeDef | None:
        """Return the table that an association makes a VPC's main one; None if it is no such association."""
        for table in self._client.describe_route_tables()["RouteTables"]:
            for association in table.get("Associations", []):
                if association.get("RouteTableAssociationId") == association_id and association.get("Main"):
                    return table
        return None

    @functools.cache  # noqa: B019
    def gateway(self, gateway_id: str) -> InternetGatewayTypeDef | None:
        return _first(
            lambda: self._client.describe_internet_gateways(InternetGatewayIds=[gateway_id])["InternetGateways"]
        )

    def gateways_of(self, vpc_id: str) -> list[InternetGatewayTypeDef]:
        return self._client.describe_internet_gateways(Filters=_by("attachment.vpc-id", vpc_id))["InternetGateways"]

    @functools.cache  # noqa: B019
    def nat(self, nat_id: str) -> NatGatewayTypeDef | None:
        return _first(lambda: self._client.describe_nat_gateways(NatGatewayIds=[nat_id])["NatGateways"])

    def nats_of(self, vpc_id: str) -> list[NatGatewayTypeDef]:
        """Return the NAT gateways of a VPC, deleted ones included."""
        return self._client.describe_nat_gateways(Filters=_by("vpc-id", vpc_id))["NatGateways"]

    def nat_of_address(self, allocation_id: str) -> NatGatewayTypeDef | None:
        """Return the NAT gateway that uses an Elastic IP address."""
        for nat in self._client.describe_nat_gateways()["NatGateways"]:
            addresses = nat.get("NatGatewayAddresses", [])
            if nat["State"] in ("pending", "available") and any(
                address.get("AllocationId") == allocation_id for address in addresses
            ):
                return nat
        return None

    @functools.cache  # noqa: B019
    def address(self, allocation_id: str) -> AddressTypeDef | None:
        return _first(lambda: self._client.describe_addresses(AllocationIds=[allocation_id])["Addresses"])

    @functools.cache  # noqa: B019
    def peering(self, peering_id: str) -> VpcPeeringConnectionTypeDef | None:
        return _first(
            lambda: self._client.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering_id])[
                "VpcPeeringConnections"
            ]
        )

    def peered(self, first: str, second: str) -> bool:
        """Return whether two VPCs are connected by an active peering."""
        for peering in self._client.describe_vpc_peering_connections()["VpcPeeringConnections"]:
            sides = {peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"]}
            if sides == {first, second} and peering["Status"]["Code"] == "active":
                return True
        return False

    @functools.cache  # noqa: B019
    def endpoint(self, endpoint_id: str) -> VpcEndpointTypeDef | None:
        endpoint = _first(lambda: self._client.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"])
        return None if endpoint is None else _typed(endpoint)

    def endpoints_of(self, vpc_id: str) -> list[VpcEndpointTypeDef]:
        """Return the existing endpoints of a VPC."""
        endpoints = self._client.describe_vpc_endpoints(Filters=_by("vpc-id", vpc_id))["VpcEndpoints"]
        return [
            _typed(endpoint)
            for endpoint in endpoints
            if endpoint.get("State", "").lower() not in ("deleted", "deleting")
        ]

    @functools.cache  # noqa: B019
    def endpoint_services(self) -> list[ServiceDetailTypeDef]:
        return list(self._client.describe_vpc_endpoint_services()["ServiceDetails"])

    @functools.cache  # noqa: B019
    def interface(self, interface_id: str) -> NetworkInterfaceTypeDef | None:
        return _first(
            lambda: self._client.describe_network_interfaces(NetworkInterfaceIds=[interface_id])["NetworkInterfaces"]
        )

    def interfaces_of(self, vpc_id: str) -> list[NetworkInterfaceTypeDef]:
        """Return the existing network interfaces of a VPC, without those of deleted NAT gateways."""
        return self._standing(
            self._client.describe_network_interfaces(Filters=_by("vpc-id", vpc_id))["NetworkInterfaces"]
        )

    def interfaces_with(self, group_id: str) -> list[NetworkInterfaceTypeDef]:
        """Return the existing network interfaces with a security group."""
        return self._standing(
            self._client.describe_network_interfaces(Filters=_by("group-id", group_id))["NetworkInterfaces"]
        )

    def _standing(self, interfaces: list[NetworkInterfaceTypeDef]) -> list[NetworkInterfaceTypeDef]:
        if not interfaces:
            return []
        gone = {
            address.get("NetworkInterfaceId")
            for nat in self.nats_of(interfaces[0]["VpcId"])
            if nat["State"] not in ("pending", "available")
            for address in nat.get("NatGatewayAddresses", [])
        }
        return [interface for interface in interfaces if interface["NetworkInterfaceId"] not in gone]

    @functools.cache  # noqa: B019
    def network_acl(self, acl_id: str) -> NetworkAclTypeDef | None:
        return _first(lambda: self._client.describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"])

    def network_acls_of(self, vpc_id: str) -> list[NetworkAclTypeDef]:
        return self._client.describe_network_acls(Filters=_by("vpc-id", vpc_id))["NetworkAcls"]

    def prefix_lists(self) -> set[str]:
        """Return the ids of AWS's prefix lists and of the account's own."""
        own = self._client.describe_managed_prefix_lists()["PrefixLists"]
        return {entry["PrefixListId"] for entry in (*own, *self._client.describe_prefix_lists()["PrefixLists"])}

    def prefix_list_named(self, name: str) -> str | None:
        """Return the id of AWS's prefix list for a service of a gateway endpoint."""
        lists = self._client.describe_prefix_lists()["PrefixLists"]
        return next((entry["PrefixListId"] for entry in lists if entry["PrefixListName"] == name), None)

    def vpc_has_dns(self, vpc_id: str) -> bool:
        """Return whether a VPC's `enableDnsSupport` and `enableDnsHostnames` are both on."""
        support = self._client.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsSupport")
        names = self._client.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")
        return bool(support["EnableDnsSupport"].get("Value") and names["EnableDnsHostnames"].get("Value"))


def _first(read: Callable[[], list[T]]) -> T | None:
    """Return the first entry of a description by id; None if there is no such id."""
    try:
        entries = read()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 501:
            raise
        return None
    return entries[0] if entries else None


def _by(name: str, value: str) -> list[FilterTypeDef]:
    return [{"Name": name, "Values": [value]}]


def _typed(endpoint: VpcEndpointTypeDef) -> VpcEndpointTypeDef:
    """Return an endpoint with its type, which some emulators leave out if it is EC2's default.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html (VpcEndpointType)
    """
    return {**endpoint, "VpcEndpointType": endpoint.get("VpcEndpointType") or "Gateway"}
