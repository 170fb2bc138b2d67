"""The VPC under test: its network, read once, and the placements of tasks in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pushproof.aws.network import read_network
from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients
from pushproof.checks.networking.placements import Placement, read_placements
from pushproof.engines.reachability import (
    ALL_PORTS,
    Circumstances,
    Network,
    Place,
    PolicyAllows,
    Subnet,
    plainly_allows,
    tier_of,
)

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import TargetGroupTypeDef

_GUIDE = "https://docs.aws.amazon.com/vpc/latest/userguide/"
NAT_PAGE = _GUIDE + "nat-gateway-basics.html"
SUBNET_PAGE = _GUIDE + "configure-subnets.html"
PEERING_PAGE = "https://docs.aws.amazon.com/vpc/latest/peering/invalid-peering-configurations.html"
TABLE_PAGE = _GUIDE + "subnet-route-tables.html"
RULES_PAGE = _GUIDE + "security-group-rules.html"
ECR_PAGE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"
TASK_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html"
BALANCER_PAGE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"
BALANCER_GROUPS_PAGE = (
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html"
)
GROUP_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/bestpracticesguide/networking-inbound.html"


class VpcChecks(Checks):
    """The common part of the networking checks; `NetworkingChecks` describes the arguments."""

    family = "networking"

    def __init__(
        self,
        aws: Clients,
        *,
        vpc_id: str,
        private_subnet_ids: Sequence[str] | None = None,
        task_security_group_ids: Sequence[str] | None = None,
        repository_arns: Sequence[str] = (),
        addresses: Addresses | None = None,
        policy_allows: PolicyAllows = plainly_allows,
    ) -> None:
        super().__init__(aws, addresses=addresses)
        self.vpc_id = vpc_id
        self._named = None if private_subnet_ids is None else tuple(private_subnet_ids)
        self._task_groups = None if task_security_group_ids is None else tuple(task_security_group_ids)
        self._repositories = tuple(repository_arns)
        self._policy_allows = policy_allows

    @cached_property
    def network(self) -> Network:
        """The network as EC2 describes it."""
        return read_network(self.aws("ec2"), self.vpc_id)

    @cached_property
    def placements(self) -> tuple[Placement, ...]:
        """The placements of tasks of this VPC's ECS services."""
        return tuple(read_placements(self.aws, {subnet.id for subnet in self.network.subnets_of(self.vpc_id)}))

    def refresh(self) -> None:
        """Discard the cached network; the next check reads it from AWS again."""
        for name in ("network", "placements"):
            self.__dict__.pop(name, None)

    @property
    def private_subnets(self) -> tuple[Subnet, ...]:
        """The private subnets: those that the caller named, else those without a route to an internet gateway."""
        if self._named is not None:
            return tuple(self.network.subnet(identifier) for identifier in self._named)
        subnets = self.network.subnets_of(self.vpc_id)
        return tuple(subnet for subnet in subnets if tier_of(self.network, subnet.id) != "public")

    @property
    def leaving_subnets(self) -> tuple[Subnet, ...]:
        """The private subnets that need a way out: those that the caller named, that have a default route, or that run tasks.

        A subnet without a default route and without tasks is isolated by design, as a database's is.
        """
        if self._named is not None:
            return self.private_subnets
        used = {placement.place.subnet_id for placement in self.placements}
        return tuple(
            subnet
            for subnet in self.private_subnets
            if subnet.id in used or tier_of(self.network, subnet.id) == "private"
        )

    def _subject(self) -> str:
        return self.vpc_id

    def _needs_subnets(self) -> None:
        if not self.network.subnets_of(self.vpc_id):
            self._nothing(f"subnets in {self.vpc_id}")

    def _needs_private_subnets(self) -> None:
        self._needs_subnets()
        if not self.private_subnets:
            self._nothing("private subnets", found="every subnet routes to an internet gateway, or none was named")

    def _needs_leaving_subnets(self) -> None:
        self._needs_private_subnets()
        if not self.leaving_subnets:
            self._nothing(
                "private subnets with a way out",
                found="no private subnet has a default route, and no task runs in one",
                change="Add a default route to a NAT gateway; or name the subnets that need a way out (private_subnet_ids).",
            )

    def _ordinary(self) -> Circumstances:
        return Circumstances(policy_allows=self._policy_allows)

    def _task_places(self) -> list[tuple[Place, Subnet]]:
        if self.placements:
            return [(p.place, self.network.subnet(p.place.subnet_id)) for p in self.placements]
        groups = self._task_groups
        return [(Place(s.id, groups or (), unguarded=groups is None), s) for s in self.leaving_subnets]


def shown_ports(protocol: str, ports: tuple[int, int]) -> str:
    """A rule's protocol and ports in words."""
    if ports == ALL_PORTS:
        return "all protocols and ports" if protocol == "-1" else f"{protocol} on all ports"
    return f"{protocol} {ports[0]}" if ports[0] == ports[1] else f"{protocol} {ports[0]}-{ports[1]}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: ``a, b and c``."""
    unique = list(dict.fromkeys(names))
    return " and ".join([", ".join(unique[:-1]), unique[-1]] if len(unique) > 1 else unique)


def transports_to(groups: Iterable[TargetGroupTypeDef]) -> set[str]:
    """Return the transports on which target groups reach their targets: TCP for the health checks of every group, and their own."""
    return {"tcp"}.union(*(transports_of(group.get("Protocol", "HTTP")) for group in groups))


def transports_of(protocol: str) -> frozenset[str]:
    """Return the transports of a listener's or target group's protocol, as security groups name them.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html#listener-configuration
    """
    others = {"TCP_UDP": ("tcp", "udp"), "TCP_QUIC": ("tcp", "udp"), "UDP": ("udp",), "QUIC": ("udp",)}
    return frozenset(others.get(protocol, ("tcp",)))
