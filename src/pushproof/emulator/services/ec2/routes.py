"""Refusals of EC2 about routes and route tables.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ec2.view import View
from pushproof.emulator.services.ec2.words import has_dependencies, network_of, no_subnet, no_table

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import RouteTableTypeDef, RouteTypeDef

    from pushproof.emulator.kernel.shapes.ec2 import (
        AssociateRouteTableRequest,
        CreateRouteRequest,
        DeleteRouteRequest,
        DeleteRouteTableRequest,
        DisassociateRouteTableRequest,
        ReplaceRouteRequest,
    )

    RouteRequest = CreateRouteRequest | ReplaceRouteRequest


class OfTable(TypedDict):
    """A request that names a route table."""

    RouteTableId: str


Destination = Literal["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"]
_DESTINATIONS: tuple[Destination, ...] = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
Target = Literal[
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcEndpointId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
]
_TARGETS: tuple[Target, ...] = get_args(Target)


def create_route(view: View, request: CreateRouteRequest) -> None:
    table = _table(view, request)
    destination = _destination(request)
    _require_target(view, table, request)
    if any(_destination_of(route) == destination for route in table["Routes"]):
        raise AwsError("RouteAlreadyExists", f"The route identified by {destination} already exists.")


def replace_route(view: View, request: ReplaceRouteRequest) -> None:
    table = _table(view, request)
    destination = _destination(request)
    if all(_destination_of(route) != destination for route in table["Routes"]):
        raise AwsError(
            "InvalidParameterValue",
            f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead.",
        )
    if not request.get("LocalTarget"):
        _require_target(view, table, request)


def delete_route(view: View, request: DeleteRouteRequest) -> None:
    table = _table(view, request)
    destination = _destination(request)
    route = next((route for route in table["Routes"] if _destination_of(route) == destination), None)
    if route is None:
        kind = next(kind for kind in _DESTINATIONS if request.get(kind))
        words = {"DestinationCidrBlock": "cidr-block", "DestinationIpv6CidrBlock": "ipv6-cidr-block"}.get(
            kind, "prefix-list-id"
        )
        raise AwsError(
            "InvalidRoute.NotFound",
            f"no route with destination-{words} {destination} in route table {table['RouteTableId']}",
        )
    if route.get("GatewayId") == "local":
        raise AwsError(
            "InvalidParameterValue", f"cannot remove local route {destination} in route table {table['RouteTableId']}"
        )


def associate_route_table(view: View, request: AssociateRouteTableRequest) -> None:
    table, subnet_id = _table(view, request), request.get("SubnetId")
    if not subnet_id:
        return
    subnet = view.subnet(subnet_id)
    if subnet is None:
        raise no_subnet(subnet_id)
    if subnet["VpcId"] != table["VpcId"]:
        raise AwsError(
            "InvalidParameterValue",
            f"Route table {table['RouteTableId']} and subnet {subnet_id} belong to different networks",
        )
    for other in view.tables_of(subnet["VpcId"]):
        if other["RouteTableId"] != table["RouteTableId"] and any(
            association.get("SubnetId") == subnet_id for association in other.get("Associations", [])
        ):
            raise AwsError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {table['RouteTableId']} conflicts with an existing association",
            )


def disassociate_route_table(view: View, request: DisassociateRouteTableRequest) -> None:
    if view.main_table_of_association(request["AssociationId"]) is not None:
        raise AwsError(
            "InvalidParameterValue",
            f"cannot disassociate the main route table association {request['AssociationId']}",
        )


def delete_route_table(view: View, request: DeleteRouteTableRequest) -> None:
    table = _table(view, request)
    if table.get("Associations"):
        raise has_dependencies("routeTable", table["RouteTableId"])


def _table(view: View, request: OfTable) -> RouteTableTypeDef:
    table = view.table(request["RouteTableId"])
    if table is None:
        raise no_table(request["RouteTableId"])
    return table


def _destination(request: RouteRequest | DeleteRouteRequest) -> str:
    """Return the destination in the form in which EC2 stores it."""
    sent = [kind for kind in _DESTINATIONS if request.get(kind)]
    if not sent:
        raise AwsError(
            "MissingParameter",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, "
            "destinationPrefixListId.",
        )
    if len(sent) > 1:
        raise AwsError("InvalidParameterCombination", "The request must contain exactly one destination.")
    value = str(request[sent[0]])
    if sent[0] == "DestinationPrefixListId":
        return value
    network = network_of(value, sent[0][0].lower() + sent[0][1:])
    expected = IPv4Network if sent[0] == "DestinationCidrBlock" else IPv6Network
    if not isinstance(network, expected):
        raise AwsError("InvalidParameterValue", f"Value ({value}) for parameter {sent[0]} is invalid.")
    return str(network)


def _destination_of(route: RouteTypeDef) -> str | None:
    value = next((route[kind] for kind in _DESTINATIONS if route.get(kind)), None)
    if value is None or value.startswith("pl-"):
        return value
    return str(network_of(value, "destinationCidrBlock"))


def _require_target(view: View, table: RouteTableTypeDef, request: RouteRequest) -> None:
    targets = [name for name in _TARGETS if request.get(name)]
    if not targets:
        raise AwsError(
            "MissingParameter",
            "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, "
            "vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, vpcEndpointId, instanceId.",
        )
    if len(targets) > 1:
        named = ", ".join(name[0].lower() + name[1:] for name in targets)
        raise AwsError("InvalidParameterCombination", f"The request must contain exactly one target, not {named}.")
    kind, target = targets[0], str(request[targets[0]])
    network: str | None
    if kind == "GatewayId" and target.startswith("igw-"):
        gateway = view.gateway(target)
        if gateway is None:
            raise AwsError("InvalidGatewayID.NotFound", f"The gateway ID '{target}' does not exist")
        networks = [attachment["VpcId"] for attachment in gateway["Attachments"]]
        network = networks[0] if networks else None
        words = "network gateway"
    elif kind == "NatGatewayId":
        nat = view.nat(target)
        if nat is None or nat["State"] not in ("pending", "available"):
            raise AwsError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{target}' does not exist")
        network, words = nat["VpcId"], "NAT gateway"
    elif kind == "NetworkInterfaceId":
        interface = view.interface(target)
        if interface is None:
            raise AwsError("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{target}' does not exist")
        network, words = interface["VpcId"], "interface"
    elif kind == "VpcPeeringConnectionId":
        peering = view.peering(target)
        if peering is None:
            raise AwsError(
                "InvalidVpcPeeringConnectionID.NotFound", f"The vpcPeeringConnection ID '{target}' does not exist"
            )
        sides = (peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"])
        network, words = (table["VpcId"] if table["VpcId"] in sides else sides[0]), "peering connection"
    else:
        return
    if network != table["VpcId"]:
        raise AwsError(
            "InvalidParameterValue",
            f"route table {table['RouteTableId']} and {words} {target} belong to different networks",
        )
