"""Reading a network out of EC2's answers."""

from __future__ import annotations

import contextlib
import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.reachability import (
    Eni,
    Internet,
    NetworkModelError,
    Place,
    Service,
    exposures,
    from_describe,
    reach,
    tier_of,
)

DESCRIBED: dict[str, Any] = {
    "Vpcs": [
        {
            "VpcId": "vpc-1",
            "CidrBlock": "10.0.0.0/16",
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}}],
        }
    ],
    "VpcAttributes": {"vpc-1": {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}},
    "Subnets": [
        {"SubnetId": "subnet-p", "VpcId": "vpc-1", "AvailabilityZone": "eu-west-1a", "CidrBlock": "10.0.0.0/24"},
        {"SubnetId": "subnet-q", "VpcId": "vpc-1", "AvailabilityZone": "eu-west-1a", "CidrBlock": "10.0.1.0/24"},
    ],
    "RouteTables": [
        {
            "RouteTableId": "rtb-p",
            "VpcId": "vpc-1",
            "Associations": [{"SubnetId": "subnet-p", "AssociationState": {"State": "associated"}}],
            "Routes": [
                {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
                {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
            ],
        },
        {
            "RouteTableId": "rtb-q",
            "VpcId": "vpc-1",
            "Associations": [{"Main": True}],
            "Routes": [
                {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
                {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"},
                {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-s3", "State": "active"},
            ],
        },
    ],
    "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}],
    "NatGateways": [
        {
            "NatGatewayId": "nat-1",
            "VpcId": "vpc-1",
            "SubnetId": "subnet-p",
            "State": "available",
            "ConnectivityType": "public",
            "NatGatewayAddresses": [{"PublicIp": "54.1.2.3", "PrivateIp": "10.0.0.9"}],
        }
    ],
    "VpcEndpoints": [
        {
            "VpcEndpointId": "vpce-s3",
            "VpcId": "vpc-1",
            "VpcEndpointType": "Gateway",
            "ServiceName": "com.amazonaws.eu-west-1.s3",
            "State": "available",
            "RouteTableIds": ["rtb-q"],
            "PolicyDocument": '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
        },
        {
            "VpcEndpointId": "vpce-dkr",
            "VpcId": "vpc-1",
            "VpcEndpointType": "Interface",
            "ServiceName": "com.amazonaws.eu-west-1.ecr.dkr",
            "State": "available",
            "SubnetIds": ["subnet-q"],
            "Groups": [{"GroupId": "sg-e"}],
            "PrivateDnsEnabled": True,
        },
    ],
    "SecurityGroups": [
        {
            "GroupId": "sg-t",
            "VpcId": "vpc-1",
            "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            ],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        },
        {
            "GroupId": "sg-e",
            "VpcId": "vpc-1",
            "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-t"}]}
            ],
        },
    ],
    "NetworkAcls": [
        {
            "NetworkAclId": "acl-1",
            "VpcId": "vpc-1",
            "IsDefault": True,
            "Associations": [{"SubnetId": "subnet-p"}],
            "Entries": [
                {"RuleNumber": n, "Egress": e, "Protocol": p, "RuleAction": a, "CidrBlock": "0.0.0.0/0"}
                for e in (True, False)
                for n, p, a in ((100, "6", "allow"), (32767, "-1", "deny"))
            ],
        }
    ],
    "NetworkInterfaces": [
        {
            "NetworkInterfaceId": "eni-1",
            "SubnetId": "subnet-p",
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.7"}],
            "Groups": [{"GroupId": "sg-t"}],
            "Association": {"PublicIp": "54.9.9.9"},
        }
    ],
    "PrefixLists": [
        {"PrefixListId": "pl-s3", "PrefixListName": "com.amazonaws.eu-west-1.s3", "Cidrs": ["52.218.0.0/17"]}
    ],
}


def test_ec2_answers_become_a_network() -> None:
    """EC2's descriptions are enough to answer for routes, gateways, endpoints, groups and ACLs."""
    network = from_describe(DESCRIBED, region="eu-west-1")
    task = Place("subnet-q", ("sg-t",))
    assert reach(network, task, Internet()).passes("nat-gateway")
    assert reach(network, task, Service("s3")).passes("vpc-endpoint")[0].detail == "Gateway"
    assert reach(network, task, Service("ecr.dkr")).passes("vpc-endpoint")[0].detail == "Interface"
    assert [e.port for e in exposures(network, Eni("eni-1"))] == [8080]
    assert not reach(network, Internet(), Eni("eni-1"), port=53, protocol="17"), "the ACL admits TCP only"
    assert (tier_of(network, "subnet-p"), tier_of(network, "subnet-q")) == ("public", "private")


def test_a_missing_member_is_named() -> None:
    """A structure that EC2 would not return is named by key, position and member."""
    with pytest.raises(NetworkModelError, match=r"Subnets\[0\] has no member 'AvailabilityZone'"):
        from_describe({"Subnets": [{"SubnetId": "s", "VpcId": "v", "CidrBlock": "10.0.0.0/24"}]})
    with pytest.raises(NetworkModelError, match=r"Vpcs\[0\] cannot be read: 'nonsense' is not a CIDR block"):
        from_describe({"Vpcs": [{"VpcId": "v", "CidrBlock": "nonsense"}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["VpcId", "CidrBlock", "CidrIp", "State", "From"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(sorted(DESCRIBED)), JSON, st.integers(0))
def test_malformed_answers_give_a_typed_error(key: str, junk: Any, seed: int) -> None:
    """An answer with any part replaced is read, or refused with a typed error: 10,000 times."""
    dice = random.Random(seed)
    for _ in range(10):
        spoilt = copy.deepcopy(DESCRIBED)
        parent, step = spoilt, key
        while isinstance(parent[step], dict | list) and parent[step] and dice.randrange(4):
            parent = parent[step]
            step = dice.choice(sorted(parent) if isinstance(parent, dict) else range(len(parent)))
        parent[step] = junk
        with contextlib.suppress(NetworkModelError):
            from_describe(spoilt)
