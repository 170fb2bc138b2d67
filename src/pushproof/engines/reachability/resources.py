"""The resources of a VPC network as plain values, reduced to what decides where packets go. Names are EC2's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pushproof.engines.reachability.space import ALL_PORTS, Area, Block

Document = Mapping[str, Any] | str
"""A policy document: parsed, or the JSON text EC2 returns."""


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC and its two DNS attributes.

    https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    """

    id: str
    blocks: tuple[Block, ...]
    dns_support: bool = True
    dns_hostnames: bool = False


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet: one zone, one IPv4 block (and perhaps IPv6 ones)."""

    id: str
    vpc_id: str
    zone: str
    block: Block
    ipv6_blocks: tuple[Block, ...] = ()
    map_public_ip: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `destination` is a CIDR block or the id of a prefix list; `target` an id, or ``local``."""

    destination: Block | str
    target: str
    state: Literal["active", "blackhole"] = "active"
    propagated: bool = False

    @property
    def to(self) -> str:
        """The destination as EC2 prints it."""
        return str(self.destination)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table with its explicit subnet associations; `main` serves the subnets that have none.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
    """

    id: str
    vpc_id: str
    routes: tuple[Route, ...] = ()
    subnet_ids: tuple[str, ...] = ()
    main: bool = False


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """An internet gateway and the VPCs it is attached to (one, or none). `egress_only` is the IPv6 kind."""

    id: str
    vpc_ids: tuple[str, ...] = ()
    egress_only: bool = False


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A NAT gateway. A regional one has no subnet and spans the zones by itself.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
    """

    id: str
    vpc_id: str
    subnet_id: str | None
    state: str = "available"
    connectivity: Literal["public", "private"] = "public"
    private_ip: Block | None = None
    public_ip: Block | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A VPC endpoint, Gateway or Interface.

    https://docs.aws.amazon.com/vpc/latest/privatelink/concepts.html
    """

    id: str
    vpc_id: str
    service_name: str
    kind: Literal["Gateway", "Interface", "GatewayLoadBalancer"]
    state: str = "available"
    route_table_ids: tuple[str, ...] = ()
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    interface_ids: tuple[str, ...] = ()
    private_dns: bool = False
    private_dns_only_for_resolver: bool = False
    policy: Document | None = None

    @property
    def service(self) -> str:
        """The service without partition and region: ``ecr.dkr`` of ``com.amazonaws.eu-west-1.ecr.dkr``."""
        _, separator, rest = self.service_name.partition("com.amazonaws.")
        return rest.partition(".")[2] if separator else self.service_name


@dataclass(frozen=True, slots=True)
class Peering:
    """A VPC peering connection."""

    id: str
    vpc_ids: tuple[str, str]
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Rule:
    """One security group rule: peers (blocks, groups, prefix lists), protocol, and ports."""

    protocol: str
    ports: tuple[int, int] = ALL_PORTS
    blocks: tuple[Block, ...] = ()
    group_ids: tuple[str, ...] = ()
    prefix_list_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group. It is stateful: answers to admitted connections always pass.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    """

    id: str
    vpc_id: str
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One numbered entry of a network ACL."""

    number: int
    egress: bool
    allow: bool
    protocol: str
    block: Block
    ports: tuple[int, int] = ALL_PORTS

    @property
    def area(self) -> Area:
        """The addresses and ports of the entry."""
        return Area(self.block, self.ports)


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL. It is stateless: answers need an entry of their own.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
    """

    id: str
    vpc_id: str
    entries: tuple[AclEntry, ...] = ()
    subnet_ids: tuple[str, ...] = ()
    default: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """An elastic network interface with its addresses and security groups."""

    id: str
    subnet_id: str
    addresses: tuple[Block, ...]
    security_group_ids: tuple[str, ...] = ()
    public_ip: Block | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A prefix list, AWS's or one's own. AWS's entries may be unknown; then it stands for its service.

    https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html
    """

    id: str
    name: str
    blocks: tuple[Block, ...] = ()
