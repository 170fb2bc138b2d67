"""Sockets between the parts of a world: each neighbour's methods, by name and type.

A part gets a `Site`, and the neighbours it needs besides, in its constructor; it never sees the world that put it together. The
protocols here are the sockets: a method renamed on one side is a type error on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypedDict

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.base.clock import Clock
from pushproof.emulator.kernel.awsclients import PlaneClient, SubstrateClient
from pushproof.emulator.kernel.builds import PipelineHandoff
from pushproof.emulator.kernel.context import Call, Credentials, Principal
from pushproof.emulator.kernel.images import ResolvedImage
from pushproof.emulator.kernel.loop import Loop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.engines.deployment.target_health import TargetHealth
from pushproof.engines.policy import Decision

if TYPE_CHECKING:
    from docker import DockerClient

Context = Mapping[str, str | Iterable[str]]

# How fronts that are no AWS API ask for the administrator's keys: https://www.rfc-editor.org/rfc/rfc7617
CHALLENGE = 'Basic realm="pushproof"'
KEYS_NEEDED = "This needs the administrator's keys: user $AWS_ACCESS_KEY_ID, password $AWS_SECRET_ACCESS_KEY"


class Substrate(Protocol):
    """The emulator below the plane. It answers whole requests, and boto3 calls of the plane."""

    def handle(self, request: Request) -> Response:
        """Answer a request as it came in."""

    @property
    def client(self) -> SubstrateClient:
        """The maker of boto3 clients that talk to the substrate directly, as AWS itself talks to its own services."""

    def lacks(self, service: str, operation: str) -> bool:
        """Return whether nothing answers an operation of one of the plane's services, as far as that is known beforehand."""

    def secret_access_key(self, access_key_id: str) -> str | None:
        """Return the secret of an IAM user's active key; None where there is no such key, or it is not told."""

    def close(self) -> None:
        """Give everything back."""


class Doorkeeper(Protocol):
    """Knows the keys that were issued, for fronts that are no AWS API."""

    def admits(self, request: Request) -> bool:
        """Return whether a request names the administrator's keys, as user and password."""


class Front(Protocol):
    """Something other than an AWS API that answers on the gateway's port."""

    name: str

    def accepts(self, request: Request) -> bool:
        """Return whether the request is for this front."""

    def handle(self, request: Request) -> Response:
        """Answer it. Runs without the world's lock."""


class Clients(Protocol):
    """boto3 clients that go through the gateway like anybody's: identified, authorised, recorded."""

    @property
    def client(self) -> PlaneClient:
        """The maker of clients. Without credentials a client acts as AWS itself does inside its own services."""


class CallLog(Protocol):
    """Finished calls, and who hears of them."""

    def observe(self, service: str, callback: Callable[[Call], None], *operations: str) -> None:
        """Call back, under the world's lock, with every finished call of a service, or of these operations of it."""


class Permissions(Protocol):
    """Decisions about who may do what."""

    def principal(self, access_key_id: str | None) -> Principal:
        """Return the principal of an access key."""

    def decide(
        self,
        principal: Principal,
        action: str,
        resource: str = "*",
        context: Context | None = None,
        *,
        region: str | None = None,
    ) -> Decision:
        """Decide about an action that is no API call, such as `codeconnections:UseConnection`."""

    def require(
        self,
        principal: Principal,
        action: str,
        resource: str = "*",
        context: Context | None = None,
        *,
        region: str | None = None,
    ) -> None:
        """Raise AwsError, worded as the action's service words it, unless the principal may take the action."""

    def require_service(
        self,
        service_principal: str,
        action: str,
        resource: str,
        *,
        source_arn: str | None = None,
        region: str | None = None,
    ) -> None:
        """Raise AwsError unless the resource's own policy lets an AWS service act on it."""

    def assume(
        self, role_arn: str, service_principal: str, session_name: str, *, source_arn: str | None = None
    ) -> Credentials:
        """Return credentials of a role for an AWS service. Raises AwsError (AccessDenied) when its trust policy refuses."""


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
Envelope = TypedDict(
    "Envelope",
    {
        "version": str,
        "id": str,
        "detail-type": str,
        "source": str,
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": Mapping[str, object],
    },
)
"""An event as EventBridge documents it."""


class Events(Protocol):
    """The event bus."""

    def publish(
        self, source: str, detail_type: str, detail: Mapping[str, object], *, resources: list[str], region: str
    ) -> Envelope:
        """Put an event of an AWS service on the default bus; returns its envelope."""

    def put(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, object],
        *,
        resources: list[str],
        region: str,
        time: str,
        bus: str = "default",
    ) -> Envelope:
        """Put an event on a bus, with the time it is to show; returns its envelope."""


class NetworkPaths(Protocol):
    """The emulated network path of tasks and builds."""

    def refusal(
        self,
        *,
        region: str,
        subnet_id: str,
        security_group_ids: list[str],
        to: str,
        port: int = 443,
        public_ip: bool = False,
    ) -> str | None:
        """Return the reason why a service ("ecr.api", "s3", …) or "internet" cannot be reached; None when it can."""


class Images(Protocol):
    """The world's image registry."""

    def resolve(self, reference: str, credentials: tuple[str, str] | None = None) -> ResolvedImage | None:
        """Return the image a reference names; None when it is not one of this world's registry. Raises PullError."""


class ConnectionRecord(Protocol):
    """A connection to a git provider."""

    arn: str

    @property
    def status(self) -> str:
        """PENDING, AVAILABLE or ERROR."""

    @property
    def provider_type(self) -> str | None:
        """The provider, such as GitHub."""


class Connections(Protocol):
    """CodeConnections, as pipelines ask it."""

    def find(self, arn: str) -> ConnectionRecord | None:
        """Return a connection by its ARN under either prefix; None when there is none."""


class Engine(Protocol):
    """Docker Engine, as the mirror of base images asks it."""

    @property
    def client(self) -> DockerClient:
        """The Docker SDK's client."""

    def close(self) -> None:
        """Remove what the world made on the engine."""


class ObjectStore(Protocol):
    """S3, as pipelines ask it."""

    def on_object(self, callback: Callable[[str, str], None]) -> None:
        """Call back, under the world's lock, with bucket and key of every object that was created."""


class LoadBalancers(Protocol):
    """Elastic Load Balancing, as ECS asks it."""

    def register_target(self, target_group_arn: str, ip: str, port: int, *, address: str) -> None:
        """Register a target; `address` is where it really answers."""

    def deregister_target(self, target_group_arn: str, ip: str, port: int) -> None:
        """Deregister a target, which drains first."""

    def target_health(self, target_group_arn: str, ip: str, port: int) -> TargetHealth:
        """Return the health of a target; Target.NotRegistered when it is unknown."""

    def subscribe(self, target_group_arn: str, callback: Callable[[str, int, str, str], None]) -> Callable[[], None]:
        """Call back with (ip, port, state, reason) of every change in a group; returns what ends that."""


class Builds(Protocol):
    """CodeBuild, as pipelines ask it."""

    def hand_over(self, handoff: PipelineHandoff) -> str:
        """Deposit what a pipeline gives a build beside StartBuild's own members; returns the token that StartBuild names."""

    def subscribe(self, callback: Callable[[str, str], None]) -> None:
        """Call back with (build id, status) of every build that completes."""


@dataclass(slots=True)
class Endpoint:
    """The gateway's address. `port` is 0 until the gateway listens."""

    port: int = 0

    @property
    def host(self) -> str:
        """Host and port, as image references carry them; without a port until the gateway listens."""
        return f"127.0.0.1:{self.port}" if self.port else "127.0.0.1"

    @property
    def url(self) -> str:
        """The gateway's URL, the same for every service."""
        return f"http://{self.host}"


@dataclass(frozen=True, slots=True)
class Ground:
    """The ground of every part: identity, time, the substrate, clients, and the log of calls."""

    id: str
    account_id: str
    region: str
    directory: Path
    settings: WorldSettings
    loop: Loop
    endpoint: Endpoint
    substrate: Substrate
    clients: Clients
    calls: CallLog
    doorkeeper: Doorkeeper

    @property
    def clock(self) -> Clock:
        """The world's clock."""
        return self.loop.clock

    @property
    def client(self) -> PlaneClient:
        """The maker of boto3 clients that go through the gateway; see `Clients`."""
        return self.clients.client


@dataclass(frozen=True, slots=True)
class Site(Ground):
    """The ground, with what services share besides: permissions, events and network paths."""

    permissions: Permissions
    events: Events
    paths: NetworkPaths

    def assume(
        self, role_arn: str, service_principal: str, session_name: str = "pushproof", *, source_arn: str | None = None
    ) -> Credentials:
        """Return credentials of a role for an AWS service. Raises AwsError when the role's trust policy refuses."""
        return self.permissions.assume(role_arn, service_principal, session_name, source_arn=source_arn)
