"""Refusals of EC2 about internet gateways, NAT gateways and Elastic IP addresses.

Sources: https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.emulator.services.ec2.view import View
from pushproof.emulator.services.ec2.words import has_dependencies, missing, no_subnet, no_vpc

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.ec2 import (
        AttachInternetGatewayRequest,
        CreateNatGatewayRequest,
        DeleteInternetGatewayRequest,
        DeleteNatGatewayRequest,
        DetachInternetGatewayRequest,
        ReleaseAddressRequest,
    )


def attach_internet_gateway(view: View, request: AttachInternetGatewayRequest) -> None:
    vpc_id, gateway = request["VpcId"], view.gateway(request["InternetGatewayId"])
    if gateway is None:
        raise _no_gateway(request["InternetGatewayId"])
    if view.vpc(vpc_id) is None:
        raise no_vpc(vpc_id)
    if gateway["Attachments"]:
        raise AwsError(
            "Resource.AlreadyAssociated",
            f"resource {gateway['InternetGatewayId']} is already attached to network {gateway['Attachments'][0]['VpcId']}",
        )
    if view.gateways_of(vpc_id):
        raise AwsError("InvalidParameterValue", f"Network {vpc_id} already has an internet gateway attached")


def detach_internet_gateway(view: View, request: DetachInternetGatewayRequest) -> None:
    vpc_id, gateway = request["VpcId"], view.gateway(request["InternetGatewayId"])
    if gateway is None:
        raise _no_gateway(request["InternetGatewayId"])
    if all(attachment["VpcId"] != vpc_id for attachment in gateway["Attachments"]):
        raise AwsError(
            "Gateway.NotAttached", f"resource {gateway['InternetGatewayId']} is not attached to network {vpc_id}"
        )
    mapped = any(
        nat["State"] in ("pending", "available") and nat.get("ConnectivityType") != "private"
        for nat in view.nats_of(vpc_id)
    ) or any(interface.get("Association", {}).get("PublicIp") for interface in view.interfaces_of(vpc_id))
    if mapped:
        raise AwsError(
            "DependencyViolation",
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )


def delete_internet_gateway(view: View, request: DeleteInternetGatewayRequest) -> None:
    gateway = view.gateway(request["InternetGatewayId"])
    if gateway is None:
        raise _no_gateway(request["InternetGatewayId"])
    if gateway["Attachments"]:
        raise has_dependencies("internetGateway", gateway["InternetGatewayId"])


def delete_nat_gateway(view: View, request: DeleteNatGatewayRequest) -> None:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (NatGatewayNotFound)
    if view.nat(request["NatGatewayId"]) is None:
        raise AwsError("NatGatewayNotFound", f"NAT gateway {request['NatGatewayId']} was not found")


def create_nat_gateway(view: View, request: CreateNatGatewayRequest) -> None:
    allocation = request.get("AllocationId")
    subnet = request.get("SubnetId")
    if request.get("AvailabilityMode") == "regional":
        # https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html: belongs to a VPC, not to a subnet.
        raise not_implemented("ec2", "CreateNatGateway of a whole region")
    if not subnet:
        raise missing("SubnetId")
    if view.subnet(subnet) is None:
        raise no_subnet(subnet)
    if request.get("ConnectivityType") == "private":
        if allocation:
            raise AwsError("InvalidParameter", "AllocationId cannot be specified with ConnectivityType private.")
    elif not allocation:
        raise missing("AllocationId")
    elif view.address(allocation) is None:
        raise _no_address(allocation)


def release_address(view: View, request: ReleaseAddressRequest) -> None:
    allocation = request.get("AllocationId")
    if not allocation:
        return
    address = view.address(allocation)
    if address is None:
        raise _no_address(allocation)
    if view.nat_of_address(allocation) is not None:
        raise AwsError("InvalidIPAddress.InUse", f"Address {address['PublicIp']} is in use.")


def _no_gateway(gateway_id: str) -> AwsError:
    return AwsError("InvalidInternetGatewayID.NotFound", f"The internetGateway ID '{gateway_id}' does not exist")


def _no_address(allocation_id: str) -> AwsError:
    return AwsError("InvalidAllocationID.NotFound", f"The allocation ID '{allocation_id}' does not exist")
