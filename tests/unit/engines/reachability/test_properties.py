"""Promises that hold for any network, against a verifier that shares no code with the engine."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.reachability import (
    AclEntry,
    Answer,
    Block,
    Circumstances,
    Endpoint,
    Hop,
    Internet,
    InternetGateway,
    NatGateway,
    Network,
    NetworkAcl,
    Place,
    PrefixList,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Service,
    Subnet,
    Vpc,
    exposures,
    reach,
)

ZONES = ("z-a", "z-b")
SUBNETS = ("subnet-0", "subnet-1", "subnet-2")
GROUPS = ("sg-0", "sg-1")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24", "93.184.0.0/16", "93.184.215.14/32", "52.0.0.0/8")
TARGETS = ("igw-1", "nat-0", "nat-1", "tgw-1")
SERVICES = ("s3", "ecr.dkr", "logs")

blocks = st.sampled_from(BLOCKS).map(Block.parse)
ports = st.sampled_from([(0, 65535), (443, 443), (1024, 65535), (32768, 61000)])
protocols = st.sampled_from(["-1", "tcp", "udp"])
rules = st.lists(
    st.builds(
        Rule,
        protocols,
        ports,
        st.lists(blocks, max_size=2).map(tuple),
        st.lists(st.sampled_from(GROUPS), max_size=1).map(tuple),
        st.lists(st.just("pl-s3"), max_size=1).map(tuple),
    ),
    max_size=3,
).map(tuple)
routes = st.lists(
    st.builds(Route, blocks, st.sampled_from(TARGETS), st.sampled_from(["active", "active", "active", "blackhole"])),
    max_size=3,
    unique_by=lambda route: route.destination,
).map(tuple)
generous = (
    AclEntry(1000, True, True, "-1", Block.parse("0.0.0.0/0")),
    AclEntry(1000, False, True, "-1", Block.parse("0.0.0.0/0")),
)
entries = st.tuples(
    st.lists(
        st.builds(AclEntry, st.integers(1, 900), st.booleans(), st.booleans(), protocols, blocks, ports),
        max_size=3,
        unique_by=lambda entry: (entry.number, entry.egress),
    ).map(tuple),
    st.sampled_from([generous, generous, ()]),
).map(lambda pair: pair[0] + pair[1])


@st.composite
def networks(draw: st.DrawFn) -> Network:
    subnets = tuple(
        Subnet(identifier, "vpc-1", draw(st.sampled_from(ZONES)), Block.parse(f"10.0.{number}.0/24"))
        for number, identifier in enumerate(SUBNETS)
    )
    tables = tuple(RouteTable(f"rtb-{n}", "vpc-1", draw(routes), (identifier,)) for n, identifier in enumerate(SUBNETS))
    kinds = st.sampled_from(["Gateway", "Interface"])
    endpoints = []
    for number, name in enumerate(draw(st.lists(st.sampled_from(SERVICES), unique=True))):
        endpoints.append(
            Endpoint(
                f"vpce-{number}",
                "vpc-1",
                f"com.amazonaws.r-1.{name}",
                draw(kinds) if name == "s3" else "Interface",  # type: ignore[arg-type]
                subnet_ids=tuple(draw(st.lists(st.sampled_from(SUBNETS), unique=True, min_size=1))),
                security_group_ids=("sg-1",),
                route_table_ids=tuple(draw(st.lists(st.sampled_from([t.id for t in tables]), unique=True))),
                private_dns=draw(st.booleans()),
            )
        )
    return Network(
        vpcs=(Vpc("vpc-1", (Block.parse("10.0.0.0/16"),), draw(st.sampled_from([True, True, False])), True),),
        subnets=subnets,
        route_tables=tables,
        internet_gateways=(InternetGateway("igw-1", ("vpc-1",)),),
        nat_gateways=tuple(
            NatGateway(f"nat-{n}", "vpc-1", f"subnet-{n}", draw(st.sampled_from(["available", "available", "failed"])))
            for n in range(2)
        ),
        endpoints=tuple(endpoints),
        security_groups=tuple(SecurityGroup(g, "vpc-1", draw(rules), draw(rules)) for g in GROUPS),
        network_acls=(NetworkAcl("acl-1", "vpc-1", draw(entries), default=True),),
        prefix_lists=(PrefixList("pl-s3", "com.amazonaws.r-1.s3", (Block.parse("52.218.0.0/17"),)),),
        region="r-1",
    )


places = st.builds(Place, st.sampled_from(SUBNETS), st.just(("sg-0",)), st.booleans())
targets = st.one_of(
    st.just(Internet()),
    st.sampled_from(SERVICES).map(Service),
    st.builds(Place, st.sampled_from(SUBNETS), st.just(("sg-1",))),
)
circumstances = st.builds(
    Circumstances,
    zones_down=st.frozensets(st.sampled_from(ZONES), max_size=1),
    require_vpc_endpoints=st.booleans(),
)


# -- the verifier: one packet at a time, with ipaddress, straight from the rules ---------------------------


def _ip(value: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(value)


def _net(block: Block) -> ipaddress.IPv4Network:
    return ipaddress.ip_network(str(block))  # type: ignore[return-value]


def _best(network: Network, table: RouteTable, address: ipaddress.IPv4Address) -> Route | None:
    candidates: list[tuple[int, Route]] = [(16, Route(Block.parse("10.0.0.0/16"), "local"))]
    lists = {p.id: p.blocks for p in network.prefix_lists}
    for route in table.routes:
        spelled = (route.destination,) if isinstance(route.destination, Block) else lists.get(route.destination, ())
        candidates += [(_net(block).prefixlen, route) for block in spelled]
    matching = [
        (length, route.target == "local", route)
        for length, route in candidates
        if (route.target == "local" and address in ipaddress.ip_network("10.0.0.0/16"))
        or (route.target != "local" and isinstance(route.destination, Block) and address in _net(route.destination))
    ]
    return max(matching, key=lambda item: item[:2])[2] if matching else None


def _acl_passes(network: Network, *, egress: bool, address: ipaddress.IPv4Address, port: int) -> bool:
    for entry in sorted(network.network_acls[0].entries, key=lambda e: e.number):
        if entry.egress != egress or entry.protocol not in ("-1", "tcp"):
            continue
        if address in _net(entry.block) and entry.ports[0] <= port <= entry.ports[1]:
            return entry.allow
    return False


def _group_passes(rules: tuple[Rule, ...], address: ipaddress.IPv4Address, port: int, groups: tuple[str, ...]) -> bool:
    return any(
        rule.protocol in ("-1", "tcp")
        and rule.ports[0] <= port <= rule.ports[1]
        and (
            any(address in _net(block) for block in rule.blocks)
            or bool(set(rule.group_ids) & set(groups))
            or ("pl-s3" in rule.prefix_list_ids and address in ipaddress.ip_network("52.218.0.0/17"))
        )
        for rule in rules
    )


def _verify(network: Network, place: Place, answer: Answer, hop: Hop, following: Hop | None, samples: Any) -> None:
    """One hop claims something; check the claim for sample packets."""
    subnet = {s.id: s for s in network.subnets}
    groups = {g.id: g for g in network.security_groups}
    there, client = samples
    if hop.kind == "route":
        table = next(t for t in network.route_tables if t.id == hop.id)
        assert hop.subnet_id in table.subnet_ids
        if hop.target.startswith("vpce-"):
            gateway = next(e for e in network.endpoints if e.id == hop.target)
            assert table.id in gateway.route_table_ids
        else:
            best = _best(network, table, there)
            assert best is not None
            assert (best.target, best.state) == (hop.target, "active")
        if hop.target.startswith(("igw-", "nat-", "vpce-")):
            assert following is not None
            assert following.id == hop.target
    elif hop.kind == "nat-gateway":
        nat = next(n for n in network.nat_gateways if n.id == hop.id)
        assert (nat.state, nat.subnet_id) == ("available", hop.subnet_id)
        assert subnet[hop.subnet_id].zone == hop.zone
    elif hop.kind == "internet-gateway":
        assert "vpc-1" in next(g for g in network.internet_gateways if g.id == hop.id).vpc_ids
    elif hop.kind == "security-group":
        if hop.detail == "egress":
            assert _group_passes(groups["sg-0"].egress, there, 443, ("sg-1",))
        else:
            assert _group_passes(groups["sg-1"].ingress, client, 443, ("sg-0",))
    elif hop.kind == "network-acl":
        inside = ipaddress.ip_network("10.0.0.0/16")
        home = hop.subnet_id == place.subnet_id
        nat = bool(answer.passes("nat-gateway"))
        if hop.detail == "egress":
            assert _acl_passes(network, egress=True, address=there, port=443)
        elif hop.detail == "ingress":
            assert _acl_passes(network, egress=False, address=client, port=443)
        elif hop.detail == "answer in":
            for port in (32768, 45000, 61000) if home else (1024, 3000, 65535):
                assert _acl_passes(network, egress=False, address=there, port=port)
            assert home or nat or there in inside
        else:
            for port in (32768, 45000, 61000):
                assert _acl_passes(network, egress=True, address=client, port=port)


@settings(max_examples=400, deadline=None)
@given(networks(), places, targets, circumstances, st.integers(0, 255))
def test_a_reported_path_really_exists(
    network: Network, place: Place, target: Any, given_: Circumstances, host: int
) -> None:
    """Each hop of a reported path holds when packets are checked one by one against the raw rules."""
    answer = reach(network, place, target, circumstances=given_)
    if not answer:
        assert answer.refusal is not None
        assert answer.refusal.why
        assert answer.refusal.remedy
        return
    assert answer.paths
    by_id = {s.id: s for s in network.subnets}
    client = _ip(by_id[place.subnet_id].block.first + host)
    assert not {zone for zone in answer.zones if zone in given_.zones_down}
    for path in answer.paths:
        assert path[0].kind == "source"
        assert path[-1].kind == "destination"
        if isinstance(target, Internet):
            there = ipaddress.IPv4Address(target.address)
        elif isinstance(target, Place):
            there = _ip(by_id[target.subnet_id].block.first + host)
        else:
            ends = [hop for hop in path if hop.kind == "vpc-endpoint" and hop.detail == "Interface"]
            public = _ip(Block.parse("52.218.0.0/17").first if target.name == "s3" else Block.parse("52.94.5.17").first)
            there = _ip(by_id[ends[0].subnet_id].block.first + host) if ends else public
            assert not given_.require_vpc_endpoints or any(hop.kind == "vpc-endpoint" for hop in path)
        for hop, following in zip(path, (*path[1:], None), strict=True):
            _verify(network, place, answer, hop, following, (there, client))


@settings(max_examples=300, deadline=None)
@given(networks(), places, targets, st.data())
def test_removing_a_rule_never_opens_a_path(network: Network, place: Place, target: Any, data: st.DataObject) -> None:
    """Security groups only allow: with one rule fewer, nothing is reached that was not reached before."""
    group = data.draw(st.sampled_from(network.security_groups))
    side = data.draw(st.sampled_from(["ingress", "egress"]))
    held = getattr(group, side)
    if not held:
        return
    dropped = data.draw(st.integers(0, len(held) - 1))
    fewer = replace(group, **{side: held[:dropped] + held[dropped + 1 :]})
    smaller = replace(network, security_groups=tuple(fewer if g.id == group.id else g for g in network.security_groups))
    if reach(smaller, place, target):
        assert reach(network, place, target)
    if exposures(smaller, replace(place, security_group_ids=("sg-1",))):
        assert exposures(network, replace(place, security_group_ids=("sg-1",)))


@settings(max_examples=300, deadline=None)
@given(networks(), places, targets, st.integers(1, 999), st.booleans(), blocks, ports)
def test_a_network_acl_denial_never_opens_a_path(
    network: Network, place: Place, target: Any, number: int, egress: bool, block: Block, span: tuple[int, int]
) -> None:
    """A deny entry added to a network ACL never lets anything through that was refused."""
    acl = network.network_acls[0]
    kept = tuple(e for e in acl.entries if (e.number, e.egress) != (number, egress))
    if len(kept) != len(acl.entries):
        return
    stricter = replace(acl, entries=(*kept, AclEntry(number, egress, False, "-1", block, span)))
    denied = replace(network, network_acls=(stricter,))
    if reach(denied, place, target):
        assert reach(network, place, target)
    public = replace(place, security_group_ids=("sg-1",), public_ip=True)
    if exposures(denied, public):
        assert exposures(network, public)


@settings(max_examples=300, deadline=None)
@given(networks(), places, targets, circumstances)
def test_losing_a_zone_or_demanding_endpoints_never_opens_a_path(
    network: Network, place: Place, target: Any, harder: Circumstances
) -> None:
    """A path that exists under harder circumstances exists under ordinary ones."""
    if reach(network, place, target, circumstances=harder):
        assert reach(network, place, target)


@settings(max_examples=300, deadline=None)
@given(networks(), places)
def test_an_exposure_is_a_packet_that_gets_in(network: Network, place: Place) -> None:
    """A packet from the address of each reported way in passes every rule, and its answer leaves by the gateway."""
    public = replace(place, security_group_ids=("sg-1",), public_ip=True)
    group = next(g for g in network.security_groups if g.id == "sg-1")
    for way in exposures(network, public):
        if way.protocol != "tcp":
            continue
        address = _ip(way.source.first)
        assert address.is_global or address in ipaddress.ip_network("93.0.0.0/8")
        assert _group_passes(group.ingress, address, way.port, ())
        assert _acl_passes(network, egress=False, address=address, port=way.port)
        table = next(t for t in network.route_tables if place.subnet_id in t.subnet_ids)
        best = _best(network, table, address)
        assert best is not None
        assert (best.target, best.state) == ("igw-1", "active")
        assert any(
            _acl_passes(network, egress=True, address=address, port=p) for p in (1024, 32768, 45000, 61001, 65535)
        )
