"""Paths and refusals, case by case, each with its page of AWS's documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pushproof.engines.reachability import (
    AclEntry,
    Block,
    Cidr,
    Circumstances,
    Eni,
    Group,
    Interface,
    Internet,
    Network,
    NetworkAcl,
    NetworkModelError,
    Peering,
    Place,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Service,
    Subnet,
    UnknownResource,
    Vpc,
    exposures,
    reach,
    tier_of,
)

Alter = Callable[..., Network]
CIDR = Block.parse
ALL = CIDR("0.0.0.0/0")
TASK = Place("subnet-private-a", ("sg-task",))
PUBLIC_TASK = Place("subnet-public-a", ("sg-task",))


def code(answer: Any) -> str | None:
    return answer.refusal.code if answer.refusal else None


def kinds(answer: Any) -> list[str]:
    return [hop.kind for hop in answer.hops]


def test_private_subnet_leaves_by_its_nat_gateway(network: Network) -> None:
    """A private subnet reaches the internet by its NAT gateway, whose own subnet routes to the internet gateway.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-scenarios.html
    """
    answer = reach(network, TASK, Internet())
    assert answer
    passed = [(hop.kind, hop.id) for hop in answer.hops if hop.kind in ("route", "nat-gateway", "internet-gateway")]
    assert passed == [
        ("route", "rtb-private-a"),
        ("nat-gateway", "nat-a"),
        ("route", "rtb-public"),
        ("internet-gateway", "igw-1"),
    ]
    assert answer.zones == {"eu-west-1a"}
    assert answer.notes == ()


def test_nat_in_another_zone_is_noted_and_lost_with_it(network: Network, altered: Alter) -> None:
    """One NAT gateway for all zones works until its zone is lost, and the path warns of this.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
    """
    shared = altered(network, "route_tables", "rtb-private-b", routes=(Route(ALL, "nat-a"),))
    there = Place("subnet-private-b", ("sg-task",))
    answer = reach(shared, there, Internet())
    assert answer.zones == {"eu-west-1a", "eu-west-1b"}
    assert "nat-a is in eu-west-1a while subnet-private-b is in eu-west-1b" in answer.notes[0]
    down = Circumstances(zones_down=frozenset({"eu-west-1a"}))
    refused = reach(shared, there, Internet(), circumstances=down)
    assert code(refused) == "ZoneDown"
    assert refused.refusal is not None
    assert refused.refusal.at == "nat-a"
    assert reach(network, there, Internet(), circumstances=down), "with a NAT gateway of its own it survives"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (("nat_gateways", "nat-a", {"state": "failed"}), "NatUnusable"),
        (("nat_gateways", "nat-a", {"connectivity": "private"}), "NatUnusable"),
        (("nat_gateways", "nat-a", {"subnet_id": "subnet-private-b"}), "NatUnusable"),
        (("route_tables", "rtb-private-a", {"routes": ()}), "NoRoute"),
        (("route_tables", "rtb-private-a", {"routes": (Route(ALL, "nat-a", "blackhole"),)}), "Blackhole"),
        (("route_tables", "rtb-private-a", {"routes": (Route(ALL, "nat-gone"),)}), "NatUnusable"),
        (("route_tables", "rtb-private-a", {"routes": (Route(ALL, "igw-1"),)}), "NoPublicAddress"),
        (("route_tables", "rtb-private-a", {"routes": (Route(ALL, "tgw-1"),)}), "NotFollowed"),
        (("internet_gateways", "igw-1", {"vpc_ids": ()}), "GatewayMissing"),
        (("security_groups", "sg-task", {"egress": ()}), "SecurityGroupEgress"),
        (("network_acls", "acl-1", {"entries": ()}), "NetworkAcl"),
    ],
)
def test_each_break_on_the_way_out_is_named(network: Network, altered: Alter, changes: Any, expected: str) -> None:
    """The refusal names the step that breaks the way to the internet, with a remedy."""
    kind, identifier, values = changes
    answer = reach(altered(network, kind, identifier, **values), TASK, Internet())
    assert code(answer) == expected
    assert answer.refusal is not None
    assert answer.refusal.why.endswith(".")
    assert answer.refusal.remedy.endswith(".")
    assert answer.refusal.at in f"{answer.refusal.why}"


def test_longest_prefix_decides(network: Network, altered: Alter) -> None:
    """The most specific route takes the traffic, even a blackhole.

    https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
    """
    routes = (
        Route(ALL, "nat-a"),
        Route(CIDR("93.184.0.0/16"), "nat-b"),
        Route(CIDR("93.184.215.0/24"), "x", "blackhole"),
    )
    odd = altered(network, "route_tables", "rtb-private-a", routes=routes)
    assert code(reach(odd, TASK, Internet("93.184.215.14"))) == "Blackhole"
    assert reach(odd, TASK, Internet("93.184.1.1")).passes("nat-gateway")[0].id == "nat-b"
    assert reach(odd, TASK, Internet("93.1.1.1")).passes("nat-gateway")[0].id == "nat-a"


def test_a_block_is_reached_only_as_a_whole(network: Network, altered: Alter) -> None:
    """Asking for a block asks for each of its addresses: each part takes its own route."""
    routes = (Route(ALL, "nat-a"), Route(CIDR("140.82.112.0/25"), "nat-b"))
    odd = altered(network, "route_tables", "rtb-private-a", routes=routes)
    assert {hop.id for hop in reach(odd, TASK, Cidr("140.82.112.0/20")).passes("nat-gateway")} == {"nat-a", "nat-b"}
    halved = altered(
        network, "security_groups", "sg-task", egress=(Rule("tcp", (443, 443), (CIDR("140.82.112.0/21"),)),)
    )
    assert code(reach(halved, TASK, Cidr("140.82.112.0/20"))) == "SecurityGroupEgress"
    assert reach(halved, TASK, Cidr("140.82.112.0/21"))


def test_unassociated_subnet_uses_the_main_table(network: Network, altered: Alter) -> None:
    """A subnet without an association follows the main route table of its VPC.

    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html#main-route-table
    """
    loose = altered(network, "route_tables", "rtb-private-a", subnet_ids=())
    answer = reach(loose, TASK, Internet())
    assert code(answer) == "NoRoute"
    assert answer.refusal is not None
    assert answer.refusal.at == "rtb-main"


def test_network_acl_must_let_answers_back(network: Network) -> None:
    """Network ACLs are stateless: without the ephemeral ports, answers are refused with that reason.

    https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
    """
    out = AclEntry(100, True, True, "-1", ALL)
    closed = NetworkAcl(
        "acl-p", "vpc-1", (out, AclEntry(100, False, True, "tcp", ALL, (443, 443))), ("subnet-private-a",)
    )
    answer = reach(replace(network, network_acls=(*network.network_acls, closed)), TASK, Internet())
    assert code(answer) == "NetworkAcl"
    assert answer.refusal is not None
    assert "no entry allows tcp inbound from 93.184.215.14 on ports 32768-61000" in answer.refusal.why
    linux = replace(closed, entries=(out, AclEntry(100, False, True, "tcp", ALL, (32768, 61000))))
    assert reach(replace(network, network_acls=(*network.network_acls, linux)), TASK, Internet())


def test_a_nat_gateway_is_answered_on_all_high_ports(network: Network) -> None:
    """The ACL of a NAT gateway's subnet has to admit answers on 1024-65535, not only on Linux's ports.

    https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
    """
    entries = (AclEntry(1, True, True, "-1", ALL), AclEntry(1, False, True, "tcp", CIDR("10.0.0.0/16")))
    for ports, expected in (((32768, 61000), "NetworkAcl"), ((1024, 65535), None)):
        acl = NetworkAcl(
            "acl-n", "vpc-1", (*entries, AclEntry(2, False, True, "tcp", ALL, ports)), ("subnet-public-a",)
        )
        assert code(reach(replace(network, network_acls=(*network.network_acls, acl)), TASK, Internet())) == expected


def test_network_acl_entries_are_tried_in_order(network: Network) -> None:
    """The lowest number that matches decides; a later allow does not help, an earlier one does.

    https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
    """
    default = network.network_acls
    for deny, expected in ((50, "NetworkAcl"), (150, None)):
        entries = (
            AclEntry(100, True, True, "-1", ALL),
            AclEntry(100, False, True, "-1", ALL),
            AclEntry(deny, True, False, "tcp", CIDR("93.184.0.0/16"), (443, 443)),
        )
        acl = NetworkAcl("acl-p", "vpc-1", entries, ("subnet-private-a",))
        assert code(reach(replace(network, network_acls=(*default, acl)), TASK, Internet())) == expected


def test_groups_refer_to_groups(network: Network) -> None:
    """A rule that names a security group admits the interfaces that carry it, and no others.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing
    """
    assert reach(network, Eni("eni-alb"), Group("sg-task"), port=8080)
    assert code(reach(network, Eni("eni-alb"), Eni("eni-task"), port=8081)) == "SecurityGroupIngress"
    other = Place("subnet-private-b", ("sg-endpoint",))
    answer = reach(network, other, Eni("eni-task"), port=8080)
    assert code(answer) == "SecurityGroupIngress"
    assert answer.refusal is not None
    assert "No ingress rule of sg-task" in answer.refusal.why


def test_all_members_of_a_group_have_to_be_reached(network: Network) -> None:
    """A group counts as reached only if each interface that carries it is."""
    barred = NetworkAcl("acl-b", "vpc-1", (), ("subnet-private-b",))
    second = Interface("eni-b", "subnet-private-b", (CIDR("10.0.48.9"),), ("sg-task",))
    wider = replace(network, interfaces=(*network.interfaces, second), network_acls=(*network.network_acls, barred))
    assert code(reach(wider, Eni("eni-alb"), Group("sg-task"), port=8080)) == "NetworkAcl"


def test_a_group_nobody_carries_is_judged_by_its_rules(network: Network) -> None:
    """The rules of both groups decide before the first task runs, and the answer states that nothing is there."""
    answer = reach(network, Place("subnet-public-a", ("sg-alb",)), Group("sg-endpoint"))
    assert answer
    assert "No network interface carries sg-endpoint yet" in answer.notes[0]
    assert code(reach(network, TASK, Group("sg-endpoint"), port=80)) == "SecurityGroupIngress"


def test_ecr_by_interface_endpoint(network: Network) -> None:
    """The service's own name leads to the endpoint in each of its subnets, with private DNS.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
    """
    answer = reach(network, TASK, Service("ecr.dkr"))
    assert answer
    assert {hop.subnet_id for hop in answer.passes("vpc-endpoint")} == {"subnet-private-a", "subnet-private-b"}
    assert "dkr.ecr.eu-west-1.amazonaws.com" in answer.passes("vpc-endpoint")[0].text
    assert not answer.passes("nat-gateway")


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (("endpoints", "vpce-api", {"private_dns": False}), "vpce-api has private DNS off"),
        (("vpcs", "vpc-1", {"dns_hostnames": False}), "vpce-api has private DNS, which needs DNS hostnames"),
    ],
)
def test_without_private_dns_the_endpoint_is_bypassed(
    network: Network, altered: Alter, changes: Any, note: str
) -> None:
    """Private DNS needs the endpoint's option and both DNS attributes of the VPC; else names are public.

    https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-dns-hostnames
    """
    kind, identifier, values = changes
    changed = altered(network, kind, identifier, **values)
    answer = reach(changed, TASK, Service("ecr.api"))
    assert [hop.id for hop in answer.passes("nat-gateway")] == ["nat-a"]
    assert answer.notes[0].startswith(note)
    demanded = reach(changed, TASK, Service("ecr.api"), circumstances=Circumstances(require_vpc_endpoints=True))
    assert code(demanded) == "VpcEndpointDemanded"


def test_no_names_without_dns_support(network: Network, altered: Alter) -> None:
    """No service is found by name with enableDnsSupport off: the Amazon resolver answers nothing.

    https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html#vpc-dns-support
    """
    assert code(reach(altered(network, "vpcs", "vpc-1", dns_support=False), TASK, Service("s3"))) == "DnsUnavailable"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (("security_groups", "sg-endpoint", {"ingress": ()}), "SecurityGroupIngress"),
        (
            ("security_groups", "sg-endpoint", {"ingress": (Rule("tcp", (443, 443), (CIDR("10.0.48.0/20"),)),)}),
            "SecurityGroupIngress",
        ),
        (("endpoints", "vpce-dkr", {"state": "pendingAcceptance"}), "EndpointUnusable"),
        (("endpoints", "vpce-dkr", {"subnet_ids": ()}), "EndpointUnusable"),
        (("endpoints", "vpce-dkr", {"policy": '{"Statement": []}'}), "EndpointPolicy"),
        (("security_groups", "sg-task", {"egress": (Rule("tcp", (80, 80), (ALL,)),)}), "SecurityGroupEgress"),
    ],
)
def test_each_break_before_an_interface_endpoint_is_named(
    network: Network, altered: Alter, changes: Any, expected: str
) -> None:
    """An endpoint that exists but cannot be used is no way, even with a NAT gateway: the name leads to it."""
    kind, identifier, values = changes
    assert code(reach(altered(network, kind, identifier, **values), TASK, Service("ecr.dkr"))) == expected


def test_an_interface_endpoint_outlives_a_zone_it_is_not_alone_in(network: Network, altered: Alter) -> None:
    """An endpoint with addresses in two zones survives the loss of one; with one address it does not.

    https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
    """
    down = Circumstances(zones_down=frozenset({"eu-west-1b"}))
    assert reach(network, TASK, Service("ecr.api"), circumstances=down)
    single = altered(network, "endpoints", "vpce-api", subnet_ids=("subnet-private-b",))
    assert code(reach(single, TASK, Service("ecr.api"), circumstances=down)) == "ZoneDown"
    assert "eu-west-1b" in reach(single, TASK, Service("ecr.api")).zones


def test_s3_by_gateway_endpoint(network: Network) -> None:
    """The prefix list's route is longer than the default route: S3 goes by the endpoint, not by NAT.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    answer = reach(network, TASK, Service("s3"))
    assert [hop.detail for hop in answer.passes("vpc-endpoint")] == ["Gateway", "Gateway"]
    assert not answer.passes("nat-gateway")


def test_gateway_endpoint_serves_only_associated_tables(network: Network, altered: Alter) -> None:
    """A table that the gateway endpoint is not associated with sends S3 to NAT, and refuses where endpoints are demanded."""
    loose = altered(network, "endpoints", "vpce-s3", route_table_ids=("rtb-private-b",))
    loose = altered(loose, "route_tables", "rtb-private-a", routes=(Route(ALL, "nat-a"),))
    answer = reach(loose, TASK, Service("s3"))
    assert answer.passes("nat-gateway")
    assert "not associated with rtb-private-a" in answer.notes[0]
    demanded = reach(loose, TASK, Service("s3"), circumstances=Circumstances(require_vpc_endpoints=True))
    assert demanded.refusal is not None
    assert demanded.refusal.remedy == "Associate vpce-s3 with rtb-private-a."


def test_security_groups_may_name_the_prefix_list(network: Network, altered: Alter) -> None:
    """An egress rule to S3's prefix list is enough for the gateway endpoint, and for nothing else.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html#gateway-endpoint-security
    """
    narrow = altered(
        network, "security_groups", "sg-task", egress=(Rule("tcp", (443, 443), prefix_list_ids=("pl-s3",)),)
    )
    assert reach(narrow, TASK, Service("s3"))
    assert code(reach(narrow, TASK, Service("logs"))) == "SecurityGroupEgress"


def test_endpoint_policy_is_asked_for_each_call(network: Network, altered: Alter) -> None:
    """A policy that admits the artifacts but not ECR's layer bucket lets image pulls fail.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
    """
    policy = {
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:Get*", "Resource": "arn:aws:s3:::artifacts/*"}
    }
    narrow = altered(network, "endpoints", "vpce-s3", policy=policy)
    layers = "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"
    assert reach(narrow, TASK, Service("s3", (("s3:GetObject", "arn:aws:s3:::artifacts/a.zip"),)))
    assert code(reach(narrow, TASK, Service("s3", (("s3:GetObject", layers),)))) == "EndpointPolicy"
    asked: list[tuple[str, str]] = []

    def evaluate(document: Any, action: str, resource: str) -> bool:
        asked.append((action, resource))
        return document is policy

    calls = (("s3:GetObject", layers), ("s3:ListBucket", "arn:aws:s3:::artifacts"))
    assert reach(narrow, TASK, Service("s3", calls), circumstances=Circumstances(policy_allows=evaluate))
    assert set(asked) == set(calls)


def test_an_organisation_may_demand_endpoints(network: Network) -> None:
    """A NAT gateway is no way to a service without an endpoint if aws:SourceVpce is required.

    https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
    """
    demand = Circumstances(require_vpc_endpoints=True)
    for name in ("ecr.api", "ecr.dkr", "s3"):
        assert reach(network, TASK, Service(name), circumstances=demand), name
    refused = reach(network, TASK, Service("logs"), circumstances=demand)
    assert code(refused) == "VpcEndpointDemanded"
    assert refused.refusal is not None
    assert "Create a VPC endpoint (Interface) for logs in vpc-1" in refused.refusal.remedy
    assert reach(network, TASK, Service("logs"))
    assert reach(network, TASK, Internet(), circumstances=demand), "the demand is about AWS services"


def peered(network: Network, *, back: bool = True, state: str = "active") -> Network:
    routes = (Route(CIDR("10.0.0.0/16"), "pcx-1"),) if back else ()
    tables = tuple(
        replace(t, routes=(*t.routes, Route(CIDR("10.9.0.0/16"), "pcx-1"))) if t.id == "rtb-private-a" else t
        for t in network.route_tables
    )
    database = SecurityGroup("sg-db", "vpc-9", (Rule("tcp", (5432, 5432), group_ids=("sg-task",)),))
    return replace(
        network,
        vpcs=(*network.vpcs, Vpc("vpc-9", (CIDR("10.9.0.0/16"),))),
        subnets=(*network.subnets, Subnet("subnet-db", "vpc-9", "eu-west-1a", CIDR("10.9.0.0/24"))),
        route_tables=(*tables, RouteTable("rtb-db", "vpc-9", routes, ("subnet-db",))),
        security_groups=(*network.security_groups, database),
        interfaces=(*network.interfaces, Interface("eni-db", "subnet-db", (CIDR("10.9.0.5"),), ("sg-db",))),
        peerings=(Peering("pcx-1", ("vpc-1", "vpc-9"), state),),
    )


def test_peering_needs_routes_on_both_sides(network: Network) -> None:
    """A peering connection carries traffic when it is active and both tables route to it.

    https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-routing.html
    """
    task = Eni("eni-task")
    assert reach(peered(network), task, Eni("eni-db"), port=5432).passes("peering")
    assert code(reach(peered(network, back=False), task, Eni("eni-db"), port=5432)) == "NoReturnRoute"
    assert code(reach(peered(network, state="pending-acceptance"), task, Eni("eni-db"), port=5432)) == "PeeringUnusable"
    elsewhere = Place("subnet-private-b", ("sg-task",))
    assert code(reach(peered(network), elsewhere, Eni("eni-db"), port=5432)) == "NoRoute"


def test_public_subnet_without_public_address_stays_inside(network: Network) -> None:
    """An internet gateway translates public addresses only: a task without one gets nowhere from a public subnet.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
    """
    assert code(reach(network, PUBLIC_TASK, Internet())) == "NoPublicAddress"
    assert reach(network, replace(PUBLIC_TASK, public_ip=True), Internet())


def test_what_cannot_be_followed_can_be_vouched_for(network: Network, altered: Alter) -> None:
    """A transit gateway is named as unknown, until the caller says that it leads to the internet."""
    central = altered(network, "route_tables", "rtb-private-a", routes=(Route(ALL, "tgw-1"),))
    vouched = Circumstances(leads_to_internet=frozenset({"tgw-1"}))
    assert code(reach(central, TASK, Internet())) == "NotFollowed"
    assert reach(central, TASK, Internet(), circumstances=vouched)


def test_regional_nat_gateway_stands_in_no_zone(network: Network, altered: Alter) -> None:
    """A regional NAT gateway has no subnet and is lost with no zone.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
    """
    regional = altered(network, "nat_gateways", "nat-b", subnet_id=None)
    down = Circumstances(zones_down=frozenset({"eu-west-1a"}))
    answer = reach(regional, Place("subnet-private-b", ("sg-task",)), Internet(), circumstances=down)
    assert answer.zones == {"eu-west-1b"}


def test_undecided_security_groups_can_be_left_out(network: Network) -> None:
    """No packet passes without security groups; if the question leaves them out, network and target alone decide."""
    assert code(reach(network, Place("subnet-private-a"), Internet())) == "SecurityGroupEgress"
    assert reach(network, Place("subnet-private-a", unguarded=True), Service("ecr.dkr"))
    assert exposures(network, Place("subnet-public-a", public_ip=True)) == ()
    assert exposures(network, Place("subnet-public-a", public_ip=True, unguarded=True))
    assert reach(network, Internet(), Place("subnet-public-a", public_ip=True, unguarded=True), port=22)


# -- from the internet ------------------------------------------------------------------------------------


def test_only_what_is_published_is_reached_from_the_internet(network: Network) -> None:
    """The load balancer is reached on 443 and on nothing else; tasks are not reached at all."""
    assert reach(network, Internet(), Eni("eni-alb"))
    assert code(reach(network, Internet(), Eni("eni-alb"), port=22)) == "SecurityGroupIngress"
    assert code(reach(network, Internet(), Eni("eni-task"), port=8080)) == "NoRoute"
    assert [(e.protocol, e.port) for e in exposures(network, Eni("eni-alb"))] == [("tcp", 443)]
    assert exposures(network, TASK) == ()


@pytest.mark.parametrize(
    ("block", "exposed"),
    [
        ("0.0.0.0/0", True),
        ("10.0.0.0/8", False),
        ("0.0.0.0/1", True),
        ("203.0.112.0/22", True),
        ("100.64.0.0/10", False),
    ],
)
def test_exposure_needs_a_public_source(network: Network, altered: Alter, block: str, exposed: bool) -> None:
    """A rule exposes only if it admits an address that hosts on the internet can have."""
    odd = altered(network, "security_groups", "sg-task", ingress=(Rule("tcp", (22, 22), (CIDR(block),)),))
    place = replace(PUBLIC_TASK, public_ip=True)
    assert bool(exposures(odd, place)) is exposed


def test_exposure_respects_the_network_acl_both_ways(network: Network) -> None:
    """An address gets in only if the ACL admits it and lets the answer out to the same address."""
    inward = AclEntry(10, False, True, "tcp", CIDR("5.0.0.0/8"), (443, 443))
    for back, exposed in (("5.0.0.0/9", True), ("6.0.0.0/8", False)):
        entries = (inward, AclEntry(10, True, True, "tcp", CIDR(back), (1024, 65535)))
        acl = NetworkAcl("acl-p", "vpc-1", entries, ("subnet-public-a",))
        answer = reach(replace(network, network_acls=(*network.network_acls, acl)), Internet(), Eni("eni-alb"))
        assert bool(answer) is exposed
        assert not exposed or str(answer.address) == "5.0.0.0"


def test_ipv6_exposes_a_private_subnet(network: Network, altered: Alter) -> None:
    """IPv6 addresses are public: a ::/0 route to an internet gateway exposes what has no public IPv4 address.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
    """
    six = CIDR("2a05:d018::/64")
    odd = altered(network, "subnets", "subnet-private-a", ipv6_blocks=(six,))
    odd = altered(odd, "route_tables", "rtb-private-a", routes=(Route(ALL, "nat-a"), Route(CIDR("::/0"), "igw-1")))
    odd = altered(odd, "security_groups", "sg-task", ingress=(Rule("tcp", (8080, 8080), (CIDR("::/0"),)),))
    acl = replace(
        odd.network_acls[0], entries=tuple(replace(e, block=CIDR("::/0")) for e in odd.network_acls[0].entries)
    )
    odd = replace(odd, network_acls=(acl,))
    assert [e.port for e in exposures(odd, TASK)] == [8080]


def test_tiers_follow_routes_not_names(network: Network, altered: Alter) -> None:
    """A subnet is public when it routes to an internet gateway, private when it leaves otherwise, isolated when not.

    https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html#subnet-types
    """
    assert tier_of(network, "subnet-public-a") == "public"
    assert tier_of(network, "subnet-private-a") == "private"
    loose = altered(network, "route_tables", "rtb-private-a", subnet_ids=())
    assert tier_of(loose, "subnet-private-a") == "isolated"


def test_answers_read_like_a_walk(network: Network) -> None:
    """A printed answer lists each hop in order, or the place where it stopped and the remedy."""
    told = str(reach(network, TASK, Service("logs"), circumstances=Circumstances(require_vpc_endpoints=True)))
    assert told.splitlines()[0] == "subnet-private-a as sg-task to logs on tcp 443: no"
    assert "to change that: Create a VPC endpoint (Interface) for logs in vpc-1" in told
    assert "NAT gateway nat-a in subnet-public-a (eu-west-1a)" in str(reach(network, TASK, Internet()))


@pytest.mark.parametrize(
    ("question", "error", "text"),
    [
        (lambda n: reach(n, Place("subnet-x"), Internet()), UnknownResource, "no subnet 'subnet-x'"),
        (lambda n: reach(n, TASK, Internet(), port=70000), NetworkModelError, "port 70000"),
        (lambda n: reach(n, TASK, Cidr("10.0.0/33")), NetworkModelError, "is not a CIDR block"),
        (lambda n: reach(n, Internet(), Service("s3")), NetworkModelError, "cannot decide"),
        (
            lambda n: reach(n, Place("subnet-private-a", address="10.1.0.1"), Internet()),
            NetworkModelError,
            "no address of",
        ),
        (lambda n: replace(n, vpcs=n.vpcs * 2), NetworkModelError, "described twice"),
        (
            lambda n: replace(
                n, route_tables=(*n.route_tables, RouteTable("rtb-2", "vpc-1", subnet_ids=("subnet-private-a",)))
            ),
            NetworkModelError,
            "two route tables",
        ),
    ],
)
def test_bad_questions_are_named(network: Network, question: Any, error: type[Exception], text: str) -> None:
    """A question or model that makes no sense is refused with an error that names it."""
    with pytest.raises(error, match=text):
        question(network)
