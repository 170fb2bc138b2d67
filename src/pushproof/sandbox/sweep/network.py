"""VPCs and everything in them: the kinds that can go only after nearly everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from pushproof.aws.tags import tag_map
from pushproof.sandbox.sweep.resource import (
    Account,
    Finder,
    Kind,
    Resource,
    StillGoing,
    gone_is_fine,
    pages,
    pages_where_offered,
)


def _describe(kind: str, operation: str, key: str, id_key: str, *, skip: Callable[[Any], bool] | None = None,
              going: Callable[[Any], bool] | None = None, name: str = "") -> Finder:  # fmt: skip
    def find(account: Account) -> Iterator[Resource]:
        for item in pages(account.client("ec2"), operation, key):
            if skip is not None and skip(item):
                continue
            tags = tag_map(item.get("Tags") or item.get("TagSet"))
            vpc = item.get("VpcId")
            yield Resource(
                kind,
                str(item[id_key]),
                name=str(item.get(name) or tags.get("Name") or ""),
                tags=tags,
                part_of=("ec2 vpc", str(vpc)) if vpc and kind != "ec2 vpc" else None,
                going=going(item) if going is not None else False,
            )

    return find


def _state(item: Mapping[str, Any]) -> str:
    return str(item.get("State", "")).lower()


def _remove_nat(account: Account, resource: Resource) -> None:
    gone_is_fine(account.client("ec2").delete_nat_gateway, NatGatewayId=resource.id)


def _remove_endpoint(account: Account, resource: Resource) -> None:
    answer = account.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[resource.id])
    for failure in answer.get("Unsuccessful") or []:
        error = failure["Error"]
        if "NotFound" not in error["Code"]:
            raise ClientError({"Error": error}, "DeleteVpcEndpoints")


def _remove_interface(account: Account, resource: Resource) -> None:
    ec2 = account.client("ec2")
    described = gone_is_fine(ec2.describe_network_interfaces, NetworkInterfaceIds=[resource.id])
    for interface in (described or {}).get("NetworkInterfaces") or []:
        attachment = interface.get("Attachment") or {}
        if interface.get("Status") == "in-use" and (
            interface.get("RequesterManaged") or attachment.get("InstanceOwnerId")
        ):
            # Part of a load balancer, an endpoint or a task: AWS removes it with that resource, sometimes minutes later.
            raise StillGoing(f"{resource.id} is still in use by {interface.get('Description') or 'AWS'}")
    gone_is_fine(ec2.delete_network_interface, NetworkInterfaceId=resource.id)


def _remove_address(account: Account, resource: Resource) -> None:
    ec2 = account.client("ec2")
    described = gone_is_fine(ec2.describe_addresses, AllocationIds=[resource.id])
    for address in (described or {}).get("Addresses") or []:
        if address.get("AssociationId") and not address.get("NetworkInterfaceOwnerId", "").startswith("amazon-"):
            gone_is_fine(ec2.disassociate_address, AssociationId=address["AssociationId"])
    gone_is_fine(ec2.release_address, AllocationId=resource.id)


def _remove_security_group(account: Account, resource: Resource) -> None:
    """Remove a group's rules, then the group: groups that name each other block each other's removal."""
    ec2 = account.client("ec2")
    described = gone_is_fine(ec2.describe_security_groups, GroupIds=[resource.id])
    for group in (described or {}).get("SecurityGroups") or []:
        if group.get("IpPermissions"):
            gone_is_fine(ec2.revoke_security_group_ingress, GroupId=resource.id, IpPermissions=group["IpPermissions"])
        if group.get("IpPermissionsEgress"):
            gone_is_fine(
                ec2.revoke_security_group_egress, GroupId=resource.id, IpPermissions=group["IpPermissionsEgress"]
            )
    gone_is_fine(ec2.delete_security_group, GroupId=resource.id)


def _remove_route_table(account: Account, resource: Resource) -> None:
    ec2 = account.client("ec2")
    described = gone_is_fine(ec2.describe_route_tables, RouteTableIds=[resource.id])
    for table in (described or {}).get("RouteTables") or []:
        for association in table.get("Associations") or []:
            gone_is_fine(ec2.disassociate_route_table, AssociationId=association["RouteTableAssociationId"])
    gone_is_fine(ec2.delete_route_table, RouteTableId=resource.id)


def _remove_internet_gateway(account: Account, resource: Resource) -> None:
    ec2 = account.client("ec2")
    described = gone_is_fine(ec2.describe_internet_gateways, InternetGatewayIds=[resource.id])
    for gateway in (described or {}).get("InternetGateways") or []:
        for attachment in gateway.get("Attachments") or []:
            gone_is_fine(ec2.detach_internet_gateway, InternetGatewayId=resource.id, VpcId=attachment["VpcId"])
    gone_is_fine(ec2.delete_internet_gateway, InternetGatewayId=resource.id)


def _analyses(account: Account) -> Iterator[Resource]:
    """Return Reachability Analyzer's analyses: each goes before its path, which cannot be removed while it exists."""
    api = account.client("ec2")
    for item in pages_where_offered(api, "describe_network_insights_analyses", "NetworkInsightsAnalyses"):
        yield Resource(
            "ec2 network-insights-analysis", item["NetworkInsightsAnalysisId"], tags=tag_map(item.get("Tags")),
            part_of=("ec2 network-insights-path", item["NetworkInsightsPathId"]),
        )  # fmt: skip


def _analysed_paths(account: Account) -> Iterator[Resource]:
    for item in pages_where_offered(account.client("ec2"), "describe_network_insights_paths", "NetworkInsightsPaths"):
        yield Resource("ec2 network-insights-path", item["NetworkInsightsPathId"], tags=tag_map(item.get("Tags")))


def _remove_analysis(account: Account, resource: Resource) -> None:
    gone_is_fine(account.client("ec2").delete_network_insights_analysis, NetworkInsightsAnalysisId=resource.id)


def _is_main(table: Mapping[str, Any]) -> bool:
    return any(a.get("Main") for a in table.get("Associations") or [])


KINDS = (
    Kind("ec2 network-insights-analysis", _analyses, _remove_analysis),
    Kind(
        "ec2 network-insights-path",
        _analysed_paths,
        lambda account, resource: gone_is_fine(
            account.client("ec2").delete_network_insights_path, NetworkInsightsPathId=resource.id
        ),
    ),
    Kind(
        "ec2 nat-gateway",
        _describe("ec2 nat-gateway", "describe_nat_gateways", "NatGateways", "NatGatewayId",
                  skip=lambda n: _state(n) == "deleted", going=lambda n: _state(n) == "deleting"),
        _remove_nat,
    ),
    Kind(
        "ec2 vpc-endpoint",
        _describe("ec2 vpc-endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId",
                  skip=lambda e: _state(e) == "deleted", going=lambda e: _state(e) == "deleting"),
        _remove_endpoint,
    ),
    Kind(
        "ec2 network-interface",
        _describe("ec2 network-interface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        _remove_interface,
    ),
    Kind(
        "ec2 elastic-ip",
        _describe("ec2 elastic-ip", "describe_addresses", "Addresses", "AllocationId",
                  skip=lambda a: "AllocationId" not in a),
        _remove_address,
    ),
    Kind(
        "ec2 security-group",
        _describe("ec2 security-group", "describe_security_groups", "SecurityGroups", "GroupId", name="GroupName",
                  skip=lambda g: g["GroupName"] == "default"),
        _remove_security_group,
    ),
    Kind(
        "ec2 subnet",
        _describe("ec2 subnet", "describe_subnets", "Subnets", "SubnetId", skip=lambda s: bool(s.get("DefaultForAz"))),
        lambda account, resource: gone_is_fine(account.client("ec2").delete_subnet, SubnetId=resource.id),
    ),
    Kind(
        "ec2 route-table",
        _describe("ec2 route-table", "describe_route_tables", "RouteTables", "RouteTableId", skip=_is_main),
        _remove_route_table,
    ),
    Kind(
        "ec2 internet-gateway",
        _describe("ec2 internet-gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        _remove_internet_gateway,
    ),
    Kind(
        "ec2 vpc",
        _describe("ec2 vpc", "describe_vpcs", "Vpcs", "VpcId", skip=lambda v: bool(v.get("IsDefault"))),
        lambda account, resource: gone_is_fine(account.client("ec2").delete_vpc, VpcId=resource.id),
    ),
)  # fmt: skip
