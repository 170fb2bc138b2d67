"""Reading a `Network` from the answers of EC2's describe operations: dictionaries in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.resources import (
    AclEntry,
    Endpoint,
    Interface,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    Peering,
    PrefixList,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
    Vpc,
)
from pushproof.engines.reachability.rules import protocol_name
from pushproof.engines.reachability.space import ALL_PORTS, Block, NetworkModelError

Described = Mapping[str, Any]

_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "VpcPeeringConnectionId",
    "TransitGatewayId",
    "EgressOnlyInternetGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
)


def from_describe(described: Described, *, region: str = "us-east-1") -> Network:
    """Build the model of a network.

    Args:
        described: EC2's answers merged by their top-level keys, each a list of structures as boto3 returns them:
            ``Vpcs``, ``Subnets``, ``RouteTables``, ``InternetGateways``, ``EgressOnlyInternetGateways``,
            ``NatGateways``, ``VpcEndpoints``, ``VpcPeeringConnections``, ``SecurityGroups``, ``NetworkAcls``,
            ``NetworkInterfaces``, ``PrefixLists`` (of DescribePrefixLists or DescribeManagedPrefixLists).
            Two keys gather answers that EC2 gives one resource at a time: ``VpcAttributes`` maps a VPC id to
            ``{"EnableDnsSupport": {"Value": …}, "EnableDnsHostnames": {"Value": …}}``, and ``PrefixListEntries``
            maps a prefix list id to ``[{"Cidr": …}]``. A key left out means there are none.
        region: The region, for the names of services.

    Raises:
        NetworkModelError: a structure lacks a member or holds a value that cannot be read; the text names it.
    """
    attributes = _mapping(described, "VpcAttributes")
    entries = _mapping(described, "PrefixListEntries")
    return Network(
        vpcs=_each(described, "Vpcs", lambda raw: _vpc(raw, attributes)),
        subnets=_each(described, "Subnets", _subnet),
        route_tables=_each(described, "RouteTables", _table),
        internet_gateways=(
            *_each(described, "InternetGateways", lambda raw: _internet_gateway(raw, "InternetGatewayId")),
            *_each(
                described,
                "EgressOnlyInternetGateways",
                lambda raw: _internet_gateway(raw, "EgressOnlyInternetGatewayId"),
            ),
        ),
        nat_gateways=_each(described, "NatGateways", _nat_gateway),
        endpoints=_each(described, "VpcEndpoints", _endpoint),
        peerings=_each(described, "VpcPeeringConnections", _peering),
        security_groups=_each(described, "SecurityGroups", _security_group),
        network_acls=_each(described, "NetworkAcls", _network_acl),
        interfaces=_each(described, "NetworkInterfaces", _interface),
        prefix_lists=_each(described, "PrefixLists", lambda raw: _prefix_list(raw, entries)),
        region=region,
    )


def _mapping(described: Described, key: str) -> Mapping[str, Any]:
    mapping = described.get(key) or {}
    if not isinstance(mapping, Mapping):
        raise NetworkModelError(f"{key} is {mapping!r}: expected a mapping by id")
    return mapping


def _each(described: Described, key: str, read: Any) -> tuple[Any, ...]:
    values = []
    listed = described.get(key) or ()
    if not isinstance(listed, list | tuple):
        raise NetworkModelError(f"{key} is {listed!r}: expected the list that EC2's describe operation returns")
    for position, raw in enumerate(listed):
        try:
            values.append(_named(read(raw)))
        except KeyError as missing:
            raise NetworkModelError(
                f"{key}[{position}] has no member {missing}: give the structure as EC2's describe operation returns it"
            ) from missing
        except (NetworkModelError, TypeError, AttributeError, ValueError) as problem:
            raise NetworkModelError(f"{key}[{position}] cannot be read: {problem}") from problem
    return tuple(values)


_TEXTS = ("id", "zone", "target", "state", "service_name", "protocol", "destination", "name", "kind", "description")


def _named(value: Any) -> Any:
    """Check that every id, state and name is text."""
    for field in fields(value):
        content = getattr(value, field.name)
        if isinstance(content, tuple):
            if field.name.endswith("_ids") and not all(isinstance(item, str) for item in content):
                raise NetworkModelError(f"{field.name} are {content!r}: expected ids")
            for item in content:
                if is_dataclass(item):
                    _named(item)
        elif content is None and field.name == "subnet_id":
            continue
        elif field.name.endswith(_TEXTS) and not isinstance(content, str | Block):
            raise NetworkModelError(f"{field.name} is {content!r}: expected text")
    return value


def _blocks(raw: Iterable[Mapping[str, Any]] | None, *members: str) -> tuple[Block, ...]:
    return tuple(Block.parse(entry[member]) for entry in raw or () for member in members if entry.get(member))


def _vpc(raw: Described, attributes: Mapping[str, Any]) -> Vpc:
    settings = attributes.get(raw["VpcId"], {})
    states = ("associated", "associating")
    associations = [
        entry
        for entry in raw.get("CidrBlockAssociationSet") or ()
        if entry.get("CidrBlockState", {}).get("State", "associated") in states
    ]
    six = [
        entry
        for entry in raw.get("Ipv6CidrBlockAssociationSet") or ()
        if entry.get("Ipv6CidrBlockState", {}).get("State", "associated") in states
    ]
    blocks = _blocks(associations, "CidrBlock") or (Block.parse(raw["CidrBlock"]),)
    return Vpc(
        raw["VpcId"],
        blocks + _blocks(six, "Ipv6CidrBlock"),
        dns_support=settings.get("EnableDnsSupport", {}).get("Value", True),
        dns_hostnames=settings.get("EnableDnsHostnames", {}).get("Value", False),
    )


def _subnet(raw: Described) -> Subnet:
    return Subnet(
        raw["SubnetId"],
        raw["VpcId"],
        raw["AvailabilityZone"],
        Block.parse(raw["CidrBlock"]),
        _blocks(raw.get("Ipv6CidrBlockAssociationSet"), "Ipv6CidrBlock"),
        bool(raw.get("MapPublicIpOnLaunch", False)),
    )


def _table(raw: Described) -> RouteTable:
    associations = [
        entry
        for entry in raw.get("Associations") or ()
        if entry.get("AssociationState", {}).get("State", "associated") in ("associated", "associating")
    ]
    return RouteTable(
        raw["RouteTableId"],
        raw["VpcId"],
        tuple(route for entry in raw.get("Routes") or () if (route := _route(entry)) is not None),
        tuple(entry["SubnetId"] for entry in associations if entry.get("SubnetId")),
        any(entry.get("Main") for entry in associations),
    )


def _route(raw: Described) -> Route | None:
    target = next((raw[member] for member in _TARGETS if raw.get(member)), "")
    to = raw.get("DestinationCidrBlock") or raw.get("DestinationIpv6CidrBlock")
    destination: Block | str = Block.parse(to) if to else raw.get("DestinationPrefixListId", "")
    if not destination:
        return None
    state = "blackhole" if raw.get("State") == "blackhole" or not target else "active"
    propagated = raw.get("Origin") == "EnableVgwRoutePropagation"
    return Route(destination, target or "nothing", "blackhole" if state == "blackhole" else "active", propagated)


def _internet_gateway(raw: Described, member: str) -> InternetGateway:
    attached = tuple(
        entry["VpcId"]
        for entry in raw.get("Attachments") or ()
        if entry.get("State", "available") in ("available", "attached", "attaching")
    )
    return InternetGateway(raw[member], attached, egress_only=member.startswith("EgressOnly"))


def _nat_gateway(raw: Described) -> NatGateway:
    addresses = raw.get("NatGatewayAddresses") or ()
    private, public = _blocks(addresses, "PrivateIp"), _blocks(addresses, "PublicIp")
    regional = raw.get("AvailabilityMode") == "regional"
    return NatGateway(
        raw["NatGatewayId"],
        raw["VpcId"],
        None if regional else raw["SubnetId"],
        raw.get("State", "available"),
        "private" if raw.get("ConnectivityType") == "private" else "public",
        private[0] if private else None,
        public[0] if public else None,
    )


def _endpoint(raw: Described) -> Endpoint:
    kind: Any = raw.get("VpcEndpointType") or "Gateway"
    options = raw.get("DnsOptions") or {}
    return Endpoint(
        raw["VpcEndpointId"],
        raw["VpcId"],
        raw["ServiceName"],
        kind,
        raw.get("State", "available"),
        tuple(raw.get("RouteTableIds") or ()),
        tuple(raw.get("SubnetIds") or ()),
        tuple(group["GroupId"] for group in raw.get("Groups") or ()),
        tuple(raw.get("NetworkInterfaceIds") or ()),
        private_dns=kind == "Interface" and bool(raw.get("PrivateDnsEnabled", False)),
        private_dns_only_for_resolver=bool(options.get("PrivateDnsOnlyForInboundResolverEndpoint", False)),
        policy=raw.get("PolicyDocument") or None,
    )


def _peering(raw: Described) -> Peering:
    return Peering(
        raw["VpcPeeringConnectionId"],
        (raw["RequesterVpcInfo"]["VpcId"], raw["AccepterVpcInfo"]["VpcId"]),
        raw.get("Status", {}).get("Code", "active"),
    )


def _security_group(raw: Described) -> SecurityGroup:
    return SecurityGroup(
        raw["GroupId"],
        raw.get("VpcId", ""),
        tuple(_rule(entry) for entry in raw.get("IpPermissions") or ()),
        tuple(_rule(entry) for entry in raw.get("IpPermissionsEgress") or ()),
        raw.get("GroupName", ""),
    )


def _rule(raw: Described) -> Rule:
    protocol = protocol_name(raw.get("IpProtocol", "-1"))
    low, high = raw.get("FromPort"), raw.get("ToPort")
    ports = ALL_PORTS
    if protocol in ("tcp", "udp") and low is not None and high is not None and low >= 0:
        ports = (int(low), int(high))
    return Rule(
        protocol,
        ports,
        _blocks(raw.get("IpRanges"), "CidrIp") + _blocks(raw.get("Ipv6Ranges"), "CidrIpv6"),
        tuple(pair["GroupId"] for pair in raw.get("UserIdGroupPairs") or () if pair.get("GroupId")),
        tuple(entry["PrefixListId"] for entry in raw.get("PrefixListIds") or ()),
    )


def _network_acl(raw: Described) -> NetworkAcl:
    return NetworkAcl(
        raw["NetworkAclId"],
        raw["VpcId"],
        tuple(_acl_entry(entry) for entry in raw.get("Entries") or ()),
        tuple(entry["SubnetId"] for entry in raw.get("Associations") or ()),
        bool(raw.get("IsDefault", False)),
    )


def _acl_entry(raw: Described) -> AclEntry:
    protocol = protocol_name(raw.get("Protocol", "-1"))
    span = raw.get("PortRange") or {}
    ports = ALL_PORTS
    if protocol in ("tcp", "udp") and "From" in span:
        ports = (int(span["From"]), int(span["To"]))
    return AclEntry(
        int(raw["RuleNumber"]),
        bool(raw["Egress"]),
        raw["RuleAction"] == "allow",
        protocol,
        Block.parse(raw.get("CidrBlock") or raw["Ipv6CidrBlock"]),
        ports,
    )


def _interface(raw: Described) -> Interface:
    addresses = _blocks(raw.get("PrivateIpAddresses"), "PrivateIpAddress")
    if not addresses and raw.get("PrivateIpAddress"):
        addresses = (Block.parse(raw["PrivateIpAddress"]),)
    public = (raw.get("Association") or {}).get("PublicIp")
    return Interface(
        raw["NetworkInterfaceId"],
        raw["SubnetId"],
        addresses + _blocks(raw.get("Ipv6Addresses"), "Ipv6Address"),
        tuple(group["GroupId"] for group in raw.get("Groups") or ()),
        Block.parse(public) if public else None,
        raw.get("Description", ""),
    )


def _prefix_list(raw: Described, entries: Mapping[str, Any]) -> PrefixList:
    spelled = tuple(Block.parse(text) for text in raw.get("Cidrs") or ())
    return PrefixList(
        raw["PrefixListId"],
        raw.get("PrefixListName", ""),
        spelled or _blocks(entries.get(raw["PrefixListId"]), "Cidr"),
    )
