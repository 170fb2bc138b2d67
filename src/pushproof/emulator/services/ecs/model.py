"""Records of ECS: clusters, task definitions, tasks, services. Times are AWS seconds; `describe` returns API shapes."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pushproof.aws.arns import arn_of
from pushproof.base.clock import Clock
from pushproof.emulator.kernel.loop import Timer
from pushproof.engines.deployment import ServiceEvent, ServiceState
from pushproof.engines.serviceconnect import Configuration, Endpoint, Port
from pushproof.engines.tasks import DesiredStatus, Reminder, TaskState, TaskStatus

if TYPE_CHECKING:
    from types_boto3_ecs.literals import (
        CompatibilityType,
        DeploymentControllerTypeType,
        LaunchTypeType,
        SettingNameType,
        TaskDefinitionStatusType,
    )
    from types_boto3_ecs.type_defs import (
        CapacityProviderStrategyItemTypeDef,
        ClusterConfigurationTypeDef,
        ClusterServiceConnectDefaultsTypeDef,
        ClusterSettingTypeDef,
        ContainerDefinitionOutputTypeDef,
        TagTypeDef,
        TaskDefinitionTypeDef,
        TaskOverrideOutputTypeDef,
    )


_NO_OVERRIDES: TaskOverrideOutputTypeDef = {}


@dataclass(slots=True)
class Cluster:
    """A cluster. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html"""

    name: str
    arn: str
    settings: list[ClusterSettingTypeDef]
    configuration: ClusterConfigurationTypeDef | None = None
    service_connect: ClusterServiceConnectDefaultsTypeDef | None = None
    capacity_providers: list[str] = field(default_factory=list)
    strategy: list[CapacityProviderStrategyItemTypeDef] = field(default_factory=list)
    status: str = "ACTIVE"
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class TaskDefinition:
    """A registered revision; `document` is its API shape without tags and dates."""

    arn: str
    family: str
    revision: int
    document: TaskDefinitionTypeDef
    registered_at: float
    deregistered_at: float | None = None
    delete_requested_at: float | None = None
    status: TaskDefinitionStatusType = "ACTIVE"
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def containers(self) -> list[ContainerDefinitionOutputTypeDef]:
        return self.document["containerDefinitions"]

    @property
    def compatibilities(self) -> list[CompatibilityType]:
        """Return the launch types that the definition can run on."""
        return self.document["compatibilities"]

    @property
    def checked(self) -> bool:
        """Return whether an essential container has a health check."""
        return any(container["essential"] and container.get("healthCheck") for container in self.containers)

    def describe(self, clock: Clock) -> TaskDefinitionTypeDef:
        """Return the definition in the API's shape."""
        shown = self.document.copy()
        shown["taskDefinitionArn"] = self.arn
        shown["family"] = self.family
        shown["revision"] = self.revision
        shown["status"] = self.status
        shown["registeredAt"] = clock.stamp(self.registered_at)
        if self.deregistered_at is not None:
            shown["deregisteredAt"] = clock.stamp(self.deregistered_at)
        if self.delete_requested_at is not None:
            shown["deleteRequestedAt"] = clock.stamp(self.delete_requested_at)
        return shown


@dataclass(slots=True)
class Interface:
    """The task's elastic network interface."""

    id: str
    subnet_id: str
    private_ip: str
    mac: str
    zone: str
    attachment_id: str
    groups: tuple[str, ...] = ()
    vpc_id: str = ""
    status: str = "ATTACHED"


@dataclass(frozen=True, slots=True)
class Connected:
    """A task's part in Service Connect: its service's configuration, its named ports, and the endpoints that it knows."""

    configuration: Configuration
    ports: dict[str, Port]
    endpoints: tuple[Endpoint, ...]


@dataclass(slots=True)
class EcsContainer:
    """A container of a task, without its state, which the task's `state` holds under the container's name."""

    name: str
    image: str
    arn: str
    digest: str | None = None
    stream: str | None = None
    lines: list[tuple[float, str]] = field(default_factory=list)
    flush_timer: Timer | None = None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """The last part of the path to its metadata; a secret of the container."""


@dataclass(slots=True)
class EcsTask:
    """A task, run by a service or on its own; `address` is where its ports really answer.

    The task engine defines `state`: `TaskLife` begins it, and alone changes it.
    """

    id: str
    arn: str
    cluster: Cluster
    definition: TaskDefinition
    region: str
    created_at: float
    launch_type: LaunchTypeType
    group: str
    network: dict[str, Any]
    subnet_id: str
    containers: list[EcsContainer]
    state: TaskState = field(default_factory=lambda: TaskState(()))
    service: EcsService | None = None
    deployment_id: str = ""
    started_by: str = ""
    capacity_provider: str | None = None
    overrides: TaskOverrideOutputTypeDef = field(default_factory=lambda: _NO_OVERRIDES.copy())
    interface: Interface | None = None
    address: str | None = None
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    reminders: dict[Reminder, Timer] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    """The last part of the path to its credentials; a secret of the task."""
    connected: Connected | None = None
    registrations: tuple[tuple[str, int | None], ...] = ()
    """The services of Cloud Map in which it is registered, by ARN, with the port that each shows."""

    @property
    def public_ip(self) -> bool:
        """Return whether its network interface gets a public address."""
        return bool(self.network.get("assignPublicIp") == "ENABLED")

    @property
    def role_arn(self) -> str | None:
        """Return the task role, whose credentials its containers get."""
        return self.overrides.get("taskRoleArn") or self.definition.document.get("taskRoleArn") or None

    @property
    def last_status(self) -> TaskStatus:
        return self.state.last_status

    @property
    def desired_status(self) -> DesiredStatus:
        return self.state.desired_status

    def container(self, name: str) -> EcsContainer | None:
        return next((container for container in self.containers if container.name == name), None)


@dataclass(frozen=True, slots=True)
class ServiceRevision:
    """The part of a service that a deployment changes and a rollback restores.

    `parameters` are members of the API: launch type, capacity providers, platform, network, load balancers, registries.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html
    """

    definition: TaskDefinition
    parameters: dict[str, Any]
    deployment_configuration: dict[str, Any] | None = None


@dataclass(slots=True)
class EcsService:
    """A service: its own settings, its revisions by ARN, and the scheduler's state.

    `parameters` are what no deployment changes; the rest comes from the revision of the primary deployment. So a
    rollback restores the service (https://github.com/hashicorp/terraform-provider-aws/issues/19519).
    """

    name: str
    arn: str
    cluster: Cluster
    region: str
    created_at: float
    created_by: str
    parameters: dict[str, Any]
    state: ServiceState
    revisions: dict[str, ServiceRevision] = field(default_factory=dict)
    events: deque[tuple[str, ServiceEvent]] = field(default_factory=lambda: deque(maxlen=100))
    status: str = "ACTIVE"
    wake: Timer | None = None
    targets: dict[tuple[str, str, int], str] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)
    launched: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    controller: DeploymentControllerTypeType = "ECS"
    task_sets: list[TaskSet] = field(default_factory=list)
    """Only with another controller than ECS; the primary one comes first."""
    whole: EcsService | None = None
    """The service whose task set this one is to the scheduler."""
    endpoints: dict[tuple[str, str], str] = field(default_factory=dict)
    """Its endpoints of Service Connect: namespace, as a revision names it, and discovery name -> ARN in Cloud Map."""
    known: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    """By deployment: the endpoints that its tasks know."""

    @property
    def revision(self) -> ServiceRevision:
        """Return the revision of the primary deployment, or of the primary task set."""
        if self.task_sets:
            return self.task_sets[0].part.revision
        return self.revisions[self.state.primary.revision.arn]

    @property
    def running_count(self) -> int:
        return self.state.running_count + sum(item.part.state.running_count for item in self.task_sets)

    @property
    def pending_count(self) -> int:
        return self.state.pending_count + sum(item.part.state.pending_count for item in self.task_sets)

    @property
    def definition(self) -> TaskDefinition:
        return self.revision.definition


@dataclass(slots=True)
class TaskSet:
    """A task set: tasks of one revision, which a controller other than ECS adds to a service and removes.

    To the scheduler it is a service of its own, `part`, with the name and the events of the whole service.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html
    """

    id: str
    arn: str
    part: EcsService
    created_at: float
    updated_at: float
    scale: float = 100.0
    status: Literal["PRIMARY", "ACTIVE", "DRAINING"] = "ACTIVE"
    external_id: str = ""
    started_by: str = ""
    client_token: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def steady(self) -> bool:
        """Return whether all tasks run, and are healthy as far as they are checked."""
        return self.part.state.steady


@dataclass(slots=True)
class Region:
    """The records of one account and region."""

    account_id: str
    name: str
    clusters: dict[str, Cluster] = field(default_factory=dict)
    families: dict[str, list[TaskDefinition]] = field(default_factory=dict)
    services: dict[tuple[str, str], EcsService] = field(default_factory=dict)
    tasks: dict[str, EcsTask] = field(default_factory=dict)
    account_settings: dict[SettingNameType, str] = field(default_factory=dict)

    def arn(self, resource: str) -> str:
        return arn_of("ecs", resource, region=self.name, account=self.account_id)


def tag_list(tags: dict[str, str]) -> list[TagTypeDef]:
    return [{"key": key, "value": value} for key, value in tags.items()]
