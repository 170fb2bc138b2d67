"""Exposure to the internet: the public addresses that can open a connection to an interface.

`walk` needs every address of a set to pass; here one public address is enough. The rules are intersected until an area
remains through which packets come in and answers go out, or none.
https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.questions import (
    ORDINARY,
    Answer,
    Circumstances,
    Eni,
    Group,
    Hop,
    Place,
    Refusal,
)
from pushproof.engines.reachability.resources import Rule, SecurityGroup
from pushproof.engines.reachability.routing import split_by_route
from pushproof.engines.reachability.rules import admitted_by_acl, areas_of, protocol_name, speaks_of
from pushproof.engines.reachability.space import ALL_PORTS, ANYWHERE, Area, Block, public_parts
from pushproof.engines.reachability.stations import Station, station_of, title


@dataclass(frozen=True, slots=True)
class Exposure:
    """A way in from the internet: the port, an example of an address, and the path."""

    target: str
    protocol: str
    port: int
    ports: tuple[int, int]
    source: Block
    answer: Answer


def from_internet(
    network: Network,
    target: Place | Eni | Group,
    *,
    port: int,
    protocol: str,
    circumstances: Circumstances = ORDINARY,
) -> Answer:
    """Return whether any public address reaches the target on a port. A Group is reached when any member is."""
    question = f"the internet to {title(target)} on {protocol} {port}"
    if isinstance(target, Group):
        network.security_group(target.id)
        members = network.interfaces_of(target.id)
        answers = [
            from_internet(network, Eni(member.id), port=port, protocol=protocol, circumstances=circumstances)
            for member in members
        ]
        for answer in answers:
            if answer:
                return answer
        if answers:
            return answers[0]
        nobody = Refusal(
            "NothingThere",
            target.id,
            f"No network interface carries {target.id}, so there is nothing to reach.",
            "Ask for a Place to learn what would be the case.",
        )
        return Answer(question, nobody, ())
    station = station_of(network, target)
    ports = (port, port) if protocol in ("tcp", "udp") else ALL_PORTS
    entry = _enter(network, station, protocol, ports, circumstances)
    if isinstance(entry, Refusal):
        return Answer(question, entry, ((_target_hop(station),),))
    return Answer(question, None, (entry.hops,), address=entry.area.block.one())


def exposures(
    network: Network, target: Place | Eni, *, circumstances: Circumstances = ORDINARY
) -> tuple[Exposure, ...]:
    """Every way from the internet to an interface: at most one for each rule, protocol and range of ports."""
    station = station_of(network, target)
    if station.unguarded:
        station = replace(station, security_groups=(SecurityGroup("no group", "", (_ANYTHING,)),), unguarded=False)
    openings: list[Exposure] = []
    reported: set[tuple[str, tuple[int, int]]] = set()
    for group in station.security_groups:
        for rule in group.ingress:
            for protocol in ("tcp", "udp", "icmp") if rule.protocol == "-1" else (rule.protocol,):
                if (protocol, rule.ports) in reported:
                    continue
                way = _enter(network, station, protocol, rule.ports, circumstances, (rule,))
                if isinstance(way, Refusal):
                    continue
                reported.add((protocol, rule.ports))
                port = way.area.ports[0]
                question = f"the internet to {title(target)} on {protocol} {port}"
                answer = Answer(question, None, (way.hops,), address=way.area.block.one())
                openings.append(Exposure(station.id, protocol, port, way.area.ports, way.area.block.one(), answer))
    return tuple(openings)


# The rules of an interface whose security groups are left out of the question.
_ANYTHING = Rule("-1", blocks=tuple(ANYWHERE.values()))


@dataclass(frozen=True, slots=True)
class _Way:
    area: Area
    hops: tuple[Hop, ...]


def _target_hop(station: Station) -> Hop:
    return Hop(
        "destination",
        station.id,
        f"{station.label} in {station.subnet.id} ({station.subnet.zone})",
        subnet_id=station.subnet.id,
        zone=station.subnet.zone,
    )


def _enter(
    network: Network,
    station: Station,
    protocol: str,
    ports: tuple[int, int],
    circumstances: Circumstances,
    rules: Iterable[Rule] | None = None,
) -> _Way | Refusal:
    """An area of public addresses and ports through which the target is reached, or the first refusal."""
    protocol = protocol_name(protocol)
    subnet = station.subnet
    if subnet.zone in circumstances.zones_down:
        return Refusal("ZoneDown", subnet.id, f"{subnet.id} is in {subnet.zone}, which is down.", "Nothing to change.")
    table = network.table_of(subnet.id)
    gateways = {route.target for route in table.routes if route.target.startswith("igw-")} if table else set()
    attached = {
        identifier
        for identifier in gateways
        if (gateway := network.internet_gateway(identifier)) is not None and subnet.vpc_id in gateway.vpc_ids
    }
    if table is None or not attached:
        return Refusal(
            "NoRoute",
            table.id if table else subnet.id,
            f"{subnet.id} has no route to an attached internet gateway, so answers could not go back.",
            "It is private; to publish it, put a load balancer in front.",
        )
    if not station.public and not subnet.ipv6_blocks:
        return Refusal(
            "NoPublicAddress",
            station.id,
            f"{station.label} in {subnet.id} has no public address.",
            "It is not addressed from the internet; to publish it, put a load balancer in front.",
        )
    versions = ({4} if station.public else set()) | ({6} if subnet.ipv6_blocks else set())
    admitting = list(rules) if rules is not None else [rule for g in station.security_groups for rule in g.ingress]
    if station.unguarded:
        admitting = [_ANYTHING]
    offered = _admitted_by_groups(network, admitting, protocol, ports, versions)
    names = ", ".join(station.groups) or "none"
    if not offered:
        return Refusal(
            "SecurityGroupIngress",
            station.groups[0] if station.groups else station.id,
            f"No ingress rule of {names} admits {protocol} on {ports[0]} from a public address.",
            "It is closed to the internet; that is usually what one wants.",
        )
    acl = network.acl_of(subnet.id)
    if acl is not None:
        passed = [area for o in offered for area in admitted_by_acl(acl, egress=False, protocol=protocol, offered=o)]
        if not passed:
            return Refusal(
                "NetworkAcl", acl.id, f"Network ACL {acl.id} admits none of {offered[0]}.", "Nothing to change."
            )
        offered = passed
    for area in offered:
        for block, route in split_by_route(network, table, area.block):
            if route is None or route.target not in attached or route.state != "active":
                continue
            backwards = Area(block, circumstances.nat_ports if protocol in ("tcp", "udp") else ALL_PORTS)
            out = (
                admitted_by_acl(acl, egress=True, protocol=protocol, offered=backwards)
                if acl is not None
                else (backwards,)
            )
            if not out:
                continue
            way = Area(out[0].block, area.ports)
            example = Area(way.block.one(), way.ports)
            hops = [
                Hop("source", "internet", f"{example.block} on the internet"),
                Hop("internet-gateway", route.target, f"internet gateway {route.target}"),
            ]
            if acl is not None:
                passes = f"network ACL {acl.id} of {subnet.id} passes"
                hops.append(
                    Hop("network-acl", acl.id, f"{passes} ingress from {example}", "ingress", subnet_id=subnet.id)
                )
            hops += [
                Hop(
                    "security-group",
                    names,
                    f"ingress of {names} admits {protocol} from {example}",
                    "ingress",
                    "",
                    subnet.id,
                ),
                _target_hop(station),
                Hop(
                    "route",
                    table.id,
                    f"answers by {table.id} of {subnet.id}: {route.to} -> {route.target}",
                    route.to,
                    route.target,
                    subnet.id,
                ),
            ]
            if acl is not None:
                hops.append(
                    Hop("network-acl", acl.id, f"{passes} answers to {example.block}", "answer out", "", subnet.id)
                )
            return _Way(way, tuple(hops))
    return Refusal(
        "NoReturnRoute",
        table.id,
        f"Answers from {subnet.id} to {offered[0].block} do not leave by an internet gateway ({table.id}).",
        "It is closed to the internet; that is usually what one wants.",
    )


def _admitted_by_groups(
    network: Network, rules: Iterable[Rule], protocol: str, ports: tuple[int, int], versions: set[int]
) -> list[Area]:
    admitted: list[Area] = []
    for rule in rules:
        if not speaks_of(rule.protocol, protocol):
            continue
        low, high = max(rule.ports[0], ports[0]), min(rule.ports[1], ports[1])
        if low > high:
            continue
        for area in areas_of(network, rule):
            if area.block.version in versions:
                admitted += [Area(part, (low, high)) for part in public_parts(area.block)]
    return admitted
