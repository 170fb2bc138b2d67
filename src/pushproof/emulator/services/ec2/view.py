"""EC2's networks in the substrate, as refusals read them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Described = dict[str, Any]


class View:
    """Reads resources of one region, each kind at most once for each checked call.

    Args:
        connect: makes the client of the substrate's EC2 in a region, on first use.
        region: the region.
    """

    def __init__(self, connect: Callable[[str, str], Any], region: str) -> None:
        self._connect = connect
        self.region = region

    @functools.cached_property
    def _client(self) -> Any:
        return self._connect("ec2", self.region)

    @functools.cache  # noqa: B019  (a view lives for one call)
    def vpc(self, vpc_id: str) -> Described | None:
        return self._one("describe_vpcs", "Vpcs", "VpcIds", vpc_id)

    @functools.cache  # noqa: B019
    def subnet(self, subnet_id: str) -> Described | None:
        return self._one("describe_subnets", "Subnets", "SubnetIds", subnet_id)

    def subnets_of(self, vpc_id: str) -> list[Described]:
        return self._all("describe_subnets", "Subnets", "vpc-id", vpc_id)

    @functools.cache  # noqa: B019
    def group(self, group_id: str) -> Described | None:
        return self._one("describe_security_groups", "SecurityGroups", "GroupIds", group_id)

    def groups_of(self, vpc_id: str) -> list[Described]:
        return self._all("describe_security_groups", "SecurityGroups", "vpc-id", vpc_id)

    def group_named(self, vpc_id: str, name: str) -> Described | None:
        filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": [name]}]
        return next(iter(self._client.describe_security_groups(Filters=filters)["SecurityGroups"]), None)

    def groups(self) -> list[Described]:
        return list(self._client.describe_security_groups()["SecurityGroups"])

    @functools.cache  # noqa: B019
    def table(self, table_id: str) -> Described | None:
        return self._one("describe_route_tables", "RouteTables", "RouteTableIds", table_id)

    def tables_of(self, vpc_id: str) -> list[Described]:
        return self._all("describe_route_tables", "RouteTables", "vpc-id", vpc_id)

    def main_table_of_association(self, association_id: str) -> Described | None:
        """Return the table that an association makes a VPC's main one; None if it is no such association."""
        for table in self._client.describe_route_tables()["RouteTables"]:
            for association in table.get("Associations", []):
                if association.get("RouteTableAssociationId") == association_id and association.get("Main"):
                    return dict(table)
        return None

    @functools.cache  # noqa: B019
    def gateway(self, gateway_id: str) -> Described | None:
        return self._one("describe_internet_gateways", "InternetGateways", "InternetGatewayIds", gateway_id)

    def gateways_of(self, vpc_id: str) -> list[Described]:
        return self._all("describe_internet_gateways", "InternetGateways", "attachment.vpc-id", vpc_id)

    @functools.cache  # noqa: B019
    def nat(self, nat_id: str) -> Described | None:
        return self._one("describe_nat_gateways", "NatGateways", "NatGatewayIds", nat_id)

    def nats_of(self, vpc_id: str) -> list[Described]:
        """Return the NAT gateways of a VPC, deleted ones included."""
        filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
        return list(self._client.describe_nat_gateways(Filter=filters)["NatGateways"])

    def nat_of_address(self, allocation_id: str) -> Described | None:
        """Return the NAT gateway that uses an Elastic IP address."""
        for nat in self._client.describe_nat_gateways()["NatGateways"]:
            addresses = nat.get("NatGatewayAddresses", [])
            if nat["State"] in ("pending", "available") and any(
                address.get("AllocationId") == allocation_id for address in addresses
            ):
                return dict(nat)
        return None

    @functools.cache  # noqa: B019
    def address(self, allocation_id: str) -> Described | None:
        return self._one("describe_addresses", "Addresses", "AllocationIds", allocation_id)

    @functools.cache  # noqa: B019
    def peering(self, peering_id: str) -> Described | None:
        return self._one(
            "describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionIds", peering_id
        )

    def peered(self, first: str, second: str) -> bool:
        """Return whether two VPCs are connected by an active peering."""
        for peering in self._client.describe_vpc_peering_connections()["VpcPeeringConnections"]:
            sides = {peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"]}
            if sides == {first, second} and peering["Status"]["Code"] == "active":
                return True
        return False

    @functools.cache  # noqa: B019
    def endpoint(self, endpoint_id: str) -> Described | None:
        endpoint = self._one("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointIds", endpoint_id)
        return None if endpoint is None else _typed(endpoint)

    def endpoints_of(self, vpc_id: str) -> list[Described]:
        """Return the existing endpoints of a VPC."""
        endpoints = self._all("describe_vpc_endpoints", "VpcEndpoints", "vpc-id", vpc_id)
        return [
            _typed(endpoint)
            for endpoint in endpoints
            if endpoint.get("State", "").lower() not in ("deleted", "deleting")
        ]

    @functools.cache  # noqa: B019
    def endpoint_services(self) -> list[Described]:
        return list(self._client.describe_vpc_endpoint_services()["ServiceDetails"])

    @functools.cache  # noqa: B019
    def interface(self, interface_id: str) -> Described | None:
        return self._one("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceIds", interface_id)

    def interfaces_of(self, vpc_id: str) -> list[Described]:
        """Return the existing network interfaces of a VPC, without those of deleted NAT gateways."""
        return self._standing(self._all("describe_network_interfaces", "NetworkInterfaces", "vpc-id", vpc_id))

    def interfaces_with(self, group_id: str) -> list[Described]:
        """Return the existing network interfaces with a security group."""
        return self._standing(self._all("describe_network_interfaces", "NetworkInterfaces", "group-id", group_id))

    def _standing(self, interfaces: list[Described]) -> list[Described]:
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
    def network_acl(self, acl_id: str) -> Described | None:
        return self._one("describe_network_acls", "NetworkAcls", "NetworkAclIds", acl_id)

    def network_acls_of(self, vpc_id: str) -> list[Described]:
        return self._all("describe_network_acls", "NetworkAcls", "vpc-id", vpc_id)

    def prefix_lists(self) -> set[str]:
        """Return the ids of AWS's prefix lists and of the account's own."""
        own = self._client.describe_managed_prefix_lists()["PrefixLists"]
        return {entry["PrefixListId"] for entry in (*own, *self._client.describe_prefix_lists()["PrefixLists"])}

    def prefix_list_named(self, name: str) -> str | None:
        """Return the id of AWS's prefix list for a service of a gateway endpoint."""
        lists = self._client.describe_prefix_lists()["PrefixLists"]
        return next((entry["PrefixListId"] for entry in lists if entry["PrefixListName"] == name), None)

    def vpc_has(self, vpc_id: str, attribute: str) -> bool:
        """Return whether a VPC's `enableDnsSupport` or `enableDnsHostnames` is on."""
        answer = self._client.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)
        return bool(answer[attribute[0].upper() + attribute[1:]]["Value"])

    def _one(self, operation: str, key: str, parameter: str, identifier: str) -> Described | None:
        try:
            entries = getattr(self._client, operation)(**{parameter: [identifier]})[key]
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 501:
                raise
            return None
        return entries[0] if entries else None

    def _all(self, operation: str, key: str, by: str, value: str) -> list[Described]:
        return list(getattr(self._client, operation)(Filters=[{"Name": by, "Values": [value]}])[key])


def _typed(endpoint: Described) -> Described:
    """Return an endpoint with its type, which some emulators leave out if it is EC2's default.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html (VpcEndpointType)
    """
    return {**endpoint, "VpcEndpointType": endpoint.get("VpcEndpointType") or "Gateway"}
