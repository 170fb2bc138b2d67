"""Records of the load balancing service: load balancers, listeners, rules, target groups, targets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.loop import Timer
from pushproof.engines.deployment.target_health import TargetHealth
from pushproof.engines.reachability import Place

if TYPE_CHECKING:
    from types_boto3_elbv2.literals import (
        IpAddressTypeType,
        LoadBalancerSchemeEnumType,
        ProtocolEnumType,
        TargetGroupIpAddressTypeEnumType,
        TargetTypeEnumType,
    )
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef, RuleConditionOutputTypeDef


def unique() -> str:
    """Return the sixteen hexadecimal digits that end an ARN."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class LoadBalancer:
    """A load balancer.

    `zones` maps subnet id to zone name, `interfaces` to network interface id, `addresses` to the allocation of an Elastic IP.
    """

    arn: str
    name: str
    region: str
    scheme: LoadBalancerSchemeEnumType
    vpc_id: str
    address: str
    created_at: float
    security_groups: list[str]
    ip_address_type: IpAddressTypeType
    zones: dict[str, str]
    attributes: dict[str, str]
    interfaces: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    capacity_units: int | None = None
    capacity_modified_at: float | None = None

    @property
    def path(self) -> str:
        """Return `app/<name>/<id>` or `net/…`, as in ARNs of listeners and descriptions of network interfaces."""
        return self.arn.partition(":loadbalancer/")[2]

    @property
    def network(self) -> bool:
        """True for a Network Load Balancer."""
        return self.path.startswith("net/")


@dataclass(slots=True)
class Rule:
    """A listener rule; `priority` None marks the default rule. Conditions and actions are in the API's shape."""

    arn: str
    priority: int | None
    conditions: list[RuleConditionOutputTypeDef]
    actions: list[ActionOutputTypeDef]


@dataclass(slots=True)
class Listener:
    """A listener; `certificates` are ARNs, the default one first."""

    arn: str
    load_balancer_arn: str
    protocol: ProtocolEnumType
    port: int
    rules: list[Rule]
    attributes: dict[str, str]
    ssl_policy: str | None = None
    certificates: list[str] = field(default_factory=list)

    @property
    def default_rule(self) -> Rule:
        return next(rule for rule in self.rules if rule.priority is None)


@dataclass(frozen=True, slots=True)
class PathQuestion:
    """A path to judge, as values: `sources` are the nodes, `address` the target's."""

    region: str
    vpc_id: str
    sources: tuple[Place, ...]
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """The answer to a question while the network is as in `epoch`. `refusal` None: the target is reached."""

    question: PathQuestion
    epoch: str
    refusal: str | None


@dataclass(slots=True)
class RegisteredTarget:
    """A target in its group. `address` is where its port really answers; `zone` is the registered one; `since` when checks began.

    Registering a target again creates a new record; results of probes of the old one are dropped. `path` is the latest judgement
    on the network path to the port that health checks use.
    """

    id: str
    port: int
    address: str
    health: TargetHealth
    zone: str | None = None
    since: float = 0.0
    timer: Timer | None = None
    path: PathAnswer | None = None

    @property
    def key(self) -> tuple[str, int]:
        return (self.id, self.port)

    @property
    def refusal(self) -> str | None:
        """Return the reason why no request of the load balancer reaches this target; None if requests do."""
        return self.path.refusal if self.path is not None else None


@dataclass(slots=True)
class TargetGroup:
    """A target group. Health check times in seconds."""

    arn: str
    name: str
    region: str
    target_type: TargetTypeEnumType
    protocol: ProtocolEnumType
    port: int
    vpc_id: str
    ip_address_type: TargetGroupIpAddressTypeEnumType
    attributes: dict[str, str]
    check_protocol: ProtocolEnumType
    check_port: str
    check_path: str
    check_interval: int
    check_timeout: int
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str
    targets: dict[tuple[str, int], RegisteredTarget] = field(default_factory=dict)
    protocol_version: str = "HTTP1"
