"""The faults of a world, as plain values. Their names are those of `pushproof drill --fault`, and their fields its arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


class FaultError(ValueError):
    """A fault that cannot be; the message names it, what was expected, and the next step."""


def _check_rate(name: str, rate: float) -> None:
    if not 0.0 < rate <= 1.0:
        raise FaultError(
            f"{name}: the rate is {rate:g}; expected a share of the calls above 0 and up to 1, such as 0.5"
        )


@dataclass(frozen=True, slots=True)
class ZoneLost:
    """An availability zone with everything in it: tasks, NAT gateways, endpoints, targets, nodes of load balancers."""

    name: ClassVar[str] = "zone-lost"
    zone: str

    def __post_init__(self) -> None:
        if not self.zone:
            raise FaultError(f"{self.name}: the zone is missing; name one, such as {self.name}:eu-west-1a")


@dataclass(frozen=True, slots=True)
class SpotInterruption:
    """The end of a service's Fargate Spot tasks, `count` of them or all."""

    name: ClassVar[str] = "spot-interruption"
    service: str
    count: int = 0

    def __post_init__(self) -> None:
        if not self.service:
            raise FaultError(f"{self.name}: the service is missing; name one, such as {self.name}:shop")


@dataclass(frozen=True, slots=True)
class TaskKilled:
    """The sudden end of a service's tasks, `count` of them: an essential container exits with 137."""

    name: ClassVar[str] = "task-killed"
    service: str = ""
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise FaultError(f"{self.name}: the count is {self.count}; expected 1 or more")


@dataclass(frozen=True, slots=True)
class CapacityUnavailable:
    """No Fargate capacity for new tasks: in one zone or in all, of one provider or of both."""

    name: ClassVar[str] = "capacity-unavailable"
    provider: str = ""
    zone: str = ""

    def __post_init__(self) -> None:
        if self.provider not in ("", "FARGATE", "FARGATE_SPOT"):
            raise FaultError(f"{self.name}: the provider is {self.provider!r}; expected FARGATE or FARGATE_SPOT")


@dataclass(frozen=True, slots=True)
class EcrThrottled:
    """ECR answers a share of the pulls, pushes and calls with "Rate exceeded"."""

    name: ClassVar[str] = "ecr-throttled"
    rate: float = 1.0

    def __post_init__(self) -> None:
        _check_rate(self.name, self.rate)


@dataclass(frozen=True, slots=True)
class SlowTarget:
    """Targets behind a load balancer answer later: those of one service, those that are certain tasks (by ARN), or all."""

    name: ClassVar[str] = "slow-target"
    milliseconds: float
    service: str = ""
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.milliseconds < 1e7:
            raise FaultError(f"{self.name}: {self.milliseconds:g} ms; expected more than 0, such as {self.name}:2000")


@dataclass(frozen=True, slots=True)
class DroppedConnections:
    """A share of the connections from load balancers to targets breaks off."""

    name: ClassVar[str] = "dropped-connections"
    rate: float
    service: str = ""

    def __post_init__(self) -> None:
        _check_rate(self.name, self.rate)


@dataclass(frozen=True, slots=True)
class SecretUnavailable:
    """Secrets Manager and Parameter Store fail for secrets whose name or ARN contains `secret`, or for all."""

    name: ClassVar[str] = "secret-unavailable"
    secret: str = ""


@dataclass(frozen=True, slots=True)
class DnsFails:
    """Names that contain `host` do not resolve inside of the VPC; without one, no name does."""

    name: ClassVar[str] = "dns-fails"
    host: str = ""


@dataclass(frozen=True, slots=True)
class ApiThrottled:
    """A share of the calls of a service is refused with its code for too many; only these operations of it, if any are named."""

    name: ClassVar[str] = "api-throttled"
    service: str
    rate: float = 1.0
    operations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_service(self.name, self.service)
        _check_rate(self.name, self.rate)


@dataclass(frozen=True, slots=True)
class ApiAnswersLost:
    """A share of the calls of a service is carried out, and the connection ends without an answer. `times` bounds how many."""

    name: ClassVar[str] = "api-answers-lost"
    service: str
    rate: float = 1.0
    operations: tuple[str, ...] = ()
    times: int = 0

    def __post_init__(self) -> None:
        _check_service(self.name, self.service)
        _check_rate(self.name, self.rate)


ApiFailure = Literal["throttle", "unavailable", "internal"]


@dataclass(frozen=True, slots=True)
class ApiFails:
    """A share of the calls that some roles make to a service fails, as FIS injects it. Without roles, everybody's calls do."""

    name: ClassVar[str] = "api-fails"
    service: str
    kind: ApiFailure = "internal"
    rate: float = 1.0
    operations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_service(self.name, self.service)
        _check_rate(self.name, self.rate)
        if self.kind not in ("throttle", "unavailable", "internal"):
            raise FaultError(f"{self.name}: the kind is {self.kind!r}; expected throttle, unavailable or internal")


@dataclass(frozen=True, slots=True)
class DiskFull:
    """The ephemeral storage of new tasks has no room for their images; of one service's tasks, or all."""

    name: ClassVar[str] = "disk-full"
    service: str = ""


@dataclass(frozen=True, slots=True)
class ClockSkewed:
    """The clocks of callers differ from AWS's by so many seconds: negative ones are behind."""

    name: ClassVar[str] = "clock-skewed"
    seconds: float

    def __post_init__(self) -> None:
        if not 0 < abs(self.seconds) < 1e9:
            raise FaultError(f"{self.name}: {self.seconds:g} s; expected seconds other than 0, such as {self.name}:900")


@dataclass(frozen=True, slots=True)
class SubnetsCut:
    """Tasks in some subnets reach nothing, and nothing reaches them."""

    name: ClassVar[str] = "subnets-cut"
    subnets: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.subnets:
            raise FaultError(f"{self.name}: the subnets are missing; name them, such as {self.name}:subnet-1+subnet-2")


@dataclass(frozen=True, slots=True)
class PortBlackholed:
    """Packets to a port disappear: those that come to tasks (ingress), or those that tasks send to it anywhere (egress).

    It concerns the tasks of one service, certain tasks (by ARN), or all.
    """

    name: ClassVar[str] = "port-blackholed"
    port: int
    traffic: str = "ingress"
    protocol: str = "tcp"
    service: str = ""
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.port <= 65535:
            raise FaultError(f"{self.name}: the port is {self.port}; expected 1 to 65535, such as {self.name}:8080")
        if self.traffic not in ("ingress", "egress"):
            raise FaultError(f"{self.name}: the traffic is {self.traffic!r}; expected ingress or egress")
        if self.protocol not in ("tcp", "udp"):
            raise FaultError(f"{self.name}: the protocol is {self.protocol!r}; expected tcp or udp")


@dataclass(frozen=True, slots=True)
class PacketsLost:
    """A share of the packets that tasks send disappears: of one service, of certain tasks (by ARN), or of all."""

    name: ClassVar[str] = "packets-lost"
    rate: float
    service: str = ""
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_rate(self.name, self.rate)


Momentary = SpotInterruption | TaskKilled
"""Faults that happen once, and have no end to wait for."""

Fault = (
    ZoneLost
    | SpotInterruption
    | TaskKilled
    | CapacityUnavailable
    | EcrThrottled
    | SlowTarget
    | DroppedConnections
    | SecretUnavailable
    | DnsFails
    | ApiThrottled
    | ApiAnswersLost
    | ApiFails
    | DiskFull
    | ClockSkewed
    | SubnetsCut
    | PortBlackholed
    | PacketsLost
)
KINDS: tuple[type[Fault], ...] = (
    ZoneLost,
    SpotInterruption,
    TaskKilled,
    CapacityUnavailable,
    EcrThrottled,
    SlowTarget,
    DroppedConnections,
    SecretUnavailable,
    DnsFails,
    ApiThrottled,
    ApiAnswersLost,
    ApiFails,
    DiskFull,
    ClockSkewed,
    SubnetsCut,
    PortBlackholed,
    PacketsLost,
)


def _check_service(name: str, service: str) -> None:
    if not service:
        raise FaultError(f"{name}: the service is missing; name it as boto3 does, such as {name}:ecs,0.5")
