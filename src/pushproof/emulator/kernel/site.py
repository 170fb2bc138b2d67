"""Sockets between the parts of a world: each neighbour's methods, by name and type.

A part gets a `Site`, and the neighbours it needs besides, in its constructor; it never has a reference to the world. The
protocols here are the sockets: a method renamed on one side is a type error on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, TypedDict

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.base.clock import Clock
from pushproof.emulator.kernel.awsclients import PlaneClient, SubstrateClient
from pushproof.emulator.kernel.builds import ManagedBuild, PipelineHandoff
from pushproof.emulator.kernel.context import Call, Credentials, Principal
from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.kernel.guests import Guests
from pushproof.emulator.kernel.images import ResolvedImage
from pushproof.emulator.kernel.loop import Loop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.engines.deployment.target_health import TargetHealth
from pushproof.engines.policy import Decision
from pushproof.engines.reachability import OpenBlock, OpenPorts, Place

if TYPE_CHECKING:
    from docker import DockerClient
    from types_boto3_codebuild.type_defs import BuildTypeDef

Context = Mapping[str, str | Iterable[str]]

# The challenge of fronts that are no AWS API, for the administrator's keys: https://www.rfc-editor.org/rfc/rfc7617
CHALLENGE = 'Basic realm="pushproof"'
KEYS_NEEDED = "This needs the administrator's keys: user $AWS_ACCESS_KEY_ID, password $AWS_SECRET_ACCESS_KEY"


class Substrate(Protocol):
    """The emulator below the plane. It answers whole requests, and boto3 calls of the plane."""

    def handle(self, request: Request) -> Response:
        """Answer a request as it arrived."""

    @property
    def client(self) -> SubstrateClient:
        """Return the maker of boto3 clients that talk to the substrate directly, as AWS itself talks to its own services."""

    def lacks(self, service: str, operation: str) -> bool:
        """Return whether nothing answers an operation of one of the plane's services, as far as can be told beforehand."""

    def secret_access_key(self, access_key_id: str) -> str | None:
        """Return the secret of an IAM user's active key; None if there is no such key, or the substrate does not return it."""

    def state(self) -> dict[str, object]:
        """Return the state of the account. Raises NotKeepable if another process has it."""

    def continue_from(self, state: Mapping[str, object]) -> None:
        """Replace the state of the account by what `state()` of another substrate returned."""

    def close(self) -> None:
        """Release everything."""


class Doorkeeper(Protocol):
    """Check of issued keys, for fronts that are no AWS API."""

    def admits(self, request: Request) -> bool:
        """Return whether a request names the administrator's keys, as user and password."""


class Front(Protocol):
    """A part other than an AWS API that answers on the gateway's port."""

    name: str

    def accepts(self, request: Request) -> bool:
        """Return whether the request is for this front."""

    def handle(self, request: Request) -> Response:
        """Answer the request. Runs without the world's lock."""


class Clients(Protocol):
    """boto3 clients whose calls pass the gateway like all others: identified, authorised, recorded."""

    @property
    def client(self) -> PlaneClient:
        """Return the maker of clients. Without credentials a client acts as AWS itself inside its own services."""


class CallLog(Protocol):
    """Finished calls, and their observers."""

    def observe(self, service: str, callback: Callable[[Call], None], *operations: str) -> None:
        """Call `callback`, under the world's lock, for every finished call of a service, or of these operations of it."""


class Permissions(Protocol):
    """Decisions about permissions."""

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
        """Raise AwsError, worded as the action's service words it, unless the principal may perform the action."""

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
        """Return credentials of a role for an AWS service. Raises AwsError (AccessDenied) if its trust policy refuses."""


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
        """Put an event of an AWS service on the default bus, and return its envelope."""

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
        """Put an event on a bus, with the time that it shows, and return its envelope."""


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
        """Return the reason why a service ("ecr.api", "s3", …) or "internet" is unreachable; None if it is reachable."""

    def between(self, *, region: str, vpc_id: str, sources: Sequence[Place], target: Place, port: int) -> str | None:
        """Return why a target in a VPC cannot be reached from one of several sources; None if it can from each."""

    def open_ports(self, *, region: str, source: Place, target: Place) -> tuple[OpenPorts, ...]:
        """Return the ports on which one network interface reaches another."""

    def vpc_of(self, *, region: str, subnet_id: str) -> str:
        """Return the VPC of a subnet; "" if there is no such subnet."""

    def open_outwards(self, *, region: str, source: Place) -> tuple[OpenBlock, ...] | None:
        """Return the public addresses that a network interface reaches; None where the network is not enforced."""

    def place_of(self, *, region: str, vpc_id: str, address: str) -> Place | None:
        """Return the network interface with a private address in a VPC, as a place; None if there is none."""

    def settle(
        self, access_key_id: str, *, region: str, subnet_id: str, security_group_ids: Sequence[str], public_ip: bool
    ) -> None:
        """Note where the holder of a key is: its calls need a way from there."""

    def call_refusal(self, access_key_id: str, service: str, region: str) -> str | None:
        """Return why a call with a key does not reach a service; None if it does."""

    @property
    def epoch(self) -> str:
        """Return a name of the network as it is now: another one after each change."""

    def follow(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change, on any thread; it must not block."""


class Images(Protocol):
    """The world's image registry."""

    def resolve(self, reference: str, credentials: tuple[str, str] | None = None) -> ResolvedImage | None:
        """Return the image of a reference; None if it is not in this world's registry. Raises PullError."""


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
    """CodeConnections, as pipelines use it."""

    def find(self, arn: str) -> ConnectionRecord | None:
        """Return a connection by its ARN under either prefix; None if there is none."""


class Repositories(Protocol):
    """CodeCommit, as pipelines use it."""

    def holds(self, name: str, region: str) -> bool:
        """Return whether there is a repository of a name in a region."""


class Engine(Protocol):
    """Docker Engine, as the mirror of base images uses it."""

    @property
    def client(self) -> DockerClient:
        """Return the Docker SDK's client."""

    def close(self) -> None:
        """Remove everything of the world from the engine."""


class ObjectStore(Protocol):
    """S3, as pipelines use it."""

    def on_object(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback`, under the world's lock, with bucket and key of every created object."""


class LoadBalancers(Protocol):
    """Elastic Load Balancing, as ECS uses it."""

    def register_target(self, target_group_arn: str, ip: str, port: int, *, address: str) -> None:
        """Register a target; `address` is where it really answers."""

    def move_target(self, target_group_arn: str, ip: str, port: int, *, address: str) -> None:
        """Note that a registered target answers at another address now; its health stays."""

    def deregister_target(self, target_group_arn: str, ip: str, port: int) -> None:
        """Deregister a target, which drains first."""

    def target_health(self, target_group_arn: str, ip: str, port: int) -> TargetHealth:
        """Return the health of a target; Target.NotRegistered for an unknown target."""

    def subscribe(self, target_group_arn: str, callback: Callable[[str, int, str, str], None]) -> Callable[[], None]:
        """Call `callback` with (ip, port, state, reason) of every change in a group. Return a function that ends this."""


class Builds(Protocol):
    """CodeBuild, as pipelines use it."""

    def hand_over(self, handoff: PipelineHandoff) -> str:
        """Deposit a pipeline's input for a build besides StartBuild's own members. Return the token that StartBuild names."""

    def run_managed(self, order: ManagedBuild) -> str:
        """Start a build without a project, and return its id. Called under the world's lock."""

    def stop_managed(self, build_id: str) -> None:
        """Stop a build of `run_managed`, if it still runs."""

    def managed(self, build_id: str) -> BuildTypeDef:
        """Return a build of `run_managed`, as BatchGetBuilds describes builds."""

    def subscribe(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback` with (build id, status) of every build that completes."""


@dataclass(slots=True)
class Endpoint:
    """The gateway's address. `port` is 0 until the gateway listens."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    port: int = 0

    @property
    def host(self) -> str:
        """Return host and port, as in image references; without a port until the gateway listens."""
        return f"127.0.0.1:{self.port}" if self.port else "127.0.0.1"

    @property
    def url(self) -> str:
        """Return the gateway's URL, the same for every service."""
        return f"http://{self.host}"


@dataclass(frozen=True, slots=True)
class Ground:
    """The basis of every part: identity, time, the substrate, clients, and the log of calls."""

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
    # : The label by which builds, and no one else, address the mirror of the host's images.
    images_secret: str = field(repr=False)
    faults: ActiveFaults
    guests: Guests

    @property
    def clock(self) -> Clock:
        """Return the world's clock."""
        return self.loop.clock

    @property
    def client(self) -> PlaneClient:
        """Return the maker of boto3 clients whose calls pass the gateway; see `Clients`."""
        return self.clients.client


@dataclass(frozen=True, slots=True)
class Site(Ground):
    """The ground with what services also share: permissions, events and network paths."""

    permissions: Permissions
    events: Events
    paths: NetworkPaths

    def assume(
        self, role_arn: str, service_principal: str, session_name: str = "pushproof", *, source_arn: str | None = None
    ) -> Credentials:
        """Return credentials of a role for an AWS service. Raises AwsError if the role's trust policy refuses."""
        return self.permissions.assume(role_arn, service_principal, session_name, source_arn=source_arn)
