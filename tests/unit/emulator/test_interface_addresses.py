"""Addresses of network interfaces: each has its own, none of those that AWS keeps, and a full subnet says so.

Sources: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World


def test_every_interface_of_a_subnet_has_an_address_of_its_own() -> None:
    """A subnet of 16 addresses has room for eleven interfaces, one after another; then it is full until one is deleted."""
    with World.virtual() as world:
        ec2 = world.administrator("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.16/28")["Subnet"]["SubnetId"]
        asked = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.0.25")["NetworkInterface"]
        made = [asked] + [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"] for _ in range(10)]
        assert {each["PrivateIpAddress"] for each in made} == {f"10.0.0.{number}" for number in range(20, 31)}
        with pytest.raises(ClientError) as refused:
            ec2.create_network_interface(SubnetId=subnet)
        assert refused.value.response["Error"]["Code"] == "InsufficientFreeAddressesInSubnet"
        ec2.delete_network_interface(NetworkInterfaceId=made[5]["NetworkInterfaceId"])
        again = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        assert again["PrivateIpAddress"] == made[5]["PrivateIpAddress"]
