"""The ports on which one interface reaches another, against the answers for single ports."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engines.reachability.conftest import reference

from pushproof.engines.reachability import (
    AclEntry,
    Block,
    Circumstances,
    Network,
    OpenPorts,
    Place,
    Rule,
    SecurityGroup,
    open_ports,
    reach,
    without_address,
)

Altered = Callable[..., Network]
ALL = Block.parse("0.0.0.0/0")
TASK = Place("subnet-private-a", ("sg-task",), address="10.0.32.10")
OTHER = Place("subnet-private-b", ("sg-task",), address="10.0.48.10")
BALANCER = Place("subnet-public-a", ("sg-alb",))


def test_only_the_ports_of_a_rule_are_open(network: Network) -> None:
    """A rule for one port, from one group, opens that port to that group and nothing to others."""
    assert open_ports(network, BALANCER, TASK) == (OpenPorts("tcp", 8080, 8080),)
    assert open_ports(network, OTHER, TASK) == ()


def test_a_group_that_admits_itself_opens_everything(network: Network, altered: Altered) -> None:
    """TCP, UDP and ICMP, on all ports."""
    itself = altered(network, "security_groups", "sg-task", ingress=(Rule("-1", group_ids=("sg-task",)),))
    assert open_ports(itself, OTHER, TASK) == (
        OpenPorts("tcp", 0, 65535),
        OpenPorts("udp", 0, 65535),
        OpenPorts("icmp", 0, 65535),
    )


def test_a_network_acl_cuts_ports_out(network: Network, altered: Altered) -> None:
    """An entry that denies ports takes them out of what the groups admit."""
    itself = altered(
        network, "security_groups", "sg-task", ingress=(Rule("tcp", (1000, 9000), group_ids=("sg-task",)),)
    )
    denied = AclEntry(50, False, False, "tcp", ALL, (2000, 2999))
    entries = (denied, *network.network_acls[0].entries)
    cut = altered(itself, "network_acls", "acl-1", entries=entries)
    assert open_ports(cut, OTHER, TASK) == (OpenPorts("tcp", 1000, 1999), OpenPorts("tcp", 3000, 9000))


def test_nothing_is_open_in_a_lost_zone(network: Network) -> None:
    """A zone that is down reaches nothing, and is not reached."""
    lost = Circumstances(zones_down=frozenset({"eu-west-1a"}))
    assert open_ports(network, BALANCER, TASK, circumstances=lost) == ()


def test_an_address_matters_only_where_a_rule_divides_its_subnet(network: Network, altered: Altered) -> None:
    """Tasks of a subnet share an answer, unless a rule names some of them."""
    assert without_address(network, TASK) == Place("subnet-private-a", ("sg-task",))
    one = Rule("tcp", (80, 80), (Block.parse("10.0.32.10/32"),))
    divided = altered(network, "security_groups", "sg-task", ingress=(one,))
    assert without_address(divided, TASK) == TASK
    assert without_address(divided, OTHER) == Place("subnet-private-b", ("sg-task",))
    assert open_ports(divided, TASK, OTHER) == (OpenPorts("tcp", 80, 80),)


_ranges = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: (min(pair), max(pair)))
_rules = st.lists(
    st.builds(
        Rule,
        st.sampled_from(("tcp", "udp", "-1")),
        _ranges,
        st.sampled_from(((ALL,), (Block.parse("10.0.48.0/20"),), (Block.parse("192.168.0.0/16"),))),
    ),
    max_size=4,
).map(tuple)
_entries = st.lists(
    st.builds(
        AclEntry,
        st.integers(1, 20),
        st.booleans(),
        st.booleans(),
        st.sampled_from(("tcp", "udp", "-1")),
        st.just(ALL),
        _ranges,
    ),
    max_size=3,
    unique_by=lambda entry: (entry.number, entry.egress),
).map(tuple)


@settings(max_examples=60, deadline=None)
@given(ingress=_rules, egress=_rules, entries=_entries, ports=st.lists(st.integers(0, 65535), min_size=5, max_size=5))
def test_every_port_has_the_answer_of_its_own_question(
    ingress: tuple[Rule, ...], egress: tuple[Rule, ...], entries: tuple[AclEntry, ...], ports: list[int]
) -> None:
    """A port is open exactly if `reach` says so, whatever the rules are."""
    network = reference()
    acl = network.network_acls[0]
    changed = Network(
        vpcs=network.vpcs,
        subnets=network.subnets,
        route_tables=network.route_tables,
        security_groups=(SecurityGroup("sg-task", "vpc-1", ingress, egress),),
        network_acls=(type(acl)("acl-1", "vpc-1", (*entries, *acl.entries), default=True),),
    )
    ranges = open_ports(changed, OTHER, TASK)
    tried = {*ports, *(port for rule in (*ingress, *egress, *entries) for port in rule.ports)}
    for port in sorted(tried):
        for protocol in ("tcp", "udp"):
            said = any(each.protocol == protocol and each.first <= port <= each.last for each in ranges)
            assert said == bool(reach(changed, OTHER, TASK, port=port, protocol=protocol)), (protocol, port)
