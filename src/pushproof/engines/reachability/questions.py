"""Questions about reachability, their circumstances, and the shape of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pushproof.engines.reachability.resources import Document
from pushproof.engines.reachability.services import plainly_allows
from pushproof.engines.reachability.space import Block

PolicyAllows = Callable[[Document, str, str], bool]
"""(endpoint policy document, action, resource ARN or ``*``) -> whether the endpoint allows the call."""


@dataclass(frozen=True, slots=True)
class Place:
    """A network interface that may not exist yet: the subnet and the security groups of a task.

    `address` None means any address of the subnet: rules then have to admit all of them.
    `public_ip` says whether the interface gets a public address. `unguarded` ignores the interface's own security groups,
    for groups that are not decided yet; the network and the other side still count.
    """

    subnet_id: str
    security_group_ids: tuple[str, ...] = ()
    public_ip: bool = False
    address: str | None = None
    unguarded: bool = False


@dataclass(frozen=True, slots=True)
class Eni:
    """A network interface that exists, by id."""

    id: str


@dataclass(frozen=True, slots=True)
class Group:
    """Every network interface that carries this security group."""

    id: str


@dataclass(frozen=True, slots=True)
class Cidr:
    """Every address of a block, in the VPC, in a peer, or public."""

    block: str


@dataclass(frozen=True, slots=True)
class Internet:
    """The internet; as destination a public address without a rule of its own, as source any public address."""

    address: str = "93.184.215.14"


@dataclass(frozen=True, slots=True)
class Service:
    """An AWS service by the name VPC endpoints use: ``ecr.api``, ``ecr.dkr``, ``s3``, ``logs``, ...

    `calls` are the (action, resource) pairs that an endpoint policy must allow; empty means every call to the service.
    """

    name: str
    calls: tuple[tuple[str, str], ...] = ()


Source = Place | Eni | Internet
Target = Place | Eni | Group | Cidr | Internet | Service


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Circumstances besides the network.

    Attributes:
        zones_down: Availability zones that are lost, with everything in them.
        require_vpc_endpoints: An organisation demands that AWS services are called through VPC endpoints
            (as with ``aws:SourceVpce`` in a policy); a NAT or internet gateway is then no way to them.
            https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
        policy_allows: Evaluates endpoint policies.
        leads_to_internet: Ids of route targets this engine cannot follow (transit gateway, virtual appliance,
            ...) that lead to the internet.
        ephemeral_ports: Ports on which a client in the VPC receives answers; the default is AWS's range for Linux.
        nat_ports: The same for NAT gateways and for hosts on the internet.
            https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
    """

    zones_down: frozenset[str] = frozenset()
    require_vpc_endpoints: bool = False
    policy_allows: PolicyAllows = plainly_allows
    leads_to_internet: frozenset[str] = frozenset()
    ephemeral_ports: tuple[int, int] = (32768, 61000)
    nat_ports: tuple[int, int] = (1024, 65535)


ORDINARY = Circumstances()

HopKind = Literal[
    "source",
    "security-group",
    "network-acl",
    "route",
    "local",
    "nat-gateway",
    "internet-gateway",
    "vpc-endpoint",
    "peering",
    "gateway",
    "destination",
]


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path.

    Attributes:
        kind: The kind of resource.
        id: The resource.
        text: The step in words.
        detail: The match: a route's destination, ``egress``/``ingress``/``answer out``/``answer in``.
        target: The target of a route.
        subnet_id: The subnet whose table or ACL applies, or which contains the resource.
        zone: The availability zone that the step depends on, if any.
    """

    kind: HopKind
    id: str
    text: str
    detail: str = ""
    target: str = ""
    subnet_id: str = ""
    zone: str = ""


RefusalCode = Literal[
    "ZoneDown",
    "DnsUnavailable",
    "SecurityGroupEgress",
    "SecurityGroupIngress",
    "NetworkAcl",
    "NoRouteTable",
    "NoRoute",
    "Blackhole",
    "GatewayMissing",
    "NatUnusable",
    "NoPublicAddress",
    "EndpointUnusable",
    "EndpointPolicy",
    "VpcEndpointDemanded",
    "PeeringUnusable",
    "NoReturnRoute",
    "NothingThere",
    "NotFollowed",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first step that refuses: the place, the reason, and the remedy."""

    code: RefusalCode
    at: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.why} {self.remedy}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question; true in a condition when the target is reached.

    `paths` holds one path for each way the traffic takes (every address of an
    endpoint, every interface of a group, every part of a block); when refused, the last one ends where it was refused.
    """

    question: str
    refusal: Refusal | None
    paths: tuple[tuple[Hop, ...], ...]
    notes: tuple[str, ...] = ()
    address: Block | None = None
    """From the internet: an address that gets in."""

    def __bool__(self) -> bool:
        return self.refusal is None

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The path, or the refused path if there is a refusal."""
        if not self.paths:
            return ()
        return self.paths[0] if self.refusal is None else self.paths[-1]

    @property
    def zones(self) -> frozenset[str]:
        """The availability zones on which the answer depends."""
        return frozenset(hop.zone for path in self.paths for hop in path if hop.zone)

    def passes(self, kind: HopKind) -> tuple[Hop, ...]:
        """The hops of one kind, over all paths."""
        return tuple(hop for path in self.paths for hop in path if hop.kind == kind)

    def __str__(self) -> str:
        lines = [f"{self.question}: {'yes' if self else 'no'}"]
        lines += [f"  {number}. {hop.text}" for number, hop in enumerate(self.hops, 1)]
        if self.refusal is not None:
            lines.append(f"  stopped at {self.refusal.at}: {self.refusal.why}")
            lines.append(f"  to change that: {self.refusal.remedy}")
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)
