"""Refusals of EC2 about VPC endpoints.

Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html,
https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html (private DNS, one subnet a zone),
https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html (S3 and its gateway).
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.signing import endpoint_prefixes
from pushproof.emulator.services.ec2.groups import require_addresses
from pushproof.emulator.services.ec2.view import View
from pushproof.engines.policy import Kind, PolicyError, parse

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import ServiceDetailTypeDef

    from pushproof.emulator.kernel.shapes.ec2 import CreateVpcEndpointRequest, ModifyVpcEndpointRequest

    EndpointRequest = CreateVpcEndpointRequest | ModifyVpcEndpointRequest


_WITH_GATEWAYS = frozenset({"s3", "dynamodb"})


def create_vpc_endpoint(view: View, request: CreateVpcEndpointRequest) -> None:
    vpc_id, name = request["VpcId"], request.get("ServiceName", "")
    if view.vpc(vpc_id) is None:
        raise AwsError("InvalidVpcId.NotFound", f"The Vpc Id {vpc_id} does not exist")
    kind = request.get("VpcEndpointType") or "Gateway"
    if kind not in ("Gateway", "Interface"):
        return
    if request.get("PolicyDocument"):
        _require_policy(request["PolicyDocument"])
    service = _service(view, name, kind)
    if kind == "Gateway":
        _require_of_gateway(request, subnets=request.get("SubnetIds"), groups=request.get("SecurityGroupIds"))
        _require_tables(view, vpc_id, name, request.get("RouteTableIds") or [])
        return
    if request.get("RouteTableIds"):
        raise AwsError("InvalidParameter", "Route tables cannot be specified for endpoints of type Interface.")
    subnets = [*(request.get("SubnetIds") or []), *_configured(request)]
    _require_subnets(view, vpc_id, list(dict.fromkeys(subnets)), [])
    _require_groups(view, vpc_id, request.get("SecurityGroupIds") or [])
    _require_configured_addresses(view, request)
    # Private DNS is on by default.
    if request.get("PrivateDnsEnabled", True):
        explicitly = "PrivateDnsEnabled" in request
        _require_private_dns(view, vpc_id, service, request, explicitly=explicitly)


def modify_vpc_endpoint(view: View, request: ModifyVpcEndpointRequest) -> None:
    endpoint = view.endpoint(request["VpcEndpointId"])
    if endpoint is None or endpoint.get("State", "").lower() == "deleted":
        raise AwsError(
            "InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{request['VpcEndpointId']}' does not exist"
        )
    vpc_id, name, kind = endpoint["VpcId"], endpoint["ServiceName"], endpoint["VpcEndpointType"]
    if request.get("PolicyDocument"):
        _require_policy(request["PolicyDocument"])
    if kind == "Gateway":
        _require_of_gateway(request, subnets=request.get("AddSubnetIds"), groups=request.get("AddSecurityGroupIds"))
        _require_tables(view, vpc_id, name, request.get("AddRouteTableIds") or [])
        return
    if kind != "Interface":
        return
    if request.get("AddRouteTableIds"):
        raise AwsError("InvalidParameter", "Route tables cannot be specified for endpoints of type Interface.")
    removed = set(request.get("RemoveSubnetIds") or ())
    standing = [subnet for subnet in endpoint.get("SubnetIds", []) if subnet not in removed]
    added = [*(request.get("AddSubnetIds") or []), *_configured(request)]
    _require_subnets(view, vpc_id, [subnet for subnet in dict.fromkeys(added) if subnet not in standing], standing)
    _require_groups(view, vpc_id, request.get("AddSecurityGroupIds") or [])
    if request.get("PrivateDnsEnabled") and not endpoint.get("PrivateDnsEnabled"):
        _require_private_dns(view, vpc_id, _service(view, name, kind), request, explicitly=True)
    elif endpoint.get("PrivateDnsEnabled") and (request.get("DnsOptions") or {}).get(
        "PrivateDnsOnlyForInboundResolverEndpoint"
    ):
        _require_gateway(view, vpc_id, name)


def _service(view: View, name: str, kind: str) -> ServiceDetailTypeDef:
    """Return the service of an endpoint, as DescribeVpcEndpointServices shows it. Raises AwsError if there is none of that name."""
    services = [service for service in view.endpoint_services() if service["ServiceName"] == name]
    for service in services:
        if kind in {entry["ServiceType"] for entry in service["ServiceType"]}:
            return service
    last = name.removeprefix(f"com.amazonaws.{view.region}.")
    if kind == "Gateway":
        if services or _is_named_so(last, view):
            raise AwsError(
                "InvalidParameter", f"The Vpc Endpoint Service '{name}' does not support endpoints of type Gateway."
            )
    elif services or _is_named_so(last, view):
        domain = None if last in _WITH_GATEWAYS else f"{last}.{view.region}.amazonaws.com"
        return {"ServiceName": name, "PrivateDnsName": domain} if domain else {"ServiceName": name}
    raise AwsError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def _is_named_so(last: str, view: View) -> bool:
    """Return whether the substrate's list, which is older than AWS's, may lack a service that AWS has.

    A name counts as AWS's if it is a service's own endpoint, and the list has no other name for that service: `ecr` does not count,
    since the list has `ecr.api`.
    """
    first = last.partition(".")[0].removesuffix("-fips")
    if first not in endpoint_prefixes():
        return False
    subnets = {
        service["ServiceName"].removeprefix(f"com.amazonaws.{view.region}.") for service in view.endpoint_services()
    }
    return not any(name == first or name.startswith((f"{first}.", f"{first}-")) for name in subnets)


def _require_of_gateway(request: EndpointRequest, *, subnets: list[str] | None, groups: list[str] | None) -> None:
    if subnets:
        raise AwsError("InvalidParameter", "Subnets cannot be specified for endpoints of type Gateway.")
    if groups:
        raise AwsError("InvalidParameter", "Security groups cannot be specified for endpoints of type Gateway.")
    if request.get("PrivateDnsEnabled"):
        raise AwsError("InvalidParameter", "Private DNS can't be enabled for endpoints of type Gateway.")
    if request.get("DnsOptions", {}).get("PrivateDnsOnlyForInboundResolverEndpoint") is not None:
        raise AwsError(
            "InvalidParameter",
            "DnsOptions PrivateDnsOnlyForInboundResolverEndpoint is applicable only to Interface VPC Endpoints.",
        )


def _require_tables(view: View, vpc_id: str, name: str, tables: list[str]) -> None:
    prefix_list = view.prefix_list_named(name) if tables else None
    for table_id in tables:
        table = view.table(table_id)
        if table is None:
            raise AwsError("InvalidRouteTableId.NotFound", f"The Route Table Id '{table_id}' does not exist")
        if table["VpcId"] != vpc_id:
            raise AwsError("InvalidParameter", f"Route table {table_id} does not belong to VPC {vpc_id}.")
        if prefix_list and any(route.get("DestinationPrefixListId") == prefix_list for route in table["Routes"]):
            raise AwsError(
                "RouteAlreadyExists",
                f"route table {table_id} already has a route with destination-prefix-list-id {prefix_list}",
            )


def _require_subnets(view: View, vpc_id: str, added: list[str], standing: list[str]) -> None:
    zones = {subnet["AvailabilityZone"] for subnet in map(view.subnet, standing) if subnet is not None}
    for subnet_id in added:
        subnet = view.subnet(subnet_id)
        if subnet is None:
            raise AwsError("InvalidSubnetId.NotFound", f"The subnet ID '{subnet_id}' does not exist")
        if subnet["VpcId"] != vpc_id:
            raise AwsError("InvalidParameter", f"Subnet {subnet_id} does not belong to VPC {vpc_id}.")
        if subnet["AvailabilityZone"] in zones:
            raise AwsError(
                "DuplicateSubnetsInSameZone",
                f"Found another VPC endpoint subnet in the availability zone of {subnet_id}",
            )
        zones.add(subnet["AvailabilityZone"])


def _require_groups(view: View, vpc_id: str, groups: list[str]) -> None:
    for group_id in groups:
        group = view.group(group_id)
        if group is None:
            raise AwsError("InvalidSecurityGroupId.NotFound", f"The security group ID '{group_id}' does not exist")
        if group["VpcId"] != vpc_id:
            raise AwsError("InvalidParameter", f"Security group {group_id} does not belong to VPC {vpc_id}.")


def _configured(request: EndpointRequest) -> list[str]:
    return [entry["SubnetId"] for entry in request.get("SubnetConfigurations") or () if entry.get("SubnetId")]


def _require_configured_addresses(view: View, request: EndpointRequest) -> None:
    for entry in request.get("SubnetConfigurations") or ():
        subnet = view.subnet(entry.get("SubnetId", ""))
        if subnet is not None and entry.get("Ipv4"):
            require_addresses(view, subnet, [entry["Ipv4"]])


def _require_private_dns(
    view: View, vpc_id: str, service: ServiceDetailTypeDef, request: EndpointRequest, *, explicitly: bool
) -> None:
    name, domain = service["ServiceName"], service.get("PrivateDnsName")
    if not view.vpc_has_dns(vpc_id):
        raise AwsError(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
            f"for {vpc_id}",
        )
    if name.endswith(".s3"):
        # On by default: https://github.com/hashicorp/terraform-provider-aws/issues/32407
        if request.get("DnsOptions", {}).get("PrivateDnsOnlyForInboundResolverEndpoint", True):
            _require_gateway(view, vpc_id, name)
    elif domain is None:
        if explicitly:
            raise AwsError(
                "InvalidParameter",
                f"Private DNS can't be enabled because the service {name} does not provide a private DNS name.",
            )
        return
    for endpoint in view.endpoints_of(vpc_id):
        if endpoint["ServiceName"] == name and endpoint.get("PrivateDnsEnabled"):
            raise AwsError(
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{domain or f's3.{view.region}.amazonaws.com'} in the VPC {vpc_id}",
            )


def _require_gateway(view: View, vpc_id: str, name: str) -> None:
    if all(
        endpoint["VpcEndpointType"] != "Gateway" or endpoint["ServiceName"] != name
        for endpoint in view.endpoints_of(vpc_id)
    ):
        raise AwsError(
            "InvalidParameter",
            f"To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {vpc_id} must have a Gateway "
            f"endpoint for "
            "the service.",
        )


@functools.lru_cache(maxsize=256)
def _policy_flaw(text: str) -> str | None:
    try:
        parse(json.loads(text), Kind.ENDPOINT, name="endpoint policy")
    except (ValueError, PolicyError) as error:
        return str(error)
    return None


def _require_policy(text: str) -> None:
    if _policy_flaw(text) is not None:
        raise AwsError("InvalidPolicyDocument", "The specified policy document is not a valid JSON policy document.")
