"""Reachability in a VPC: the path from a source to a target hop by hop, or the first hop that refuses.

`reach` answers one question about a `Network`, `open_ports` one for every port, `open_outwards` one for every public address;
`exposures` lists the ways in from the internet; `from_describe` reads a network out of EC2's answers. IPv4 paths are followed end
to end. IPv6 is followed to and from the internet. Transit gateways, virtual appliances and VPN are named, not followed.
"""

from __future__ import annotations

from pushproof.engines.reachability.describe import from_describe
from pushproof.engines.reachability.exposure import Exposure, exposures
from pushproof.engines.reachability.model import Network, UnknownResource
from pushproof.engines.reachability.outwards import OpenBlock, open_outwards
from pushproof.engines.reachability.ports import OpenPorts, open_ports, without_address
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
    PolicyAllows,
    Refusal,
    Service,
)
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
from pushproof.engines.reachability.routing import default_routes, split_by_route, tier_of
from pushproof.engines.reachability.services import host_of, layer_bucket, plainly_allows, task_calls
from pushproof.engines.reachability.space import ALL_PORTS, ANYWHERE, NEVER_PUBLIC, Area, Block, NetworkModelError
from pushproof.engines.reachability.walk import reach

__all__ = [
    "ALL_PORTS",
    "ANYWHERE",
    "NEVER_PUBLIC",
    "ORDINARY",
    "AclEntry",
    "Answer",
    "Area",
    "Block",
    "Cidr",
    "Circumstances",
    "Endpoint",
    "Eni",
    "Exposure",
    "Group",
    "Hop",
    "Interface",
    "Internet",
    "InternetGateway",
    "NatGateway",
    "Network",
    "NetworkAcl",
    "NetworkModelError",
    "OpenBlock",
    "OpenPorts",
    "Peering",
    "Place",
    "PolicyAllows",
    "PrefixList",
    "Refusal",
    "Route",
    "RouteTable",
    "Rule",
    "SecurityGroup",
    "Service",
    "Subnet",
    "UnknownResource",
    "Vpc",
    "default_routes",
    "exposures",
    "from_describe",
    "host_of",
    "layer_bucket",
    "open_outwards",
    "open_ports",
    "plainly_allows",
    "reach",
    "split_by_route",
    "task_calls",
    "tier_of",
    "without_address",
]
