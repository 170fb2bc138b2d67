"""Address blocks, and rectangles of addresses times ports.

Every rule of a VPC (route, security group rule, network ACL entry) covers a block of addresses, and most rules
also a range of ports. Whether rules *together* cover an area is then plain geometry: subtract the area of each
rule and look at the rest.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

ALL_PORTS = (0, 65535)


class NetworkModelError(ValueError):
    """A description of a network that contradicts itself or cannot be read; the text names the entry."""


@dataclass(frozen=True, slots=True)
class Block:
    """A contiguous run of addresses of one IP version, ends included."""

    version: int
    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Block:
        """Read ``10.0.0.0/16``, ``2001:db8::/32`` or a single address.

        Host bits are ignored, as EC2 ignores those of ``10.0.0.7/16``.

        Raises:
            NetworkModelError: `text` is no address and no CIDR block.
        """
        if not isinstance(text, str):
            raise NetworkModelError(f"{text!r} is not a CIDR block: expected text such as 10.0.0.0/16")
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as problem:
            raise NetworkModelError(
                f"{text!r} is not a CIDR block: expected something like 10.0.0.0/16 or 10.0.3.17"
            ) from problem
        return cls(network.version, int(network.network_address), int(network.broadcast_address))

    @property
    def size(self) -> int:
        """The number of addresses."""
        return self.last - self.first + 1

    def holds(self, other: Block) -> bool:
        """Return whether every address of `other` is in this block."""
        return self.version == other.version and self.first <= other.first and other.last <= self.last

    def meets(self, other: Block) -> bool:
        """Return whether the two share an address."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def common(self, other: Block) -> Block | None:
        """The shared addresses, if any."""
        if not self.meets(other):
            return None
        return Block(self.version, max(self.first, other.first), min(self.last, other.last))

    def without(self, other: Block) -> tuple[Block, ...]:
        """Return the rest of this block when `other` is taken away: none, one or two blocks."""
        if not self.meets(other):
            return (self,)
        rest = []
        if self.first < other.first:
            rest.append(Block(self.version, self.first, other.first - 1))
        if other.last < self.last:
            rest.append(Block(self.version, other.last + 1, self.last))
        return tuple(rest)

    def one(self) -> Block:
        """The first address alone, as an example of the block."""
        return Block(self.version, self.first, self.first)

    def __str__(self) -> str:
        first = _address(self.version, self.first)
        if self.first == self.last:
            return str(first)
        last = _address(self.version, self.last)
        networks = list(ipaddress.summarize_address_range(first, last))
        return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"


def _address(version: int, value: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv4Address(value) if version == 4 else ipaddress.IPv6Address(value)


ANYWHERE = {4: Block.parse("0.0.0.0/0"), 6: Block.parse("::/0")}

# Ranges outside the public internet: private, carrier-grade NAT, loopback, link-local, multicast,
# reserved. https://www.iana.org/assignments/iana-ipv4-special-registry , IPv6 global unicast is 2000::/3.
NEVER_PUBLIC = tuple(
    Block.parse(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
        "::/3",
        "4000::/2",
        "8000::/1",
    )
)


def public_parts(block: Block) -> tuple[Block, ...]:
    """The parts of a block that hosts on the internet can have as address."""
    parts: tuple[Block, ...] = (block,)
    for reserved in NEVER_PUBLIC:
        parts = tuple(left for part in parts for left in part.without(reserved))
    return parts


@dataclass(frozen=True, slots=True)
class Area:
    """Addresses times ports: the area of a rule or of a question."""

    block: Block
    ports: tuple[int, int] = ALL_PORTS

    def common(self, other: Area) -> Area | None:
        """The shared area, if any."""
        block = self.block.common(other.block)
        low, high = max(self.ports[0], other.ports[0]), min(self.ports[1], other.ports[1])
        if block is None or low > high:
            return None
        return Area(block, (low, high))

    def without(self, other: Area) -> tuple[Area, ...]:
        """Return the rest when `other` is taken away: up to four areas that do not overlap."""
        shared = self.common(other)
        if shared is None:
            return (self,)
        rest = [Area(block, self.ports) for block in self.block.without(shared.block)]
        if self.ports[0] < shared.ports[0]:
            rest.append(Area(shared.block, (self.ports[0], shared.ports[0] - 1)))
        if shared.ports[1] < self.ports[1]:
            rest.append(Area(shared.block, (shared.ports[1] + 1, self.ports[1])))
        return tuple(rest)

    def __str__(self) -> str:
        low, high = self.ports
        ports = "all ports" if self.ports == ALL_PORTS else f"port {low}" if low == high else f"ports {low}-{high}"
        return f"{self.block} on {ports}"


def take_away(areas: Iterable[Area], other: Area) -> tuple[Area, ...]:
    """Return the rest of several areas when `other` is taken away from each."""
    return tuple(left for area in areas for left in area.without(other))
