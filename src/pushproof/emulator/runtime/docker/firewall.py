"""The rules of one container's network namespace, as text for `nft`.

They are set from outside, with a capability that the code inside does not have, and go with the namespace: nothing changes on
the host, and a crash leaves none behind. https://wiki.nftables.org/wiki-nftables/index.php/Quick_reference-nftables_in_10_minutes
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pushproof.emulator.kernel.tasks import Caller, Impairment
from pushproof.engines.reachability import NEVER_PUBLIC, Block, OpenBlock, OpenPorts

_TABLE = "inet pushproof"
_HTTPS = 443


class Pool(NamedTuple):
    """A block of addresses that Docker divides into networks, and their prefix length."""

    block: str
    size: int

    @property
    def inside(self) -> int:
        """Return the mask of an address's place in its network."""
        return (1 << 32 - self.size) - 1

    def gives_first(self, address: str) -> bool:
        """Return whether an address is the first one of a network of this pool."""
        number = ipaddress.IPv4Address(address)
        return number in ipaddress.ip_network(self.block) and int(number) & self.inside == 1


#: https://docs.docker.com/engine/network/#automatic-subnet-allocation
DEFAULT_POOLS = Pool("172.16.0.0/12", 16), Pool("192.168.0.0/16", 20)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Addresses and ports around a namespace.

    network: the block of the world's Docker network. own: addresses that may connect to anything here, those of the world's
    process. host: the addresses of the machine with Docker Engine. gateway: the address of the world's process. ports: its ports
    that are needed here. host_ports: ports of the machine that the settings allow besides. pools: blocks from which Docker takes
    networks, each with their prefix length: the machine gets the first address of every network, also of one that is made later.
    """

    network: str
    own: frozenset[str]
    host: frozenset[str]
    gateway: str
    ports: frozenset[int]
    host_ports: frozenset[int] = frozenset()
    pools: tuple[Pool, ...] = ()

    @property
    def closed(self) -> tuple[str, ...]:
        """Return matches of the machine's addresses, now and later."""
        later = (
            f"ip daddr {pool.block} ip daddr & {ipaddress.IPv4Address(pool.inside)} == 0.0.0.1" for pool in self.pools
        )
        return f"ip daddr {_set(self.host | {self.gateway})}", *later


def ruleset(
    around: Surroundings,
    callers: Iterable[Caller] | None = None,
    impaired: Iterable[Impairment] = (),
    reached: Iterable[OpenBlock] | None = None,
) -> str:
    """Return the rules of a namespace, which replace those it has. `impaired`: the packets that disappear, whatever else is open.

    Outwards, the machine is closed except for the ports that are needed, and DNS, which Docker forwards from inside of the
    namespace. Of public addresses those are open that are `reached`. Inwards, containers of the world's network are closed except
    for `callers`. None: they are not judged.
    """
    impaired = tuple(impaired)
    outwards = [
        'oifname "lo" accept',
        *(rule for each in impaired if each.traffic == "egress" for rule in _impaired(each, around)),
        "ct state established,related accept",
        *(f"{machine} meta l4proto {{ tcp, udp }} th dport 53 accept" for machine in around.closed),
        f"ip daddr {around.gateway} tcp dport {_set(map(str, around.ports))} accept",
        *(
            f"{machine} tcp dport {_set(map(str, around.host_ports))} accept"
            for machine in around.closed
            if around.host_ports
        ),
        *(f"{machine} drop" for machine in around.closed),
        *(_public(around, reached) if reached is not None else []),
    ]
    # What containers inside of a build's container send is forwarded.
    chains = [_chain("output", outwards), _chain("forward", outwards)]
    inwards = [rule for each in impaired if each.traffic == "ingress" for rule in _impaired(each, around)]
    inwards += _inwards(around, callers) if callers is not None else []
    if inwards:
        chains.append(_chain("input", ['iifname "lo" accept', *inwards]))
    return f"table {_TABLE}\ndelete table {_TABLE}\ntable {_TABLE} {{\n{''.join(chains)}}}\n"


def _public(around: Surroundings, reached: Iterable[OpenBlock]) -> list[str]:
    """Return the rules for public addresses. A packet that no rule lets out disappears, as on AWS: its sender waits."""
    return [
        f"ip daddr {around.network} accept",
        f"ip daddr {_set(_run(block) for block in NEVER_PUBLIC if block.version == 4)} accept",
        *_accepted("daddr", ((_run(each.block), ports) for each in reached for ports in each.ports)),
        "meta nfproto ipv4 drop",
    ]


def _run(block: Block) -> str:
    return f"{ipaddress.IPv4Address(block.first)}-{ipaddress.IPv4Address(block.last)}"


def _inwards(around: Surroundings, callers: Iterable[Caller]) -> list[str]:
    return [
        "ct state established,related accept",
        f"ip saddr {_set(around.own)} accept",
        *_accepted("saddr", ((caller.address, ports) for caller in callers for ports in caller.ports)),
        f"ip saddr {around.network} drop",
    ]


def _accepted(side: str, ways: Iterable[tuple[str, OpenPorts]]) -> list[str]:
    """Return the rules that let through what goes to or comes from (`side`) addresses, each with its ports."""
    ways = list(ways)
    numbered = [
        f"{addresses} . {open_.protocol} . {open_.first}-{open_.last}"
        for addresses, open_ in ways
        if open_.protocol in ("tcp", "udp")
    ]
    pinging = [addresses for addresses, open_ in ways if open_.protocol == "icmp"]
    return [
        *([f"ip {side} . meta l4proto . th dport {_set(numbered)} accept"] if numbered else []),
        *([f"ip {side} {_set(pinging)} meta l4proto icmp accept"] if pinging else []),
    ]


def _impaired(impairment: Impairment, around: Surroundings) -> list[str]:
    """Return the rules that take packets away."""
    if not impairment.port:
        return (
            ["drop"] if impairment.rate >= 1 else [f"numgen random mod 10000 < {round(impairment.rate * 10000)} drop"]
        )
    rules = [f"{impairment.protocol} dport {impairment.port} drop"]
    if (impairment.traffic, impairment.protocol, impairment.port) == ("egress", "tcp", _HTTPS):
        # The port of AWS's APIs, which are at the gateway here.
        rules.append(f"ip daddr {around.gateway} tcp dport {_set(map(str, around.ports))} drop")
    return rules


def _chain(hook: str, rules: list[str]) -> str:
    lines = "".join(f"    {rule}\n" for rule in rules)
    return f"  chain {hook} {{\n    type filter hook {hook} priority filter; policy accept;\n{lines}  }}\n"


def _set(members: Iterable[str]) -> str:
    return f"{{ {', '.join(sorted(set(members)))} }}"


def local_addresses(fib_trie: str) -> frozenset[str]:
    """Return the IPv4 addresses of a machine, loopback aside, out of its `/proc/net/fib_trie`."""
    addresses: set[str] = set()
    address = ""
    for line in fib_trie.splitlines():
        words = line.split()
        if words[:1] in (["|--"], ["+--"]):
            address = words[1].partition("/")[0]
        elif words == ["/32", "host", "LOCAL"]:
            addresses.add(address)
    return frozenset(each for each in addresses if not ipaddress.IPv4Address(each).is_loopback)
