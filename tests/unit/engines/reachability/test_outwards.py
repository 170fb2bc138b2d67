"""The public addresses that an interface reaches, against the answers for single addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engines.reachability.conftest import reference

from pushproof.engines.reachability import (
    AclEntry,
    Block,
    Cidr,
    Circumstances,
    Network,
    OpenBlock,
    OpenPorts,
    Place,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    open_outwards,
    reach,
)

Altered = Callable[..., Network]
CIDR = Block.parse
ALL = CIDR("0.0.0.0/0")
TASK = Place("subnet-private-a", ("sg-task",), address="10.0.32.10")
ANY_PORT = (OpenPorts("tcp", 0, 65535), OpenPorts("udp", 0, 65535), OpenPorts("icmp", 0, 65535))


def test_a_nat_gateway_leads_everywhere(network: Network) -> None:
    """A rule that lets everything out reaches everything on every port."""
    assert open_outwards(network, TASK) == (OpenBlock(ALL, ANY_PORT),)


def test_only_the_ports_of_a_rule_are_reached(network: Network, altered: Altered) -> None:
    """A group that lets out HTTPS alone reaches port 443 of every address."""
    changed = altered(network, "security_groups", "sg-task", egress=(Rule("tcp", (443, 443), (ALL,)),))
    assert open_outwards(changed, TASK) == (OpenBlock(ALL, (OpenPorts("tcp", 443, 443),)),)


def test_only_the_addresses_of_a_rule_are_reached(network: Network, altered: Altered) -> None:
    """A group that lets out to a block reaches that block alone; one inside of the VPC is no address of the internet."""
    only = (Rule("tcp", (443, 443), (CIDR("203.0.113.0/24"), CIDR("10.0.0.0/16"))),)
    changed = altered(network, "security_groups", "sg-task", egress=only)
    assert open_outwards(changed, TASK) == (OpenBlock(CIDR("203.0.113.0/24"), (OpenPorts("tcp", 443, 443),)),)


def test_without_a_way_nothing_is_reached(network: Network, altered: Altered) -> None:
    """No route, no public address at an internet gateway, or a lost zone: nothing is reached."""
    bare = altered(network, "route_tables", "rtb-private-a", routes=())
    assert open_outwards(bare, TASK) == ()
    public = Place("subnet-public-a", ("sg-task",))
    assert open_outwards(network, public) == ()
    assert open_outwards(network, Place("subnet-public-a", ("sg-task",), public_ip=True)) == (OpenBlock(ALL, ANY_PORT),)
    assert open_outwards(network, TASK, circumstances=Circumstances(zones_down=frozenset({"eu-west-1a"}))) == ()


def test_what_is_not_followed_counts_as_reached(network: Network, altered: Altered) -> None:
    """A transit gateway leads nobody knows where: nothing is closed for that."""
    routes = (Route(ALL, "tgw-1"),)
    assert open_outwards(altered(network, "route_tables", "rtb-private-a", routes=routes), TASK) == (
        OpenBlock(ALL, ANY_PORT),
    )


_blocks = st.sampled_from([ALL, *map(CIDR, ("203.0.113.0/24", "203.0.0.0/16", "8.0.0.0/7", "52.218.0.0/17"))])
_ports = st.sampled_from([(0, 65535), (443, 443), (80, 8080)])
_entries = st.lists(
    st.builds(
        AclEntry, st.integers(1, 20), st.booleans(), st.booleans(), st.sampled_from(("tcp", "-1")), _blocks, _ports
    ),
    max_size=3,
    unique_by=lambda entry: (entry.number, entry.egress),
).map(tuple)
_egress = st.lists(st.builds(Rule, st.sampled_from(("tcp", "udp", "-1")), _ports, st.tuples(_blocks)), max_size=3)
_routes = st.lists(st.builds(Route, _blocks, st.sampled_from(("nat-a", "nat-b", "tgw-1"))), max_size=3)
_addresses = st.sampled_from(["203.0.113.9", "203.0.7.7", "8.8.8.8", "9.9.9.9", "52.218.1.1", "34.240.0.1"])


@settings(max_examples=60, deadline=None)
@given(egress=_egress, entries=_entries, routes=_routes, address=_addresses, port=st.sampled_from([22, 80, 443, 9000]))
def test_every_address_has_the_answer_of_its_own_question(
    egress: list[Rule], entries: tuple[AclEntry, ...], routes: list[Route], address: str, port: int
) -> None:
    """An address is within the runs exactly if `reach` says so, whatever rules and routes are."""
    network = reference()
    acl = network.network_acls[0]
    table = next(each for each in network.route_tables if each.id == "rtb-private-a")
    changed = Network(
        vpcs=network.vpcs,
        subnets=network.subnets,
        route_tables=(
            *(each for each in network.route_tables if each is not table),
            RouteTable(table.id, table.vpc_id, tuple(routes), table.subnet_ids),
        ),
        internet_gateways=network.internet_gateways,
        nat_gateways=network.nat_gateways,
        security_groups=(SecurityGroup("sg-task", "vpc-1", (), tuple(egress)),),
        network_acls=(type(acl)("acl-1", "vpc-1", (*entries, *acl.entries), default=True),),
    )
    runs = open_outwards(changed, TASK)
    number = int(ipaddress.IPv4Address(address))
    said = any(
        run.block.first <= number <= run.block.last and open_.protocol == "tcp" and open_.first <= port <= open_.last
        for run in runs
        for open_ in run.ports
    )
    answer = reach(changed, TASK, Cidr(address), port=port)
    assert said == (answer.refusal is None or answer.refusal.code == "NotFollowed")
