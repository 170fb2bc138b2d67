"""The ports on which one network interface reaches another: the answers of `reach` for all ports at once.

Between two neighbouring limits of rules every port has the same answer, so that one question decides a whole range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.questions import ORDINARY, Circumstances, Place
from pushproof.engines.reachability.resources import Rule
from pushproof.engines.reachability.space import ALL_PORTS, Block
from pushproof.engines.reachability.walk import reach


@dataclass(frozen=True, slots=True)
class OpenPorts:
    """A range of ports of a protocol, ends included. `icmp` has no ports: its range is all of them."""

    protocol: str
    first: int
    last: int


def open_ports(
    network: Network, source: Place, target: Place, *, circumstances: Circumstances = ORDINARY
) -> tuple[OpenPorts, ...]:
    """Return the ports on which `source` reaches `target`, ascending, TCP first.

    Raises:
        UnknownResource: the network lacks a subnet or a group of theirs.
        NetworkModelError: an address is outside of its subnet, or a group belongs to another VPC.
    """

    def reached(port: int, protocol: str) -> bool:
        return bool(reach(network, source, target, port=port, protocol=protocol, circumstances=circumstances))

    return open_ranges(limits_of(_ranges(network, source, target)), reached)


def open_ranges(limits: Iterable[int], reached: Callable[[int, str], bool]) -> tuple[OpenPorts, ...]:
    """Return the ranges of ports that are reached, TCP first; `reached(port, protocol)` is asked at each of the `limits`."""
    ranges: list[OpenPorts] = []
    for protocol in ("tcp", "udp"):
        for first, after in pairwise((*sorted(limits), ALL_PORTS[1] + 1)):
            if not reached(first, protocol):
                continue
            if ranges and (ranges[-1].protocol, ranges[-1].last) == (protocol, first - 1):
                ranges[-1] = replace(ranges[-1], last=after - 1)
            else:
                ranges.append(OpenPorts(protocol, first, after - 1))
    if reached(0, "icmp"):
        ranges.append(OpenPorts("icmp", *ALL_PORTS))
    return tuple(ranges)


def limits_of(ranges: Iterable[tuple[int, int]]) -> frozenset[int]:
    """Return every port at which an answer may change between these ranges, the first port included."""
    limits = {ALL_PORTS[0]}
    for first, last in ranges:
        limits |= {first, last + 1}
    return frozenset(port for port in limits if ALL_PORTS[0] <= port <= ALL_PORTS[1])


def _ranges(network: Network, source: Place, target: Place) -> Iterator[tuple[int, int]]:
    for place, direction in ((source, "egress"), (target, "ingress")):
        for identifier in place.security_group_ids:
            for rule in getattr(network.security_group(identifier), direction):
                yield rule.ports
        acl = network.acl_of(place.subnet_id)
        for entry in acl.entries if acl is not None else ():
            yield entry.ports


def without_address(network: Network, place: Place) -> Place:
    """Return a place that stands for all of its subnet, unless a rule of the network divides the subnet.

    Tasks of a service then share one answer.

    Raises:
        UnknownResource: the network lacks the subnet.
    """
    block = network.subnet(place.subnet_id).block
    rules = (rule for group in network.security_groups for rule in (*group.ingress, *group.egress))
    divided = any(other.meets(block) and not other.holds(block) for other in dividing_blocks(network, rules))
    return place if divided or place.address is None else replace(place, address=None)


def dividing_blocks(network: Network, rules: Iterable[Rule]) -> Iterator[Block]:
    """Yield the blocks at whose ends an answer may change: those of the rules, and of prefix lists, network ACLs and routes."""
    for rule in rules:
        yield from rule.blocks
    for listed in network.prefix_lists:
        yield from listed.blocks
    for acl in network.network_acls:
        for entry in acl.entries:
            yield entry.block
    for table in network.route_tables:
        for route in table.routes:
            if isinstance(route.destination, Block):
                yield route.destination
