"""The load balancing service's state, and its way to the data plane."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NotRequired, TypedDict, TypeVar

from pushproof.emulator.kernel.balancing import (
    CertificateError,
    DataPlane,
    ListenError,
    ListenerSpec,
    Target,
    TargetGroupSpec,
    balancer_prefix,
)
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import page_of
from pushproof.emulator.kernel.tasks import TargetProber
from pushproof.emulator.services import Service
from pushproof.emulator.services.elbv2 import actions, attributes
from pushproof.emulator.services.elbv2.certificates import Certificates
from pushproof.emulator.services.elbv2.health import HealthMonitor
from pushproof.emulator.services.elbv2.model import Listener, LoadBalancer, Rule, TargetGroup
from pushproof.emulator.services.elbv2.paths import TargetPaths
from pushproof.engines.tlspolicy import DEFAULT_POLICY

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef

    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")

# AWS takes about two minutes to provision a load balancer; in AWS seconds.
PROVISIONING = 120.0
PAGE = 400


class Store(Service):
    """State by ARN, and the methods that all operations share."""

    def __init__(self, site: Site, name: str, *, plane: DataPlane, prober: TargetProber) -> None:
        super().__init__(site, name)
        self.plane = plane
        self._prober = prober
        self._numbers = itertools.count(1)
        self.balancers: dict[str, LoadBalancer] = {}
        self.groups: dict[str, TargetGroup] = {}
        self.listeners: dict[str, Listener] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.certificates = Certificates(site)
        paths = TargetPaths(site, lambda group: [self.balancers[arn] for arn in self.using(group.arn)])
        self.health = HealthMonitor(site, prober, self.publish_group, paths)
        site.paths.follow(self._review_paths)

    # The data plane.

    def loopback_address(self) -> str:
        """Return an unused address of 127.0.0.0/8 for a load balancer."""
        return f"{balancer_prefix(self.site.endpoint.port)}{next(self._numbers) + 1}"

    def publish(self) -> None:
        """Send everything to the data plane, in a world that continues a kept one."""
        for group in self.groups.values():
            self.publish_group(group)
        for listener in self.listeners.values():
            self.publish_listener(listener)

    def publish_group(self, group: TargetGroup) -> None:
        """Send a group's current targets to the data plane."""
        targets = tuple(
            Target(target.id, target.port, target.address, target.port, target.health.state, target.refusal)
            for target in group.targets.values()
        )
        if group.protocol in ("TCP", "TLS"):
            self.plane.put_target_group(
                TargetGroupSpec(
                    group.arn,
                    targets,
                    group.protocol,
                    source_ip_stickiness=group.attributes["stickiness.enabled"] == "true",
                    reset_unhealthy=group.attributes["target_health_state.unhealthy.connection_termination.enabled"]
                    == "true",
                )
            )
            return
        by_application = group.attributes["stickiness.type"] == "app_cookie"
        cookie = "app_cookie" if by_application else "lb_cookie"
        sticky = group.attributes["stickiness.enabled"] == "true"
        self.plane.put_target_group(
            TargetGroupSpec(
                group.arn,
                targets,
                group.protocol,
                group.attributes["load_balancing.algorithm.type"],
                int(group.attributes[f"stickiness.{cookie}.duration_seconds"]) if sticky else None,
                group.attributes["stickiness.app_cookie.cookie_name"] if sticky and by_application else None,
            )
        )

    def _review_paths(self) -> None:
        self.health.review_paths(lambda: list(self.groups.values()))

    def publish_listener(self, listener: Listener) -> None:
        """Make the data plane listen as a listener specifies. Raises AwsError when it cannot."""
        balancer = self.balancers[listener.load_balancer_arn]
        spec = ListenerSpec(
            listener.arn,
            balancer.address,
            listener.port,
            listener.protocol,
            tuple(actions.engine_rule(rule) for rule in listener.rules),
            tuple(self.certificates.find(arn) for arn in listener.certificates),
            listener.ssl_policy or DEFAULT_POLICY,
            zones=tuple(sorted(set(balancer.zones.values()))),
        )
        if balancer.network:
            spec = replace(spec, idle_timeout=float(listener.attributes.get("tcp.idle_timeout.seconds", "350")))
        else:
            spec = replace(
                spec,
                idle_timeout=float(balancer.attributes["idle_timeout.timeout_seconds"]),
                client_keep_alive=float(balancer.attributes["client_keep_alive.seconds"]),
                headers=attributes.header_settings(listener.attributes, balancer.attributes),
            )
        try:
            self.plane.put_listener(spec)
        except ListenError as error:
            raise AwsError(
                "InvalidConfigurationRequest", f"The listener cannot listen on this machine: {error}"
            ) from error
        except CertificateError as error:
            raise AwsError("UnsupportedCertificate", str(error)) from error

    def doors(self) -> tuple[tuple[str, int], ...]:
        """Return the address and port of every listener."""
        with self.site.loop.lock:
            return tuple(
                (self.balancers[listener.load_balancer_arn].address, listener.port)
                for listener in self.listeners.values()
                if listener.load_balancer_arn in self.balancers
            )

    def using(self, group_arn: str) -> list[str]:
        """Return ARNs of the load balancers with a rule that forwards to the group."""
        return list(
            dict.fromkeys(
                listener.load_balancer_arn
                for listener in self.listeners.values()
                for rule in listener.rules
                if group_arn in actions.target_groups_of(rule.actions)
            )
        )

    def check_groups(self, balancer: LoadBalancer, requested: list[ActionOutputTypeDef]) -> None:
        """Raise AwsError unless a listener of the load balancer may forward to the groups of these actions."""
        for arn in actions.target_groups_of(requested):
            group = self.group(arn)
            if group.vpc_id != balancer.vpc_id:
                raise AwsError(
                    "InvalidConfigurationRequest",
                    f"The target group with targetGroupARN '{arn}' is not in the same VPC as the load balancer "
                    f"'{balancer.arn}'",
                )
            if any(other != balancer.arn for other in self.using(arn)):
                raise AwsError(
                    "TargetGroupAssociationLimit",
                    f"The following target groups cannot be associated with more than one load balancer: {arn}",
                )

    def leave(self, before: set[str]) -> None:
        """Put groups out of use that were in use before (see `in_use`) and no longer are."""
        for arn in before - self.in_use():
            if arn in self.groups:
                self.health.put_out_of_use(self.groups[arn])

    def in_use(self) -> set[str]:
        """Return ARNs of the groups that some rule forwards to."""
        return {
            arn
            for listener in self.listeners.values()
            for rule in listener.rules
            for arn in actions.target_groups_of(rule.actions)
        }

    # Look-ups.

    def balancer(self, arn: str) -> LoadBalancer:
        if arn not in self.balancers:
            raise AwsError("LoadBalancerNotFound", f"Load balancer '{arn}' not found")
        return self.balancers[arn]

    def group(self, arn: str) -> TargetGroup:
        if arn not in self.groups:
            raise AwsError("TargetGroupNotFound", f"Target group '{arn}' not found")
        return self.groups[arn]

    def listener(self, arn: str) -> Listener:
        if arn not in self.listeners:
            raise AwsError("ListenerNotFound", f"Listener '{arn}' not found")
        return self.listeners[arn]

    def rule(self, arn: str) -> tuple[Listener, Rule]:
        for listener in self.listeners.values():
            for rule in listener.rules:
                if rule.arn == arn:
                    return listener, rule
        raise AwsError("RuleNotFound", f"Rule '{arn}' not found")

    def close(self) -> None:
        """End health checks; the world closes the data plane itself."""
        self.health.close()


class Paged(TypedDict):
    """A request for a page."""

    Marker: NotRequired[str]
    PageSize: NotRequired[int]


class More(TypedDict, total=False):
    """The marker of the next page in an answer; empty on the last page."""

    NextMarker: str


def page(request: Paged, items: Iterable[T]) -> tuple[list[T], More]:
    """Return one page of items, and the marker of the next."""
    refusal = AwsError("ValidationError", f"Marker '{request.get('Marker')}' is not valid")
    chosen, marker = page_of(items, request.get("Marker"), refusal, size=request.get("PageSize"), default=PAGE)
    return chosen, {"NextMarker": marker} if marker else {}
