"""The networks of a run: the picture of each VPC, and where its tasks reach what, whichever zone is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pushproof.engines.reachability import (
    Circumstances,
    Internet,
    NetworkModelError,
    Place,
    Service,
    from_describe,
    reach,
    task_calls,
    tier_of,
)
from pushproof.engines.reachability import (
    Network as Model,
)
from pushproof.record.model import Gateway, Network, Reach, RouteEntry, Subnet, VpcEndpoint

Answer = Mapping[str, Any]

#: The destinations of every task: what it is pulled from and writes to, and the internet.
DESTINATIONS = ("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager", "internet")


def networks(vpcs: Mapping[str, Answer], services: Mapping[str, Answer]) -> Iterator[Network]:
    """Yield each VPC in which a service has subnets."""
    for vpc, read in vpcs.items():
        described, region = read["described"], str(read["region"])
        try:
            model = from_describe(described, region=region)
        except NetworkModelError:
            continue
        names = {subnet["SubnetId"]: _name(subnet) for subnet in described.get("Subnets", ())}
        own = model.subnets_of(vpc)
        yield Network(
            vpc=vpc,
            cidr=", ".join(map(str, model.vpc(vpc).blocks)),
            region=region,
            subnets=tuple(
                _subnet(model, subnet.id, names.get(subnet.id, ""))
                for subnet in sorted(own, key=lambda s: (s.zone, s.id))
            ),
            gateways=tuple(_gateways(model, vpc)),
            endpoints=tuple(
                VpcEndpoint(id=e.id, service=e.service, kind=e.kind, subnets=e.subnet_ids)
                for e in sorted(model.endpoints_of(vpc), key=lambda e: e.service)
            ),
            reach=tuple(_reaches(model, list(_places(services, {subnet.id for subnet in own})))),
        )


def _subnet(model: Model, identifier: str, name: str) -> Subnet:
    subnet, table = model.subnet(identifier), model.table_of(identifier)
    return Subnet(
        id=subnet.id,
        name=name,
        zone=subnet.zone,
        cidr=str(subnet.block),
        tier=tier_of(model, subnet.id),
        route_table=table.id if table is not None else "",
        routes=tuple(
            RouteEntry(destination=route.to, target=route.target) for route in (table.routes if table else ())
        ),
    )


def _gateways(model: Model, vpc: str) -> Iterator[Gateway]:
    subnets = {subnet.id: subnet.zone for subnet in model.subnets_of(vpc)}
    for gateway in model.internet_gateways:
        if vpc in gateway.vpc_ids:
            yield Gateway(id=gateway.id, kind="internet", subnet="", zone="")
    for nat in model.nat_gateways:
        if nat.vpc_id == vpc:
            subnet = nat.subnet_id or ""
            yield Gateway(id=nat.id, kind="nat", subnet=subnet, zone=subnets.get(subnet, ""))


def _places(services: Mapping[str, Answer], subnets: set[str]) -> Iterator[Place]:
    places: dict[str, Place] = {}
    for service in services.values():
        wired = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        for subnet in wired.get("subnets", ()):
            if subnet in subnets:
                public = wired.get("assignPublicIp") == "ENABLED"
                places[subnet] = Place(subnet, tuple(wired.get("securityGroups", ())), public_ip=public)
    yield from (places[subnet] for subnet in sorted(places))


def _reaches(model: Model, places: list[Place]) -> Iterator[Reach]:
    zones = sorted({model.subnet(place.subnet_id).zone for place in places})
    for lost in ("", *zones):
        circumstances = Circumstances(zones_down=frozenset({lost} - {""}))
        for place in places:
            zone = model.subnet(place.subnet_id).zone
            if zone == lost:
                continue
            for destination in DESTINATIONS:
                target = (
                    Internet()
                    if destination == "internet"
                    else Service(destination, task_calls(destination, model.region))
                )
                way: tuple[str, ...] = ()
                try:
                    answer = reach(model, place, target, circumstances=circumstances)
                except NetworkModelError as error:
                    why, reached = str(error), False
                else:
                    reached = bool(answer)
                    why = "" if answer.refusal is None else answer.refusal.why
                    way = tuple(dict.fromkeys(
                        hop.id for hop in answer.hops if hop.kind in ("nat-gateway", "internet-gateway", "vpc-endpoint")
                    ))  # fmt: skip
                yield Reach(
                    subnet=place.subnet_id, zone=zone, destination=destination, lost=lost, reached=reached, way=way, why=why
                )  # fmt: skip


def _name(described: Answer) -> str:
    return next((str(tag["Value"]) for tag in described.get("Tags", ()) if tag.get("Key") == "Name"), "")
