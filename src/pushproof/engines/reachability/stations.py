"""The start or end of a path: an existing interface, or a planned one."""

from __future__ import annotations

from dataclasses import dataclass

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.questions import Cidr, Eni, Group, Internet, Place, Service, Source, Target
from pushproof.engines.reachability.resources import Endpoint, SecurityGroup, Subnet
from pushproof.engines.reachability.space import Block, NetworkModelError


@dataclass(frozen=True, slots=True)
class Station:
    """A network interface at the end of a path. `public` says whether it has a public IPv4 address."""

    id: str
    label: str
    subnet: Subnet
    address: Block
    groups: tuple[str, ...]
    security_groups: tuple[SecurityGroup, ...]
    public: bool
    unguarded: bool = False

    @classmethod
    def of_endpoint(cls, network: Network, endpoint: Endpoint, subnet: Subnet) -> Station:
        """The interface an interface endpoint has in a subnet. The endpoint's own groups guard it."""
        address = subnet.block
        for identifier in endpoint.interface_ids:
            interface = network.find_interface(identifier)
            if interface is not None and interface.subnet_id == subnet.id:
                # An address outside the subnet is ignored in favour of any address of the subnet.
                inside = [block for block in interface.addresses if subnet.block.holds(block)]
                address = inside[0] if inside else subnet.block
        groups = endpoint.security_group_ids
        return cls(
            endpoint.id,
            endpoint.id,
            subnet,
            address,
            groups,
            tuple(network.security_group(group) for group in groups),
            public=False,
        )


def station_of(network: Network, where: Place | Eni) -> Station:
    """Look up the interface that a question names.

    Raises:
        UnknownResource: the interface is not in the network.
        NetworkModelError: the address is outside the subnet, or a security group belongs to another VPC.
    """
    if isinstance(where, Eni):
        interface = network.interface(where.id)
        subnet = network.subnet(interface.subnet_id)
        groups = interface.security_group_ids
        label = f"network interface {interface.id}"
        address = interface.addresses[0] if interface.addresses else subnet.block
        public = interface.public_ip is not None
    else:
        subnet = network.subnet(where.subnet_id)
        groups = where.security_group_ids
        label = "a network interface" if where.address is None else where.address
        address = subnet.block if where.address is None else Block.parse(where.address)
        public = where.public_ip
        if not subnet.block.holds(address) and not any(block.holds(address) for block in subnet.ipv6_blocks):
            raise NetworkModelError(f"{where.address} is no address of {subnet.id} ({subnet.block}): give one of it")
    members = tuple(network.security_group(group) for group in groups)
    for member in members:
        if member.vpc_id != subnet.vpc_id:
            raise NetworkModelError(
                f"{member.id} is a security group of {member.vpc_id} and {subnet.id} is in {subnet.vpc_id}: "
                "an interface carries groups of its own VPC only"
            )
    identifier = where.id if isinstance(where, Eni) else subnet.id
    unguarded = isinstance(where, Place) and where.unguarded
    return Station(identifier, label, subnet, address, groups, members, public, unguarded)


def title(what: Source | Target) -> str:
    """The description of a source or target."""
    match what:
        case Place():
            groups = f" as {', '.join(what.security_group_ids)}" if what.security_group_ids else ""
            return f"{what.subnet_id}{groups}"
        case Eni() | Group():
            return what.id
        case Cidr():
            return what.block
        case Internet():
            return "the internet"
        case Service():
            return what.name
