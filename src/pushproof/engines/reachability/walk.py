"""Following traffic hop by hop, until it arrives or a hop refuses it.

The order of the steps is that of a packet: name lookup, the source's security groups, its network ACL, its
route table, gateways on the way, the target's network ACL and security groups; then the answer on its way
back through the same ACLs and tables (security groups let answers pass). What is asked for a set (all addresses of a block, all
interfaces of a group) holds only if it holds for each member.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pushproof.engines.reachability.exposure import from_internet
from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.questions import (
    ORDINARY,
    Answer,
    Cidr,
    Circumstances,
    Eni,
    Group,
    Hop,
    Internet,
    Place,
    Refusal,
    RefusalCode,
    Service,
    Source,
    Target,
)
from pushproof.engines.reachability.resources import Endpoint, NatGateway, Peering, Route, RouteTable, Subnet, Vpc
from pushproof.engines.reachability.routing import split_by_route
from pushproof.engines.reachability.rules import protocol_name, refused_by_acl, uncovered
from pushproof.engines.reachability.services import AWS_ADDRESS, action_prefix, host_of
from pushproof.engines.reachability.space import Area, Block, NetworkModelError
from pushproof.engines.reachability.stations import Station, station_of, title


def reach(
    network: Network,
    source: Source,
    target: Target,
    *,
    port: int = 443,
    protocol: str = "tcp",
    circumstances: Circumstances = ORDINARY,
) -> Answer:
    """Return whether `source` can open a connection to `target` on this port and receive answers.

    Args:
        port: 0..65535; ignored for ICMP.
        protocol: ``tcp``, ``udp``, ``icmp``, ... or its number.

    Raises:
        UnknownResource: the network lacks the source or the target.
        NetworkModelError: the port is invalid, or the question is meaningless (internet to internet).
    """
    if not 0 <= port <= 65535:
        raise NetworkModelError(f"port {port} does not exist: choose 0 to 65535")
    spoken = protocol_name(protocol)
    if isinstance(source, Internet):
        if not isinstance(target, Place | Eni | Group):
            raise NetworkModelError(
                f"cannot decide whether the internet reaches {title(target)}: name a Place, an Eni or a Group"
            )
        return from_internet(network, target, port=port, protocol=spoken, circumstances=circumstances)
    trip = _Trip(network, circumstances, spoken, port if spoken in ("tcp", "udp") else 0)
    refusal: Refusal | None = None
    try:
        trip.start(station_of(network, source))
        trip.go(target)
    except _Refused as stop:
        refusal = stop.refusal
    question = f"{title(source)} to {title(target)} on {spoken} {port}"
    paths = [*trip.done, tuple(trip.hops)] if refusal is not None else trip.done
    return Answer(question, refusal, tuple(paths), tuple(dict.fromkeys(trip.notes)))


class _Refused(Exception):
    """Signal that ends a walk; it does not leave this module."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def _refuse(code: RefusalCode, at: str, why: str, remedy: str) -> _Refused:
    return _Refused(Refusal(code, at, why, remedy))


@dataclass
class _Trip:
    """The evaluation of one question. `hops` is the current path, `done` the completed paths."""

    network: Network
    circumstances: Circumstances
    protocol: str
    port: int
    hops: list[Hop] = field(default_factory=list)
    done: list[tuple[Hop, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    # -- beginning and ending -------------------------------------------------------------------------

    def start(self, station: Station) -> None:
        self.me = station
        if station.subnet.zone in self.circumstances.zones_down:
            raise _refuse(
                "ZoneDown",
                station.subnet.id,
                f"{station.subnet.id} is in {station.subnet.zone}, which is down, and so is everything in it.",
                "Ask from a subnet in a zone that is up.",
            )
        groups = ", ".join(station.groups) or "no security group"
        self.first = Hop(
            "source",
            station.id,
            f"{station.label} in {station.subnet.id} ({station.subnet.zone}) as {groups}",
            subnet_id=station.subnet.id,
            zone=station.subnet.zone,
        )
        self.hops = [self.first]

    def arrive(self, identifier: str, text: str, subnet: Subnet | None = None) -> None:
        self.hops.append(
            Hop(
                "destination",
                identifier,
                text,
                subnet_id=subnet.id if subnet else "",
                zone=subnet.zone if subnet else "",
            )
        )
        self.done.append(tuple(self.hops))
        self.hops = [self.first]

    def go(self, target: Target) -> None:
        match target:
            case Internet():
                self.to_addresses(Block.parse(target.address), "the internet")
            case Cidr():
                self.to_addresses(Block.parse(target.block), target.block)
            case Service():
                self.to_service(target)
            case Group():
                self.to_group(target)
            case Place() | Eni():
                self.to_station(station_of(self.network, target))

    # -- source and target -----------------------------------------------------------------------------

    def leave_by_security_groups(
        self, peer: Block, peer_groups: tuple[str, ...] = (), prefix_list_id: str = ""
    ) -> None:
        """The source's security groups must let the connection out."""
        if self.me.unguarded:
            return
        rules = [rule for group in self.me.security_groups for rule in group.egress]
        rest = uncovered(
            self.network, rules, self.protocol, Area(peer, (self.port, self.port)), peer_groups, prefix_list_id
        )
        names = ", ".join(self.me.groups) or "none"
        if rest:
            raise _refuse(
                "SecurityGroupEgress",
                self.me.groups[0] if self.me.groups else self.me.id,
                f"No egress rule of {names} lets {self.protocol} out to {rest[0]}.",
                f"Add an egress rule for {self.protocol} port {self.port} to {peer_groups[0] if peer_groups else peer}"
                f" to {self.me.groups[0] if self.me.groups else 'a security group of the source'}.",
            )
        self.hops.append(
            Hop(
                "security-group",
                names,
                f"egress of {names} admits {self.protocol} {self.port} to {peer}",
                "egress",
                subnet_id=self.me.subnet.id,
            )
        )

    def enter_by_security_groups(self, at: Station, peer: Block, peer_groups: tuple[str, ...]) -> None:
        """The target's security groups must let the connection in."""
        if at.unguarded:
            return
        rules = [rule for group in at.security_groups for rule in group.ingress]
        rest = uncovered(self.network, rules, self.protocol, Area(peer, (self.port, self.port)), peer_groups)
        names = ", ".join(at.groups) or "none"
        if rest:
            who = f" (as {', '.join(peer_groups)})" if peer_groups else ""
            raise _refuse(
                "SecurityGroupIngress",
                at.groups[0] if at.groups else at.id,
                f"No ingress rule of {names}, which guards {at.label}, admits {self.protocol} {rest[0]}{who}.",
                f"Add an ingress rule for {self.protocol} port {self.port} from "
                f"{peer_groups[0] if peer_groups else peer} to {at.groups[0] if at.groups else 'a security group of it'}.",
            )
        self.hops.append(
            Hop(
                "security-group",
                names,
                f"ingress of {names} admits {self.protocol} {self.port} from {peer}",
                "ingress",
                subnet_id=at.subnet.id,
            )
        )

    def cross_acl(self, subnet: Subnet, detail: str, peer: Block, ports: tuple[int, int]) -> None:
        """The network ACL of a subnet must let packets pass; `detail` names direction and purpose."""
        acl = self.network.acl_of(subnet.id)
        if acl is None:
            return
        egress = detail in ("egress", "answer out")
        traffic = Area(peer, ports if self.protocol in ("tcp", "udp") else (0, 65535))
        stop = refused_by_acl(acl, egress=egress, protocol=self.protocol, traffic=traffic)
        way = "outbound to" if egress else "inbound from"
        if stop is not None:
            entry, area = stop
            by = f"entry {entry.number} denies" if entry is not None else "no entry allows"
            purpose = (
                " These are answers: network ACLs keep no memory of the connection."
                if detail.startswith("answer")
                else ""
            )
            raise _refuse(
                "NetworkAcl",
                acl.id,
                f"Network ACL {acl.id} of {subnet.id}: {by} {self.protocol} {way} {area}.{purpose}",
                f"Allow {self.protocol} {way} {area} in {acl.id}, with a number below any entry that denies it.",
            )
        self.hops.append(
            Hop(
                "network-acl",
                acl.id,
                f"network ACL {acl.id} of {subnet.id} passes {detail}: {way} {traffic}",
                detail,
                subnet_id=subnet.id,
            )
        )

    def follow(self, subnet: Subnet, destination: Block) -> list[tuple[Block, Route, RouteTable]]:
        """The routes of a subnet for every part of a destination; refused where one has none."""
        table = self.table(subnet)
        parts = split_by_route(self.network, table, destination)
        for part, route in parts:
            if route is None:
                raise _refuse(
                    "NoRoute",
                    table.id,
                    f"Route table {table.id} of {subnet.id} has no route for {part}.",
                    f"Add a route for it to {table.id} (a default route to a NAT gateway, or a VPC endpoint),"
                    f" or associate {subnet.id} with a table that has one.",
                )
            if route.state == "blackhole":
                raise _refuse(
                    "Blackhole",
                    table.id,
                    f"Route {route.to} of {table.id} is a blackhole: its target {route.target} is gone.",
                    f"Point {route.to} in {table.id} at a target that exists.",
                )
        return [(part, route, table) for part, route in parts if route is not None]

    def table(self, subnet: Subnet) -> RouteTable:
        table = self.network.table_of(subnet.id)
        if table is None:
            raise _refuse(
                "NoRouteTable",
                subnet.id,
                f"{subnet.id} has no route table: none is associated and its VPC {subnet.vpc_id} has no main table.",
                f"Associate a route table with {subnet.id}.",
            )
        return table

    def took(self, subnet: Subnet, route: Route, table: RouteTable) -> None:
        self.hops.append(
            Hop(
                "route",
                table.id,
                f"route table {table.id} of {subnet.id}: {route.to} -> {route.target}",
                route.to,
                route.target,
                subnet.id,
            )
        )

    # -- addresses ------------------------------------------------------------------------------------

    def to_addresses(self, destination: Block, called: str, prefix_list_id: str = "") -> None:
        """To a block of addresses: each part by its own route."""
        for part, route, table in self.follow(self.me.subnet, destination):
            self.leave_by_security_groups(part, (), prefix_list_id)
            if route.target == "local":
                self.inside(part, route, table)
                continue
            self.cross_acl(self.me.subnet, "egress", part, (self.port, self.port))
            self.took(self.me.subnet, route, table)
            self.beyond(part, route, called)

    def beyond(self, part: Block, route: Route, called: str) -> None:
        """Out of the VPC by a gateway, to addresses."""
        target = route.target
        if target.startswith(("igw-", "eigw-")):
            self.by_internet_gateway(target, part)
        elif target.startswith("nat-"):
            self.by_nat(target, part)
        elif target.startswith("pcx-"):
            self.by_peering_to_block(target, part)
        elif target in self.circumstances.leads_to_internet:
            self.hops.append(Hop("gateway", target, f"{target}, declared to lead to the internet"))
        else:
            raise self.not_followed(target, part)
        self.cross_acl(self.me.subnet, "answer in", part, self.circumstances.ephemeral_ports)
        self.arrive(str(part), f"{called} ({part}) on {self.protocol} {self.port}")

    def inside(self, part: Block, route: Route, table: RouteTable) -> None:
        """To addresses of the VPC itself: the ACLs of the subnets that hold them."""
        mine = self.me.subnet
        holders = [s for s in self.network.subnets_of(mine.vpc_id) if s.block.meets(part) and s.id != mine.id]
        if not (mine.block.holds(part)):
            self.cross_acl(mine, "egress", part, (self.port, self.port))
        self.took(mine, route, table)
        for subnet in holders:
            self.need_zone(subnet, subnet.id)
            shared = subnet.block.common(part)
            self.cross_acl(subnet, "ingress", self.me.address, (self.port, self.port))
            self.cross_acl(subnet, "answer out", self.me.address, self.circumstances.ephemeral_ports)
            if shared is not None:
                self.cross_acl(mine, "answer in", shared, self.circumstances.ephemeral_ports)
        self.notes.append(
            f"The security groups of the interface at {part} were not checked: name the interface by its id."
        )
        self.arrive(str(part), f"{part} in {mine.vpc_id}")

    def not_followed(self, target: str, part: Block) -> _Refused:
        return _refuse(
            "NotFollowed",
            target,
            f"{part} is routed to {target}, and where that leads is not known here.",
            f"If {target} leads to the internet, say so: Circumstances(leads_to_internet={{{target!r}}}).",
        )

    # -- gateways -------------------------------------------------------------------------------------

    def by_internet_gateway(self, identifier: str, part: Block) -> None:
        gateway = self.network.internet_gateway(identifier)
        if gateway is None or self.me.subnet.vpc_id not in gateway.vpc_ids:
            raise _refuse(
                "GatewayMissing",
                identifier,
                f"{identifier} is not attached to {self.me.subnet.vpc_id}.",
                f"Attach an internet gateway to {self.me.subnet.vpc_id} and route to that.",
            )
        if part.version == 4 and not self.me.public:
            raise _refuse(
                "NoPublicAddress",
                self.me.id,
                f"{self.me.label} has no public address, so {identifier} lets nothing of it out:"
                f" {self.me.subnet.id} routes straight to the internet gateway.",
                "Put it in a subnet that routes to a NAT gateway (or, if it has to be public, give it a public address).",
            )
        if part.version == 6 and not self.me.subnet.ipv6_blocks:
            raise _refuse(
                "NoPublicAddress",
                self.me.id,
                f"{self.me.subnet.id} has no IPv6 block, so {self.me.label} has no IPv6 address.",
                f"Give {self.me.subnet.id} an IPv6 block, or use IPv4.",
            )
        kind = "egress-only internet gateway" if gateway.egress_only else "internet gateway"
        self.hops.append(Hop("internet-gateway", identifier, f"{kind} {identifier}"))

    def by_nat(self, identifier: str, part: Block) -> None:
        """https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html"""
        nat = self.network.nat_gateway(identifier)
        self.usable(nat, identifier)
        assert nat is not None
        if nat.subnet_id is None:
            self.hops.append(Hop("nat-gateway", nat.id, f"regional NAT gateway {nat.id}"))
            return
        home = self.network.subnet(nat.subnet_id)
        self.need_zone(home, nat.id)
        if home.zone != self.me.subnet.zone:
            self.notes.append(
                f"{nat.id} is in {home.zone} while {self.me.subnet.id} is in {self.me.subnet.zone}: "
                f"losing {home.zone} takes this subnet's way out with it."
            )
        mine, here = self.me.address, (self.port, self.port)
        if home.id != self.me.subnet.id:
            self.cross_acl(home, "ingress", mine, here)
        self.hops.append(
            Hop(
                "nat-gateway",
                nat.id,
                f"NAT gateway {nat.id} in {home.id} ({home.zone})",
                subnet_id=home.id,
                zone=home.zone,
            )
        )
        self.cross_acl(home, "egress", part, here)
        for _, route, table in self.follow(home, part):
            self.took(home, route, table)
            if route.target in self.circumstances.leads_to_internet:
                self.hops.append(Hop("gateway", route.target, f"{route.target}, declared to lead to the internet"))
                continue
            if not route.target.startswith("igw-"):
                raise _refuse(
                    "NatUnusable",
                    nat.id,
                    f"{nat.id} is in {home.id}, whose table {table.id} sends {route.to} to {route.target}"
                    " and not to an internet gateway.",
                    f"Put the NAT gateway in a public subnet, or route {home.id} to an internet gateway.",
                )
            gateway = self.network.internet_gateway(route.target)
            if gateway is None or home.vpc_id not in gateway.vpc_ids:
                raise _refuse(
                    "GatewayMissing",
                    route.target,
                    f"{route.target}, to which {nat.id} sends its traffic, is not attached to {home.vpc_id}.",
                    f"Attach an internet gateway to {home.vpc_id} and route {home.id} to that.",
                )
            self.hops.append(Hop("internet-gateway", route.target, f"internet gateway {route.target}"))
        self.cross_acl(home, "answer in", part, self.circumstances.nat_ports)
        if home.id != self.me.subnet.id:
            self.cross_acl(home, "answer out", mine, self.circumstances.ephemeral_ports)

    def usable(self, nat: NatGateway | None, identifier: str) -> None:
        if nat is None or nat.state != "available":
            state = "does not exist" if nat is None else f"is {nat.state}"
            raise _refuse(
                "NatUnusable",
                identifier,
                f"NAT gateway {identifier}, to which {self.me.subnet.id} is routed, {state}.",
                f"Route {self.me.subnet.id} to a NAT gateway that is available.",
            )
        if nat.connectivity == "private":
            raise _refuse(
                "NatUnusable",
                identifier,
                f"NAT gateway {identifier} is a private one: it has no Elastic IP and no way to the internet.",
                "Use a NAT gateway with connectivity type public.",
            )

    def need_zone(self, subnet: Subnet, what: str) -> None:
        if subnet.zone in self.circumstances.zones_down:
            raise _refuse(
                "ZoneDown",
                what,
                f"{what} is in {subnet.zone}, which is down.",
                f"Give {self.me.subnet.id} ({self.me.subnet.zone}) a way that stays in its own zone.",
            )

    def active(self, identifier: str) -> Peering:
        peering = self.network.peering(identifier)
        if peering is None or peering.state != "active" or self.me.subnet.vpc_id not in peering.vpc_ids:
            state = "does not exist" if peering is None else f"is {peering.state}"
            raise _refuse(
                "PeeringUnusable",
                identifier,
                f"Peering connection {identifier} {state} for {self.me.subnet.vpc_id}.",
                "Accept the peering connection, or remove the route to it.",
            )
        return peering

    def by_peering_to_block(self, identifier: str, part: Block) -> None:
        peering = self.active(identifier)
        self.hops.append(Hop("peering", identifier, f"peering connection {identifier}"))
        other = next((vpc_id for vpc_id in peering.vpc_ids if vpc_id != self.me.subnet.vpc_id), "")
        holders = [s for s in self.network.subnets_of(other) if s.block.meets(part)]
        for subnet in holders:
            self.need_zone(subnet, subnet.id)
            self.cross_acl(subnet, "ingress", self.me.address, (self.port, self.port))
            self.returns_by(subnet, identifier)
            self.cross_acl(subnet, "answer out", self.me.address, self.circumstances.ephemeral_ports)
        if not holders:
            self.notes.append(
                f"The subnets of the peer of {identifier} are not in this model: its side was not checked."
            )
        self.notes.append(
            f"The security groups of the interface at {part} were not checked: name the interface by its id."
        )

    def returns_by(self, subnet: Subnet, peering_id: str) -> None:
        """Answers have to find back through the same peering connection."""
        for part, route in split_by_route(self.network, self.table(subnet), self.me.address):
            if route is None or route.target != peering_id or route.state != "active":
                raise _refuse(
                    "NoReturnRoute",
                    self.table(subnet).id,
                    f"Route table {self.table(subnet).id} of {subnet.id} does not send answers for {part}"
                    f" back through {peering_id}.",
                    f"Add a route for {part} to {peering_id} there: peering needs routes on both sides.",
                )
            self.took(subnet, route, self.table(subnet))

    # -- interfaces and groups ------------------------------------------------------------------------

    def to_group(self, target: Group) -> None:
        group = self.network.security_group(target.id)
        members = self.network.interfaces_of(group.id)
        alive = [m for m in members if self.network.subnet(m.subnet_id).zone not in self.circumstances.zones_down]
        if members and not alive:
            raise _refuse(
                "ZoneDown",
                group.id,
                f"All {len(members)} network interfaces of {group.id} are in zones that are down.",
                "Spread what carries the group over more zones.",
            )
        if not members:
            self.to_empty_group(group.id)
            return
        for member in alive:
            self.to_station(station_of(self.network, Eni(member.id)))

    def to_empty_group(self, group_id: str) -> None:
        """To a group without interfaces: only the rules of both sides are checked."""
        group = self.network.security_group(group_id)
        vpc = self.network.vpc(group.vpc_id)
        self.notes.append(f"No network interface carries {group_id} yet: only the security groups were asked.")
        self.leave_by_security_groups(vpc.blocks[0], (group_id,))
        if not self.me.subnet.vpc_id == group.vpc_id:
            raise _refuse(
                "NothingThere",
                group_id,
                f"{group_id} belongs to {group.vpc_id} and nothing carries it, so there is no address to reach.",
                "Ask again when something carries the group.",
            )
        anyone = replace(
            self.me, id=group_id, label=f"whatever carries {group_id}", groups=(group_id,), security_groups=(group,)
        )
        self.enter_by_security_groups(anyone, self.me.address, self.me.groups)
        self.arrive(group_id, f"security group {group_id}")

    def to_station(self, there: Station) -> None:
        """To one interface by its private address, in the VPC or through a peering connection."""
        self.need_zone(there.subnet, there.id)
        mine = self.me
        if mine.id == there.id and mine.subnet.id == there.subnet.id and mine.address == there.address:
            self.notes.append("Source and target are the same interface.")
        self.leave_by_security_groups(there.address, there.groups)
        same_subnet = mine.subnet.id == there.subnet.id
        here = (self.port, self.port)
        if not same_subnet:
            self.cross_acl(mine.subnet, "egress", there.address, here)
        peering = ""
        for part, route, table in self.follow(mine.subnet, there.address):
            self.took(mine.subnet, route, table)
            if route.target == "local" and mine.subnet.vpc_id == there.subnet.vpc_id:
                self.hops.append(
                    Hop("local", mine.subnet.vpc_id, f"within {mine.subnet.vpc_id}", target=there.subnet.id)
                )
            elif route.target.startswith("pcx-") and there.subnet.vpc_id in self.active(route.target).vpc_ids:
                peering = route.target
                self.hops.append(Hop("peering", peering, f"peering connection {peering}"))
            elif route.target.startswith(("igw-", "nat-", "local")):
                raise _refuse(
                    "NoRoute",
                    table.id,
                    f"Route table {table.id} of {mine.subnet.id} sends {part} to {route.target},"
                    f" which does not lead to {there.label} in {there.subnet.vpc_id}.",
                    f"Add a route for {there.address} to a peering connection with {there.subnet.vpc_id}.",
                )
            else:
                raise self.not_followed(route.target, part)
        if not same_subnet:
            self.cross_acl(there.subnet, "ingress", mine.address, here)
        self.enter_by_security_groups(there, mine.address, mine.groups)
        if peering:
            self.returns_by(there.subnet, peering)
        if not same_subnet:
            self.cross_acl(there.subnet, "answer out", mine.address, self.circumstances.ephemeral_ports)
            self.cross_acl(mine.subnet, "answer in", there.address, self.circumstances.ephemeral_ports)
        self.arrive(there.id, f"{there.label} in {there.subnet.id} ({there.subnet.zone})", there.subnet)

    # -- AWS services ---------------------------------------------------------------------------------

    def to_service(self, service: Service) -> None:
        """https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html"""
        vpc = self.network.vpc(self.me.subnet.vpc_id)
        host = host_of(service.name, self.network.region)
        if not vpc.dns_support:
            raise _refuse(
                "DnsUnavailable",
                vpc.id,
                f"{vpc.id} has DNS support (enableDnsSupport) off, so {host} cannot be looked up.",
                f"Turn DNS support on for {vpc.id}.",
            )
        mine = [e for e in self.network.endpoints_of(vpc.id) if e.service == service.name]
        endpoints = [e for e in mine if e.kind == "Interface"]
        endpoint = next((e for e in endpoints if e.private_dns and not e.private_dns_only_for_resolver), None)
        if endpoint is not None and vpc.dns_hostnames:
            self.by_interface_endpoint(endpoint, service, host)
            return
        self.explain_bypassed(endpoints, vpc, host)
        prefix_list = self.prefix_list_of(service.name)
        gateways = [e for e in mine if e.kind == "Gateway"]
        gateway = next((e for e in gateways if self.serves(e, prefix_list)), None)
        if gateway is not None:
            self.by_gateway_endpoint(gateway, service, prefix_list)
            return
        if gateways:
            self.notes.append(
                f"{gateways[0].id} is a gateway endpoint for {service.name}, but it is not associated with"
                f" {self.table(self.me.subnet).id}, the route table of {self.me.subnet.id}."
            )
        addresses = self.network.prefix_list(prefix_list)
        address = addresses.blocks[0].one() if addresses is not None and addresses.blocks else AWS_ADDRESS
        if self.circumstances.require_vpc_endpoints:
            raise self.endpoint_demanded(service, mine, vpc)
        self.to_addresses(address, f"{host}, by its public address", prefix_list)

    def explain_bypassed(self, endpoints: list[Endpoint], vpc: Vpc, host: str) -> None:
        for endpoint in endpoints:
            if not endpoint.private_dns:
                reason = "has private DNS off"
            elif not vpc.dns_hostnames:
                reason = f"has private DNS, which needs DNS hostnames (enableDnsHostnames), off in {vpc.id}"
            else:
                reason = "answers private DNS to resolver endpoints only"
            self.notes.append(f"{endpoint.id} {reason}: {host} is looked up as a public address and bypasses it.")

    def endpoint_demanded(self, service: Service, present: list[Endpoint], vpc: Vpc) -> _Refused:
        kind = "Gateway" if service.name in ("s3", "dynamodb") else "Interface"
        if not present:
            remedy = f"Create a VPC endpoint ({kind}) for {service.name} in {vpc.id}"
            remedy += (
                f" and associate it with {self.table(self.me.subnet).id}."
                if kind == "Gateway"
                else " in the subnets of its callers, with private DNS."
            )
        elif kind == "Gateway":
            remedy = f"Associate {present[0].id} with {self.table(self.me.subnet).id}."
        else:
            remedy = f"Turn private DNS on for {present[0].id}, and DNS hostnames for {vpc.id}."
        return _refuse(
            "VpcEndpointDemanded",
            self.table(self.me.subnet).id,
            f"From {self.me.subnet.id}, {service.name} is not called through a VPC endpoint, and the organisation admits"
            " no other way (aws:SourceVpce): a NAT or internet gateway does not do.",
            remedy,
        )

    def prefix_list_of(self, service: str) -> str:
        name = f"com.amazonaws.{self.network.region}.{service}"
        return next((p.id for p in self.network.prefix_lists if p.name == name), "")

    def serves(self, endpoint: Endpoint, prefix_list: str) -> bool:
        table = self.table(self.me.subnet)
        if table.id in endpoint.route_table_ids:
            return True
        return any(
            route.target == endpoint.id and route.destination == prefix_list and route.state == "active"
            for route in table.routes
        )

    def by_gateway_endpoint(self, endpoint: Endpoint, service: Service, prefix_list: str) -> None:
        """https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""
        addresses = self.network.prefix_list(prefix_list)
        table = self.table(self.me.subnet)
        blocks = addresses.blocks if addresses is not None and addresses.blocks else (AWS_ADDRESS,)
        self.available(endpoint, service)
        for block in blocks:
            self.leave_by_security_groups(block, (), prefix_list)
            self.cross_acl(self.me.subnet, "egress", block, (self.port, self.port))
            self.took(self.me.subnet, Route(prefix_list or service.name, endpoint.id), table)
            self.hops.append(
                Hop("vpc-endpoint", endpoint.id, f"gateway endpoint {endpoint.id} for {service.name}", "Gateway")
            )
            self.policy_admits(endpoint, service)
            self.cross_acl(self.me.subnet, "answer in", block, self.circumstances.ephemeral_ports)
            self.arrive(service.name, f"AWS service {service.name}")

    def by_interface_endpoint(self, endpoint: Endpoint, service: Service, host: str) -> None:
        """https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html"""
        self.available(endpoint, service)
        standing = [self.network.subnet(identifier) for identifier in endpoint.subnet_ids]
        alive = [subnet for subnet in standing if subnet.zone not in self.circumstances.zones_down]
        if not alive:
            where = ", ".join(sorted({subnet.zone for subnet in standing})) or "no zone at all"
            raise _refuse(
                "ZoneDown" if standing else "EndpointUnusable",
                endpoint.id,
                f"{endpoint.id} has its addresses in {where}, and none of that is up.",
                f"Give {endpoint.id} a subnet in every zone.",
            )
        if self.me.subnet.zone not in {subnet.zone for subnet in alive}:
            self.notes.append(
                f"{endpoint.id} has no address in {self.me.subnet.zone}: {self.me.subnet.id} reaches"
                f" {service.name} through another zone."
            )
        for subnet in alive:
            self.to_endpoint_address(endpoint, service, host, subnet)

    def to_endpoint_address(self, endpoint: Endpoint, service: Service, host: str, subnet: Subnet) -> None:
        there = Station.of_endpoint(self.network, endpoint, subnet)
        here = (self.port, self.port)
        self.leave_by_security_groups(there.address, there.groups)
        same_subnet = subnet.id == self.me.subnet.id
        if not same_subnet:
            self.cross_acl(self.me.subnet, "egress", there.address, here)
        for part, route, table in self.follow(self.me.subnet, there.address):
            self.took(self.me.subnet, route, table)
            if route.target != "local":
                raise self.not_followed(route.target, part)
        if not same_subnet:
            self.cross_acl(subnet, "ingress", self.me.address, here)
        self.enter_by_security_groups(there, self.me.address, self.me.groups)
        self.hops.append(
            Hop(
                "vpc-endpoint",
                endpoint.id,
                f"interface endpoint {endpoint.id} in {subnet.id} ({subnet.zone}), which {host} resolves to",
                "Interface",
                subnet_id=subnet.id,
                # The endpoint's other addresses take over when a zone is lost, so only a single address ties the path to a zone.
                zone=subnet.zone if len(endpoint.subnet_ids) == 1 else "",
            )
        )
        self.policy_admits(endpoint, service)
        if not same_subnet:
            self.cross_acl(subnet, "answer out", self.me.address, self.circumstances.ephemeral_ports)
            self.cross_acl(self.me.subnet, "answer in", there.address, self.circumstances.ephemeral_ports)
        self.arrive(service.name, f"AWS service {service.name}")

    def available(self, endpoint: Endpoint, service: Service) -> None:
        if endpoint.state.lower() != "available":
            raise _refuse(
                "EndpointUnusable",
                endpoint.id,
                f"VPC endpoint {endpoint.id} for {service.name} is {endpoint.state}.",
                "Wait until it is available, or create it anew if it failed or was rejected.",
            )

    def policy_admits(self, endpoint: Endpoint, service: Service) -> None:
        """https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"""
        if endpoint.policy is None:
            return
        for action, resource in service.calls or ((f"{action_prefix(service.name)}:*", "*"),):
            if not self.circumstances.policy_allows(endpoint.policy, action, resource):
                raise _refuse(
                    "EndpointPolicy",
                    endpoint.id,
                    f"The policy of VPC endpoint {endpoint.id} does not allow {action} on {resource}.",
                    f"Allow {action} on {resource} in the endpoint policy of {endpoint.id}.",
                )
