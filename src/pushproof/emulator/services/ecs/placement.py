"""Refusals of a service's or task's launch type, platform and network, as AWS words them.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pushproof.emulator.kernel.errors import AwsError

from .amounts import at_most, invalid, one_of
from .model import TaskDefinition

if TYPE_CHECKING:
    from types_boto3_ec2.client import EC2Client

    from pushproof.emulator.kernel.site import Site


LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")
_PLATFORM_VERSIONS = ("LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0")


def check_placement(definition: TaskDefinition, parameters: Mapping[str, Any]) -> None:
    """Refuse a launch type, platform version, placement and network mode that do not fit together."""
    launch = parameters.get("launchType")
    one_of("launch type", launch, LAUNCH_TYPES)
    fargate = bool(parameters.get("capacityProviderStrategy")) or launch == "FARGATE"
    version = parameters.get("platformVersion")
    if fargate:
        if "FARGATE" not in (definition.document.get("requiresCompatibilities") or definition.compatibilities):
            raise invalid("Task definition does not support launch_type FARGATE.")
        if version and version not in _PLATFORM_VERSIONS:
            raise AwsError("PlatformUnknownException", "The specified platform version does not exist.")
        for name, words in (
            ("placementConstraints", "Placement constraints"),
            ("placementStrategy", "Placement strategies"),
        ):
            if parameters.get(name):
                raise invalid(f"{words} are not supported with FARGATE launch type.")
    elif version:
        raise invalid("The platform version must be null when specifying an EC2 launch type")
    at_most("placement constraints", parameters.get("placementConstraints"), 10)
    at_most("placement strategies", parameters.get("placementStrategy"), 5)
    awsvpc = definition.document.get("networkMode") == "awsvpc"
    network = (parameters.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if awsvpc and not network:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    if not awsvpc and network:
        raise invalid("Network Configuration is not valid for the given networkMode of this task definition.")
    if network and network.get("assignPublicIp") == "ENABLED" and not fargate:
        raise invalid("Assign public IP is not supported for this launch type.")


def check_network(ec2: EC2Client, network: Mapping[str, Any]) -> None:
    """Refuse subnets and security groups that do not exist, are too many, or are in different VPCs."""
    subnets, groups = network.get("subnets") or [], network.get("securityGroups") or []
    if not subnets:
        raise invalid("subnets can not be empty.")
    # https://github.com/docker-archive/compose-cli/issues/996
    at_most("subnets", subnets, 16)
    at_most("security groups", groups, 5)
    one_of("assign public IP", network.get("assignPublicIp"), ("ENABLED", "DISABLED"))
    # By filter: EC2 then returns those that exist, so that the message can name exactly the missing ones.
    described = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": list(subnets)}])["Subnets"]
    _check_exist(
        "subnet", "InvalidSubnetID.NotFound", "subnet ID", subnets, {subnet["SubnetId"] for subnet in described}
    )
    secured = []
    if groups:
        secured = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": list(groups)}])["SecurityGroups"]
    _check_exist(
        "security group", "InvalidGroup.NotFound", "security group", groups, {group["GroupId"] for group in secured}
    )
    vpcs = {subnet["VpcId"] for subnet in described}
    if len(vpcs) > 1:
        raise invalid("All subnets must be in the same VPC.")
    for group in secured:
        if group["VpcId"] not in vpcs:
            raise invalid(
                f"Security group {group['GroupId']} does not appear to belong to the same VPC as the input subnets."
            )


def normalised_network(configuration: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a network configuration with the members that AWS fills in; empty for none."""
    awsvpc = (configuration or {}).get("awsvpcConfiguration")
    if not awsvpc:
        return {}
    return {"awsvpcConfiguration": {"assignPublicIp": "DISABLED", **copy.deepcopy(dict(awsvpc))}}


def open_subnets(site: Site, region: str, subnets: Sequence[str], provider: str | None) -> list[str]:
    """Return the subnets in zones that have room for a new task of a capacity provider: all, unless a fault says otherwise."""
    if not site.faults.limits_placement:
        return list(subnets)
    described = site.substrate.client("ec2", region).describe_subnets(SubnetIds=list(subnets))["Subnets"]
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in described}
    return [subnet for subnet in subnets if site.faults.places(zones.get(subnet, ""), provider)]


def _check_exist(kind: str, error: str, noun: str, ids: Sequence[str], existing: set[str]) -> None:
    """Refuse ids that do not exist. ECS passes EC2's own words on."""
    missing = [name for name in dict.fromkeys(ids) if name not in existing]
    if not missing:
        return
    number, verb = (noun, "does") if len(missing) == 1 else (f"{noun}s", "do")
    raise invalid(
        f"Error retrieving {kind} information for [{', '.join(ids)}]: The {number} '{', '.join(missing)}' {verb} not "
        f"exist (ErrorCode: {error})"
    )
