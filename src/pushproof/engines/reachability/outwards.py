"""The public addresses that a network interface reaches: the answers of `reach` for all addresses and ports at once.

Between two neighbouring limits of rules and routes every address has the same answer, so that one question decides a whole run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.ports import OpenPorts, dividing_blocks, limits_of, open_ranges
from pushproof.engines.reachability.questions import ORDINARY, Cidr, Circumstances, Place
from pushproof.engines.reachability.resources import Rule
from pushproof.engines.reachability.space import ANYWHERE, Block, public_parts
from pushproof.engines.reachability.walk import reach


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """A run of addresses that are reached, and the ports on which they are."""

    block: Block
    ports: tuple[OpenPorts, ...]


def open_outwards(network: Network, source: Place, *, circumstances: Circumstances = ORDINARY) -> tuple[OpenBlock, ...]:
    """Return the public IPv4 addresses that `source` reaches, ascending.

    Addresses that no host on the internet has are not judged, and a run may contain them. What is routed to something that is
    not followed (a transit gateway, an appliance) counts as reached.

    Raises:
        UnknownResource: the network lacks the subnet or a group.
    """
    limits = limits_of(_ports(network, source))
    runs: list[OpenBlock] = []
    for run in _runs(network, source):
        parts = public_parts(run)
        if not parts:
            continue
        one = Cidr(str(parts[0].one()))

        def reached(port: int, protocol: str, one: Cidr = one) -> bool:
            answer = reach(network, source, one, port=port, protocol=protocol, circumstances=circumstances)
            return answer.refusal is None or answer.refusal.code == "NotFollowed"

        ports = open_ranges(limits, reached)
        if runs and runs[-1].ports == ports:
            runs[-1] = OpenBlock(Block(4, runs[-1].block.first, run.last), ports)
        else:
            runs.append(OpenBlock(run, ports))
    return tuple(each for each in runs if each.ports)


def _runs(network: Network, source: Place) -> Iterator[Block]:
    """Yield all IPv4 addresses in runs that no rule and no route divides."""
    whole = ANYWHERE[4]
    limits = {whole.first, whole.last + 1}
    for block in dividing_blocks(network, _rules(network, source)):
        if block.version == 4:
            limits |= {block.first, block.last + 1}
    for first, after in pairwise(sorted(limits)):
        yield Block(4, first, after - 1)


def _rules(network: Network, source: Place) -> Iterator[Rule]:
    for identifier in source.security_group_ids:
        yield from network.security_group(identifier).egress


def _ports(network: Network, source: Place) -> Iterator[tuple[int, int]]:
    for rule in _rules(network, source):
        yield rule.ports
    # Those of other subnets too: a NAT gateway is in one.
    for acl in network.network_acls:
        for entry in acl.entries:
            yield entry.ports
