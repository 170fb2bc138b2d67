"""The network path from a load balancer's nodes to a target: security groups, network ACLs and zones decide.

A node is a network interface in a subnet of the load balancer, with the load balancer's security groups. It may have any address of
its subnet, so that a rule by address has to admit the whole subnet.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pushproof.emulator.services.elbv2.model import (
    LoadBalancer,
    PathAnswer,
    PathQuestion,
    RegisteredTarget,
    TargetGroup,
)
from pushproof.engines.reachability import Place

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site


class TargetPaths:
    """Judges paths, and does so once while neither the question nor the network changes.

    Targets without a network interface of this account (addresses of another network, instances) are not judged.
    """

    def __init__(self, site: Site, balancers: Callable[[TargetGroup], list[LoadBalancer]]) -> None:
        self._site = site
        self._balancers = balancers

    def question(self, group: TargetGroup, target: RegisteredTarget, port: int) -> PathQuestion | None:
        """Return the path to a target's port; None where none is judged. Call it under the world's lock."""
        if group.target_type != "ip" or not self._site.settings.enforce_network:
            return None
        nodes = [
            Place(subnet, tuple(balancer.security_groups), unguarded=not balancer.security_groups)
            for balancer in self._balancers(group)
            for subnet, zone in sorted(balancer.zones.items())
            if _crosses_zones(group, balancer) or target.zone in (None, "all", zone)
        ]
        return PathQuestion(group.region, group.vpc_id, tuple(nodes), target.id, port) if nodes else None

    def answer(self, question: PathQuestion | None, known: PathAnswer | None) -> PathAnswer | None:
        """Judge a path, unless `known` answers the question already. Call it off the lock: it reads EC2."""
        paths = self._site.paths
        if question is None:
            return None
        epoch = paths.epoch
        if known is not None and (known.question, known.epoch) == (question, epoch):
            return known
        region, vpc = question.region, question.vpc_id
        place = paths.place_of(region=region, vpc_id=vpc, address=question.address)
        if place is None:
            return PathAnswer(question, epoch, None)
        refusal = paths.between(region=region, vpc_id=vpc, sources=question.sources, target=place, port=question.port)
        return PathAnswer(question, epoch, refusal)


def _crosses_zones(group: TargetGroup, balancer: LoadBalancer) -> bool:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html"""
    setting = group.attributes.get("load_balancing.cross_zone.enabled", "use_load_balancer_configuration")
    if setting == "use_load_balancer_configuration":
        setting = balancer.attributes.get("load_balancing.cross_zone.enabled", "true")
    return setting == "true"
