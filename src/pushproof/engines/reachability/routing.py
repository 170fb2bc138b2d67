"""Route tables: which route takes which addresses, and what kind of subnet a table makes."""

from __future__ import annotations

from typing import Literal

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.resources import Route, RouteTable
from pushproof.engines.reachability.space import ANYWHERE, Block

Tier = Literal["public", "private", "isolated"]


def split_by_route(network: Network, table: RouteTable, wanted: Block) -> list[tuple[Block, Route | None]]:
    """Divide a block by the route each part takes, longest prefix first; None where there is no route.

    A blackhole route still takes its traffic.
    https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
    """
    taken: list[tuple[Block, Route | None]] = []
    left: list[Block] = [wanted]
    for block, route in network.routes_by_priority(table.id):
        if not any(part.meets(block) for part in left):
            continue
        rest: list[Block] = []
        for part in left:
            shared = part.common(block)
            if shared is None:
                rest.append(part)
                continue
            taken.append((shared, route))
            rest.extend(part.without(block))
        left = rest
        if not left:
            break
    return taken + [(part, None) for part in left]


def default_routes(network: Network, subnet_id: str) -> tuple[Route, ...]:
    """The routes of a subnet to everywhere (``0.0.0.0/0``, ``::/0``), as its effective table has them."""
    table = network.table_of(subnet_id)
    if table is None:
        return ()
    return tuple(route for route in table.routes if route.destination in (ANYWHERE[4], ANYWHERE[6]))


def tier_of(network: Network, subnet_id: str) -> Tier:
    """Return a subnet's tier by its effective routes, whatever its name says.

    ``public`` when any route leads to an internet gateway, ``private`` when its default route leads elsewhere
    (NAT gateway, transit gateway, appliance), ``isolated`` when it has no default route.
    https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html#subnet-types
    """
    table = network.table_of(subnet_id)
    if table is not None and any(route.target.startswith("igw-") for route in table.routes):
        return "public"
    return "private" if default_routes(network, subnet_id) else "isolated"
