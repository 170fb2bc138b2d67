"""Reading from EC2 of everything that decides a network path, for the reachability engine.

Checks read any target, the emulator reads its substrate; each brings its own client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushproof.engines.policy import Kind, Policies, decide, parse, principal_of, request
from pushproof.engines.reachability import Network, PolicyAllows, from_describe
from pushproof.engines.reachability.resources import Document

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from types_boto3_ec2.client import EC2Client
    from types_boto3_ec2.type_defs import AttributeBooleanValueTypeDef

# operation -> (key of the answer, filter by VPC)
_DESCRIBE = {
    "describe_subnets": ("Subnets", "vpc-id"),
    "describe_route_tables": ("RouteTables", "vpc-id"),
    "describe_internet_gateways": ("InternetGateways", "attachment.vpc-id"),
    "describe_nat_gateways": ("NatGateways", "vpc-id"),
    "describe_vpc_endpoints": ("VpcEndpoints", "vpc-id"),
    "describe_security_groups": ("SecurityGroups", "vpc-id"),
    "describe_network_acls": ("NetworkAcls", "vpc-id"),
    "describe_network_interfaces": ("NetworkInterfaces", "vpc-id"),
}


def read_network(ec2: EC2Client, vpc_id: str) -> Network:
    """Return the network of a VPC and of its peers.

    Args:
        ec2: A boto3 EC2 client.
        vpc_id: The VPC; its peers in the same account and region are read too.

    Raises:
        botocore.exceptions.ClientError: EC2 refuses, e.g. InvalidVpcID.NotFound.
        NetworkModelError: an answer cannot be read.
    """
    return from_describe(describe_network(ec2, vpc_id), region=ec2.meta.region_name)


def describe_network(ec2: EC2Client, vpc_id: str) -> dict[str, Any]:
    """Return EC2's answers about a VPC and its peers, in the form that `from_describe` reads. Raises as `read_network`."""
    peerings = _all(ec2, "describe_vpc_peering_connections", "VpcPeeringConnections")
    sides = [{p[side]["VpcId"] for side in ("RequesterVpcInfo", "AccepterVpcInfo")} for p in peerings]
    vpc_ids = {vpc_id}.union(*(pair for pair in sides if vpc_id in pair))
    described: dict[str, Any] = {
        "Vpcs": _all(ec2, "describe_vpcs", "Vpcs", VpcIds=[vpc_id]),
        "VpcPeeringConnections": [p for p, pair in zip(peerings, sides, strict=True) if vpc_id in pair],
    }
    if vpc_ids != {vpc_id}:
        others = [{"Name": "vpc-id", "Values": sorted(vpc_ids - {vpc_id})}]
        described["Vpcs"] += _all(ec2, "describe_vpcs", "Vpcs", Filters=others)
    present = [vpc["VpcId"] for vpc in described["Vpcs"]]
    for operation, (key, by) in _DESCRIBE.items():
        filters = [{"Name": by, "Values": present}]
        # DescribeNatGateways alone has a singular name for this parameter.
        name = "Filter" if operation == "describe_nat_gateways" else "Filters"
        described[key] = _all(ec2, operation, key, **{name: filters})
    for key in ("NatGateways", "VpcEndpoints"):
        # AWS lists both for a while after they are gone.
        described[key] = [entry for entry in described[key] if entry.get("State", "").lower() != "deleted"]
    described["EgressOnlyInternetGateways"] = _all(
        ec2, "describe_egress_only_internet_gateways", "EgressOnlyInternetGateways"
    )
    described["VpcAttributes"] = {identifier: _attributes(ec2, identifier) for identifier in present}
    described["PrefixLists"] = _all(ec2, "describe_prefix_lists", "PrefixLists")
    own = _named_prefix_lists(described) - {entry["PrefixListId"] for entry in described["PrefixLists"]}
    described["PrefixLists"] += [{"PrefixListId": identifier} for identifier in sorted(own)]
    described["PrefixListEntries"] = {
        identifier: _all(ec2, "get_managed_prefix_list_entries", "Entries", PrefixListId=identifier)
        for identifier in sorted(own)
    }
    return described


def _all(ec2: BaseClient, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
    if not ec2.can_paginate(operation):
        return list(getattr(ec2, operation)(**arguments)[key])
    return [entry for page in ec2.get_paginator(operation).paginate(**arguments) for entry in page.get(key, ())]


def _attributes(ec2: EC2Client, vpc_id: str) -> dict[str, AttributeBooleanValueTypeDef]:
    support = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsSupport")
    names = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")
    return {"EnableDnsSupport": support["EnableDnsSupport"], "EnableDnsHostnames": names["EnableDnsHostnames"]}


def _named_prefix_lists(described: dict[str, Any]) -> set[str]:
    routes = [route for table in described["RouteTables"] for route in table.get("Routes", ())]
    permissions = [
        permission
        for group in described["SecurityGroups"]
        for side in ("IpPermissions", "IpPermissionsEgress")
        for permission in group.get(side, ())
    ]
    identifiers = {route["DestinationPrefixListId"] for route in routes if route.get("DestinationPrefixListId")}
    return identifiers | {entry["PrefixListId"] for p in permissions for entry in p.get("PrefixListIds", ())}


_EVERYTHING = parse({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def endpoint_policies_as(role_arn: str, *, context: dict[str, str] | None = None) -> PolicyAllows:
    """Return a function that evaluates VPC endpoint policies for calls of a role, principals and conditions included.

    Pass the result as `policy_allows` to `NetworkingChecks` or `Circumstances`.

    Args:
        role_arn: The caller: the ARN of a role, such as a task execution role.
        context: Condition keys of the calls, such as ``{"aws:PrincipalOrgID": "o-1234567890"}``.

    Raises (when called):
        PolicyError: a policy document is not valid; the text says where.
    """
    caller = principal_of(role_arn)

    def allows(document: Document, action: str, resource: str) -> bool:
        # The caller's own permissions are judged elsewhere; this is about what the endpoint lets through.
        policies = Policies(identity=(_EVERYTHING,), endpoint=parse(document, Kind.ENDPOINT))
        call = request(caller, action, resource, context, resource_account=caller.account)
        return decide(call, policies).allowed

    return allows
