"""The elastic network interfaces of tasks. Every function here calls EC2, off the world's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .model import Interface

if TYPE_CHECKING:
    from types_boto3_ec2.client import EC2Client
    from types_boto3_ec2.type_defs import FilterTypeDef


def attach(ec2: EC2Client, *, subnet: str, groups: list[str], attachment_id: str, attachment_arn: str) -> Interface:
    """Create a task's interface in a subnet. Raises ClientError."""
    made = ec2.create_network_interface(
        SubnetId=subnet, Description=attachment_arn, Groups=groups or _default_group(ec2, subnet)
    )["NetworkInterface"]
    return Interface(
        id=made["NetworkInterfaceId"],
        subnet_id=subnet,
        private_ip=made["PrivateIpAddress"],
        mac=made.get("MacAddress", ""),
        zone=made.get("AvailabilityZone", ""),
        attachment_id=attachment_id,
        groups=tuple(group["GroupId"] for group in made.get("Groups") or []),
        vpc_id=made.get("VpcId", ""),
    )


def refusal(error: Exception) -> str:
    """Return the `stoppedReason` of a task whose interface could not be created."""
    words = error.response["Error"] if isinstance(error, ClientError) else {}
    return (
        f"ResourceInitializationError: unable to create network interface: {words.get('Code', '')} "
        f"{words.get('Message', error)}"
    )


def _default_group(ec2: EC2Client, subnet: str) -> list[str]:
    """Return the VPC's default security group, which applies to a task without groups of its own.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    """
    vpc = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    filters: list[FilterTypeDef] = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    return [group["GroupId"] for group in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]]
