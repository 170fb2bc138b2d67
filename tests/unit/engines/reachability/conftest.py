"""A network to ask about: two zones, public and private subnets, a NAT gateway in each zone, ECR and S3 endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pushproof.engines.reachability import (
    AclEntry,
    Block,
    Endpoint,
    Interface,
    InternetGateway,
    NatGateway,
    Network,
    NetworkAcl,
    PrefixList,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
    Vpc,
)

CIDR = Block.parse
ALL = CIDR("0.0.0.0/0")
OPEN_POLICY = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'


def reference() -> Network:
    """Two zones as the reference infrastructure lays them out."""
    subnets = tuple(
        Subnet(f"subnet-{tier}-{zone}", "vpc-1", f"eu-west-1{zone}", CIDR(f"10.0.{number * 16}.0/20"))
        for number, (tier, zone) in enumerate((t, z) for t in ("public", "private") for z in "ab")
    )
    tables = (
        RouteTable("rtb-main", "vpc-1", main=True),
        RouteTable("rtb-public", "vpc-1", (Route(ALL, "igw-1"),), ("subnet-public-a", "subnet-public-b")),
        RouteTable("rtb-private-a", "vpc-1", (Route(ALL, "nat-a"), Route("pl-s3", "vpce-s3")), ("subnet-private-a",)),
        RouteTable("rtb-private-b", "vpc-1", (Route(ALL, "nat-b"), Route("pl-s3", "vpce-s3")), ("subnet-private-b",)),
    )
    anywhere = Rule("-1", blocks=(ALL,))
    groups = (
        SecurityGroup("sg-alb", "vpc-1", (Rule("tcp", (443, 443), (ALL,)),), (anywhere,)),
        SecurityGroup("sg-task", "vpc-1", (Rule("tcp", (8080, 8080), group_ids=("sg-alb",)),), (anywhere,)),
        SecurityGroup("sg-endpoint", "vpc-1", (Rule("tcp", (443, 443), (CIDR("10.0.0.0/16"),)),), (anywhere,)),
    )
    acl = NetworkAcl(
        "acl-1",
        "vpc-1",
        (AclEntry(100, True, True, "-1", ALL), AclEntry(100, False, True, "-1", ALL)),
        default=True,
    )
    private = ("subnet-private-a", "subnet-private-b")
    endpoints = (
        *(
            Endpoint(
                f"vpce-{name}",
                "vpc-1",
                f"com.amazonaws.eu-west-1.ecr.{name}",
                "Interface",
                subnet_ids=private,
                security_group_ids=("sg-endpoint",),
                private_dns=True,
                policy=OPEN_POLICY,
            )
            for name in ("api", "dkr")
        ),
        Endpoint(
            "vpce-s3",
            "vpc-1",
            "com.amazonaws.eu-west-1.s3",
            "Gateway",
            route_table_ids=("rtb-private-a", "rtb-private-b"),
            policy=OPEN_POLICY,
        ),
    )
    return Network(
        vpcs=(Vpc("vpc-1", (CIDR("10.0.0.0/16"),), dns_support=True, dns_hostnames=True),),
        subnets=subnets,
        route_tables=tables,
        internet_gateways=(InternetGateway("igw-1", ("vpc-1",)),),
        nat_gateways=tuple(NatGateway(f"nat-{z}", "vpc-1", f"subnet-public-{z}") for z in "ab"),
        endpoints=endpoints,
        security_groups=groups,
        network_acls=(acl,),
        interfaces=(
            Interface("eni-task", "subnet-private-a", (CIDR("10.0.32.10"),), ("sg-task",)),
            Interface("eni-alb", "subnet-public-a", (CIDR("10.0.0.10"),), ("sg-alb",), CIDR("34.240.0.1")),
        ),
        prefix_lists=(PrefixList("pl-s3", "com.amazonaws.eu-west-1.s3", (CIDR("52.218.0.0/17"), CIDR("3.5.64.0/21"))),),
        region="eu-west-1",
    )


def _altered(network: Network, kind: str, identifier: str, **changes: Any) -> Network:
    things = getattr(network, kind)
    assert any(thing.id == identifier for thing in things), identifier
    return replace(network, **{kind: tuple(replace(t, **changes) if t.id == identifier else t for t in things)})


@pytest.fixture(scope="session")
def network() -> Network:
    return reference()


@pytest.fixture(scope="session")
def altered() -> Callable[..., Network]:
    """`altered(network, "nat_gateways", "nat-a", state="failed")`: the network with one resource changed."""
    return _altered
