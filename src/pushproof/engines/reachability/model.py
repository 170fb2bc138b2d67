"""A VPC network as plain values: EC2's descriptions, reduced to the parts that decide the path of packets.

Build it by hand, or from EC2's own answers with `pushproof.engines.reachability.describe.from_describe`.
Names are EC2's. Collections are tuples in the order EC2 gave them; `Network` indexes them once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pushproof.engines.reachability.resources import (
    Endpoint,
    Interface,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    Peering,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from pushproof.engines.reachability.space import Block, NetworkModelError


class UnknownResource(NetworkModelError):
    """A question names a resource that the model does not hold."""


_Named = TypeVar(
    "_Named",
    Vpc,
    Subnet,
    RouteTable,
    InternetGateway,
    NatGateway,
    Endpoint,
    Peering,
    SecurityGroup,
    NetworkAcl,
    Interface,
    PrefixList,
)


def _by_id(kind: str, things: Iterable[_Named]) -> dict[str, _Named]:
    index: dict[str, _Named] = {}
    for thing in things:
        if thing.id in index:
            raise NetworkModelError(f"{kind} {thing.id} is described twice: describe each resource once")
        index[thing.id] = thing
    return index


@dataclass(frozen=True)
class Network:
    """The resources that decide a path, indexed. `region` is needed for host names only.

    Raises:
        NetworkModelError: a resource appears twice, or a subnet has two route tables or two network ACLs.
    """

    vpcs: tuple[Vpc, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    internet_gateways: tuple[InternetGateway, ...] = ()
    nat_gateways: tuple[NatGateway, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    peerings: tuple[Peering, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    network_acls: tuple[NetworkAcl, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    prefix_lists: tuple[PrefixList, ...] = ()
    region: str = "us-east-1"
    _index: dict[str, dict[str, Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, dict[str, Any]] = {
            "vpc": _by_id("VPC", self.vpcs),
            "subnet": _by_id("subnet", self.subnets),
            "table": _by_id("route table", self.route_tables),
            "igw": _by_id("internet gateway", self.internet_gateways),
            "nat": _by_id("NAT gateway", self.nat_gateways),
            "endpoint": _by_id("VPC endpoint", self.endpoints),
            "peering": _by_id("peering connection", self.peerings),
            "group": _by_id("security group", self.security_groups),
            "acl": _by_id("network ACL", self.network_acls),
            "interface": _by_id("network interface", self.interfaces),
            "prefix list": _by_id("prefix list", self.prefix_lists),
            "table of subnet": {},
            "main table": {t.vpc_id: t for t in self.route_tables if t.main},
            "acl of subnet": {},
            "default acl": {a.vpc_id: a for a in self.network_acls if a.default},
            "interfaces of group": {},
            "endpoints of vpc": {},
            "gateway endpoints of table": {},
            "subnets of vpc": {},
        }
        for table in self.route_tables:
            for subnet_id in table.subnet_ids:
                _associate(index["table of subnet"], subnet_id, table, "route tables")
        for acl in self.network_acls:
            for subnet_id in acl.subnet_ids:
                _associate(index["acl of subnet"], subnet_id, acl, "network ACLs")
        for interface in self.interfaces:
            for group_id in interface.security_group_ids:
                index["interfaces of group"].setdefault(group_id, []).append(interface)
        for endpoint in self.endpoints:
            index["endpoints of vpc"].setdefault(endpoint.vpc_id, []).append(endpoint)
            for table_id in endpoint.route_table_ids:
                index["gateway endpoints of table"].setdefault(table_id, []).append(endpoint)
        for subnet in self.subnets:
            index["subnets of vpc"].setdefault(subnet.vpc_id, []).append(subnet)
        index["routes"] = {table.id: self._compiled(table, index) for table in self.route_tables}
        object.__setattr__(self, "_index", index)

    def __repr__(self) -> str:
        counts = f"{len(self.subnets)} subnets, {len(self.route_tables)} route tables, {len(self.endpoints)} endpoints"
        return f"<Network {', '.join(vpc.id for vpc in self.vpcs)} in {self.region}: {counts}>"

    @staticmethod
    def _compiled(table: RouteTable, index: dict[str, dict[str, Any]]) -> tuple[tuple[Block, Route], ...]:
        """The routes of a table with prefix lists spelled out, the one that wins first.

        Longest prefix first; then local, static with a block, static with a prefix list, propagated:
        https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
        """
        vpc = index["vpc"].get(table.vpc_id)
        routes = list(table.routes)
        if vpc is not None:
            local = {route.destination for route in routes if route.target == "local"}
            routes += [Route(block, "local") for block in vpc.blocks if block not in local]
        flat: list[tuple[Block, Route]] = []
        for route in routes:
            if isinstance(route.destination, Block):
                flat.append((route.destination, route))
            else:
                prefix_list = index["prefix list"].get(route.destination)
                flat += [(block, route) for block in (prefix_list.blocks if prefix_list else ())]
        flat.sort(
            key=lambda pair: (
                pair[0].size,
                pair[1].target != "local",
                pair[1].propagated,
                not isinstance(pair[1].destination, Block),
            )
        )
        return tuple(flat)

    def _get(self, kind: str, title: str, identifier: str) -> Any:
        resource = self._index[kind].get(identifier)
        if resource is None:
            identifiers = sorted(self._index[kind])
            listing = (
                ", ".join(identifiers[:5]) + (", …" if len(identifiers) > 5 else "") if identifiers else "none at all"
            )
            raise UnknownResource(
                f"no {title} {identifier!r} in this network (it has {listing}): "
                "check the id, and that the model was built from the account and region that holds it"
            )
        return resource

    def vpc(self, identifier: str) -> Vpc:
        """The VPC with this id, or `UnknownResource`."""
        vpc: Vpc = self._get("vpc", "VPC", identifier)
        return vpc

    def subnet(self, identifier: str) -> Subnet:
        """The subnet with this id, or `UnknownResource`."""
        subnet: Subnet = self._get("subnet", "subnet", identifier)
        return subnet

    def security_group(self, identifier: str) -> SecurityGroup:
        """The security group with this id, or `UnknownResource`."""
        group: SecurityGroup = self._get("group", "security group", identifier)
        return group

    def interface(self, identifier: str) -> Interface:
        """The network interface with this id, or `UnknownResource`."""
        interface: Interface = self._get("interface", "network interface", identifier)
        return interface

    def find_interface(self, identifier: str) -> Interface | None:
        """The network interface with this id, if it is there."""
        interface: Interface | None = self._index["interface"].get(identifier)
        return interface

    def nat_gateway(self, identifier: str) -> NatGateway | None:
        """The NAT gateway with this id, if it is there; a route can outlive its target."""
        gateway: NatGateway | None = self._index["nat"].get(identifier)
        return gateway

    def internet_gateway(self, identifier: str) -> InternetGateway | None:
        """The internet gateway with this id, if it is there."""
        gateway: InternetGateway | None = self._index["igw"].get(identifier)
        return gateway

    def endpoint(self, identifier: str) -> Endpoint | None:
        """The VPC endpoint with this id, if it is there."""
        endpoint: Endpoint | None = self._index["endpoint"].get(identifier)
        return endpoint

    def peering(self, identifier: str) -> Peering | None:
        """The peering connection with this id, if it is there."""
        peering: Peering | None = self._index["peering"].get(identifier)
        return peering

    def prefix_list(self, identifier: str) -> PrefixList | None:
        """The prefix list with this id, if it is there."""
        prefix_list: PrefixList | None = self._index["prefix list"].get(identifier)
        return prefix_list

    def subnets_of(self, vpc_id: str) -> tuple[Subnet, ...]:
        """The subnets of a VPC."""
        return tuple(self._index["subnets of vpc"].get(vpc_id, ()))

    def interfaces_of(self, group_id: str) -> tuple[Interface, ...]:
        """The network interfaces that carry a security group."""
        return tuple(self._index["interfaces of group"].get(group_id, ()))

    def endpoints_of(self, vpc_id: str) -> tuple[Endpoint, ...]:
        """The VPC endpoints of a VPC."""
        return tuple(self._index["endpoints of vpc"].get(vpc_id, ()))

    def gateway_endpoints_of(self, table_id: str) -> tuple[Endpoint, ...]:
        """The gateway endpoints associated with a route table."""
        return tuple(self._index["gateway endpoints of table"].get(table_id, ()))

    def table_of(self, subnet_id: str) -> RouteTable | None:
        """The table in force for a subnet: the associated one, else the main table of its VPC."""
        explicit: RouteTable | None = self._index["table of subnet"].get(subnet_id)
        if explicit is not None:
            return explicit
        main: RouteTable | None = self._index["main table"].get(self.subnet(subnet_id).vpc_id)
        return main

    def acl_of(self, subnet_id: str) -> NetworkAcl | None:
        """The network ACL in force for a subnet: the associated one, else the default one of its VPC."""
        explicit: NetworkAcl | None = self._index["acl of subnet"].get(subnet_id)
        if explicit is not None:
            return explicit
        default: NetworkAcl | None = self._index["default acl"].get(self.subnet(subnet_id).vpc_id)
        return default

    def routes_by_priority(self, table_id: str) -> tuple[tuple[Block, Route], ...]:
        """(block, route) of a table, prefix lists spelled out, the winner for an address first."""
        routes: tuple[tuple[Block, Route], ...] = self._index["routes"][table_id]
        return routes


def _associate(index: dict[str, Any], subnet_id: str, thing: RouteTable | NetworkAcl, kind: str) -> None:
    other = index.get(subnet_id)
    if other is not None and other.id != thing.id:
        raise NetworkModelError(
            f"subnet {subnet_id} is associated with two {kind}, {other.id} and {thing.id}: a subnet has exactly one"
        )
    index[subnet_id] = thing
