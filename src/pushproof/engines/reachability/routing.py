"""Route tables: the route of each address, and the tier of a subnet."""

from __future__ import annotations

from typing import Literal

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.resources import Route, RouteTable
from pushproof.engines.reachability.space import ANYWHERE, Block

Tier = Literal["public", "private", "isolated"]


def split_by_route(network: Network, table: RouteTable, destination: Block) -> list[tuple[Block, Route | None]]:
    """Divide a block by the route of each part, longest prefix first; None where there is no route.

    A blackhole route still matches its traffic.
    https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
    """
    parts: list[tuple[Block, Route | None]] = []
    remaining: list[Block] = [destination]
    for block, route in network.routes_by_priority(table.id):
        if not any(part.meets(block) for part in remaining):
            continue
        rest: list[Block] = []
        for part in remaining:
            shared = part.common(block)
            if shared is None:
                rest.append(part)
                continue
            parts.append((shared, route))
            rest.extend(part.without(block))
        remaining = rest
        if not remaining:
            break
    return parts + [(part, None) for part in remaining]


def default_routes(network: Network, subnet_id: str) -> tuple[Route, ...]:
    """The routes of a subnet to everywhere (``0.0.0.0/0``, ``::/0``), as its effective table has them."""
    table = network.table_of(subnet_id)
    if table is None:
        return ()
    return tuple(route for route in table.routes if route.destination in (ANYWHERE[4], ANYWHERE[6]))


def tier_of(network: Network, subnet_id: str) -> Tier:
    """Return a subnet's tier by its effective routes; its name does not matter.

    ``public`` when any route leads to an internet gateway, ``private`` when its default route leads elsewhere
    (NAT gateway, transit gateway, appliance), ``isolated`` when it has no default route.
    https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html#subnet-types
    """
    table = network.table_of(subnet_id)
    if table is not None and any(route.target.startswith("igw-") for route in table.routes):
        return "public"
    return "private" if default_routes(network, subnet_id) else "isolated"
