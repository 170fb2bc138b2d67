"""Listeners and target groups of a data plane, as immutable values that are replaced whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pushproof.emulator.kernel.tasks import HttpProbe
from pushproof.engines.listenerheaders import HeaderSettings
from pushproof.engines.loadbalancing import Rule
from pushproof.engines.tlspolicy import DEFAULT_POLICY


def balancer_prefix(port: int) -> str:
    """Return the start of the addresses of a world's load balancers: its gateway's port, part of it, separates worlds."""
    port = port or 1
    return f"127.{64 + (port >> 8) % 64}.{port & 255}."


class ListenError(Exception):
    """A listener cannot listen; the message names the address, the cause and the remedy."""


class CertificateError(Exception):
    """A certificate or its key cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in PEM: the chain with the leaf first, and the leaf's unencrypted private key."""

    arn: str
    chain: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """A listener of one load balancer.

    `protocol` is `HTTP` or `HTTPS`, and `TCP` or `TLS` of a Network Load Balancer; the first certificate is the default one.
    `rules` include the default rule. `zones` are those in which the load balancer has nodes.
    Timeouts are real seconds: real programs answer at their own speed, whatever the speed of the world's clock.
    """

    arn: str
    address: str
    port: int
    protocol: str
    rules: tuple[Rule, ...]
    certificates: tuple[Certificate, ...] = ()
    tls_policy: str = DEFAULT_POLICY
    idle_timeout: float = 60.0
    connect_timeout: float = 10.0
    client_keep_alive: float = 3600.0
    headers: HeaderSettings = field(default_factory=HeaderSettings)
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A registered target: `id` and `port` as in the API, its real address, and its target-health state.

    `refusal` is why the network lets no connection through; None if it does.
    """

    id: str
    port: int
    address: str
    address_port: int
    state: str = "healthy"
    refusal: str | None = None

    @property
    def key(self) -> str:
        """Return `10.0.0.7:8080`, as access logs show targets."""
        return f"{self.id}:{self.port}"


@dataclass(frozen=True, slots=True)
class TargetGroupSpec:
    """A target group and its targets. `protocol` is `HTTP`, `HTTPS`, `TCP` or `TLS`.

    `source_ip_stickiness` keeps a client's connections with one target by its address, in groups of TCP and TLS;
    `reset_unhealthy` resets the connections of a target that becomes unhealthy. `stickiness_seconds` keeps a client with its
    target: by the AWSALB cookie, or, with `application_cookie`, while the client also sends the cookie of this name that the
    target set.
    """

    arn: str
    targets: tuple[Target, ...]
    protocol: str = "HTTP"
    algorithm: str = "round_robin"
    stickiness_seconds: int | None = None
    application_cookie: str | None = None
    source_ip_stickiness: bool = False
    reset_unhealthy: bool = False


@dataclass(frozen=True, slots=True)
class AccessLogEntry:
    """One request, recorded at its answer: the target that served it, and the status.

    `at` is the data plane's time when the request came. `status` is what the client received (460: it left before the answer),
    `target_status` what the target answered, None if none did. `duration` is in real seconds. `error` is the reason for which the
    load balancer answered by itself.
    """

    at: float
    listener: str
    client: str
    method: str
    host: str
    path: str
    status: int
    target_group: str | None
    target: str | None
    target_status: int | None
    duration: float
    trace_id: str
    error: str | None = None


@dataclass(slots=True)
class Counted:
    """Requests of one minute through a listener to one target group; None: answered without one.

    Statuses are counted by hundreds, those of targets and the load balancer's own apart. `durations` are real seconds, of
    requests that a target answered.
    """

    minute: float
    listener: str
    target_group: str | None
    requests: int = 0
    of_targets: dict[int, int] = field(default_factory=dict)
    own: dict[int, int] = field(default_factory=dict)
    durations: list[float] = field(default_factory=list)


class DataPlane(Protocol):
    """A load balancer's data plane: real sockets, or scripted. All methods may be called from any thread."""

    def start(self) -> None: ...

    def close(self) -> None: ...

    def put_listener(self, spec: ListenerSpec) -> None:
        """Listen, or change a listener without dropping a connection. Raises ListenError, CertificateError."""

    def remove_listener(self, arn: str) -> None: ...

    def put_target_group(self, spec: TargetGroupSpec) -> None:
        """Replace a group and its targets; requests in progress stay with their target."""

    def remove_target_group(self, arn: str) -> None: ...

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        """Perform one health check; timeout in AWS seconds. Blocks."""

    def access_log(self, accepts: Callable[[AccessLogEntry], bool] | None = None) -> list[AccessLogEntry]:
        """Return the latest requests, oldest first."""

    def traffic(self, until: float) -> list[Counted]:
        """Return the requests of the minutes of AWS time that are over at `until`, once."""
