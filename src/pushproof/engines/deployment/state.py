"""The state of one service, as plain values that the caller owns.

`ServiceState` is brought up to date in place, since copying it for each of ten thousand tasks would cost more than
every decision together. It refers to nothing outside itself: `copy()` forks it, and pickling it keeps it.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal

from .configuration import DeploymentConfiguration, DeploymentSettings
from .stages import Moment
from .strategy import HookAction, HookTarget, Stage, Strategy
from .target_health import TargetStateName

HealthStatus = Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]
RolloutState = Literal["IN_PROGRESS", "COMPLETED", "FAILED"]
DeploymentStatus = Literal["PRIMARY", "ACTIVE", "INACTIVE"]
ServiceDeploymentStatus = Literal[
    "PENDING",
    "SUCCESSFUL",
    "STOPPED",
    "STOP_REQUESTED",
    "IN_PROGRESS",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
]
MonitorStatus = Literal["TRIGGERED", "MONITORING", "MONITORING_COMPLETE", "DISABLED"]
Group = Literal["PENDING", "WARMING", "HEALTHY", "UNHEALTHY", "DRAINING", "STOPPING"]

GROUPS: tuple[Group, ...] = ("PENDING", "WARMING", "HEALTHY", "UNHEALTHY", "DRAINING", "STOPPING")


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A service's target group and the container port behind it.

    With an alternate group, revisions take turns: `alternates` says that this one uses the alternate group. The rules are those of
    listeners (listeners themselves, behind a Network Load Balancer), which forward production and test traffic.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AdvancedConfiguration.html
    """

    target_group_arn: str
    container_name: str
    container_port: int
    alternate_target_group_arn: str = ""
    production_rule: str = ""
    test_rule: str = ""
    role_arn: str = ""
    alternates: bool = False

    @property
    def group(self) -> str:
        """The target group that the revision really uses."""
        return self.alternate_target_group_arn if self.alternates else self.target_group_arn

    @property
    def other(self) -> str:
        """The target group that the revision leaves to others."""
        return self.target_group_arn if self.alternates else self.alternate_target_group_arn

    @property
    def configured(self) -> LoadBalancer:
        """The load balancer as it was configured, whatever group a revision uses."""
        return replace(self, alternates=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision that a deployment deploys: a task definition and how its tasks prove that they are healthy.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevision.html
    """

    arn: str
    task_definition: str
    created_at: float
    container_check: bool = False
    load_balancers: tuple[LoadBalancer, ...] = ()


@dataclass(slots=True)
class Task:
    """One task of the service; `group` is the scheduler's view of it."""

    id: str
    deployment_id: str
    revision: Revision
    group: Group = "PENDING"
    running_at: float | None = None
    was_healthy: bool = False
    failure_counted: bool = False
    health: HealthStatus = "UNKNOWN"
    targets: dict[str, TargetStateName] = field(default_factory=dict)
    why_unhealthy: str = ""
    stop_reason: str = ""


@dataclass(slots=True)
class Deployment:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html"""

    id: str
    revision: Revision
    created_at: float
    updated_at: float
    status: DeploymentStatus = "PRIMARY"
    rollout_state: RolloutState = "IN_PROGRESS"
    rollout_state_reason: str = ""
    failed_tasks: int = 0
    reached_running: bool = False
    start_failures: int = 0
    throttle_rounds: int = 0
    not_before: float = 0.0
    replacing: int = 0
    most_healthy: int = 0
    completed_once: bool = False
    deadlock_reported: bool = False
    bake_until: float | None = None
    groups: dict[Group, dict[str, None]] = field(default_factory=lambda: {group: {} for group in GROUPS})

    def count(self, *groups: Group) -> int:
        total = 0
        for group in groups:
            total += len(self.groups[group])
        return total

    @property
    def pending_count(self) -> int:
        return len(self.groups["PENDING"])

    @property
    def running_count(self) -> int:
        return self.count("WARMING", "HEALTHY", "UNHEALTHY")

    @property
    def active(self) -> int:
        """Tasks that are PENDING or RUNNING and not on their way out."""
        groups = self.groups
        return len(groups["PENDING"]) + len(groups["WARMING"]) + len(groups["HEALTHY"]) + len(groups["UNHEALTHY"])


@dataclass(frozen=True, slots=True)
class Rollback:
    reason: str
    started_at: float
    revision_arn: str


@dataclass(frozen=True, slots=True)
class ServiceDeployment:
    """One attempt to change the service, its rollback included.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
    """

    arn: str
    created_at: float
    started_at: float
    updated_at: float
    target_revision_arn: str
    source_revision_arns: tuple[str, ...]
    configuration: DeploymentConfiguration
    status: ServiceDeploymentStatus = "IN_PROGRESS"
    status_reason: str = ""
    finished_at: float | None = None
    stopped_at: float | None = None
    breaker_status: MonitorStatus = "DISABLED"
    failure_count: int = 0
    threshold: int = 0
    alarm_status: MonitorStatus = "DISABLED"
    alarm_names: tuple[str, ...] = ()
    triggered_alarms: tuple[str, ...] = ()
    rollback: Rollback | None = None
    rollout: Rollout | None = None

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")


HookStatus = Literal["AWAITING_ACTION", "IN_PROGRESS", "SUCCEEDED", "FAILED", "TIMED_OUT"]


@dataclass(slots=True)
class HookRun:
    """One run of a hook at one stage: its calls until it has succeeded or failed.

    `hook` is its place among the strategy's. `next_call_at` is None while a call is on its way, and for pauses.
    """

    id: str
    execution_id: str
    hook: int
    stage: Stage
    target_type: HookTarget
    target_arn: str
    status: HookStatus
    expires_at: float
    timeout_action: HookAction
    next_call_at: float | None = None
    problem: str = ""

    @property
    def over(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED", "TIMED_OUT")


@dataclass(slots=True)
class Rollout:
    """The course of one deployment that shifts traffic, or of its rollback.

    `production` and `test` are the weights of the new revision (1000: all), as they last became true. `waiting_for` is the order
    that has not been answered. `parked`: it failed where nothing rolls back, and stays as it is.
    """

    deployment_id: str
    target_arn: str
    source_arn: str
    strategy: Strategy
    balancers: tuple[LoadBalancer, ...]
    moments: tuple[Moment, ...]
    started_at: float
    entered_at: float
    index: int = 0
    phase: Literal["CHECK", "SHIFT", "HOOKS", "WORK"] = "CHECK"
    production: int = 0
    test: int = 0
    waiting_for: str = ""
    bake_until: float | None = None
    hooks: list[HookRun] = field(default_factory=list)
    details: dict[int, dict[str, object]] = field(default_factory=dict)
    rolling_back: bool = False
    cleaning: bool = False
    parked: bool = False

    @property
    def over(self) -> bool:
        return self.index >= len(self.moments)

    @property
    def moment(self) -> Moment | None:
        return None if self.over else self.moments[self.index]

    @property
    def stage(self) -> Stage | None:
        return None if self.over else self.moments[self.index].stage

    @property
    def scaled(self) -> bool:
        """True once the new revision may have tasks."""
        if self.rolling_back or self.over:
            return True
        return all(moment.stage != "SCALE_UP" for moment in self.moments[self.index + 1 :])

    @property
    def tests(self) -> bool:
        """True where some listener rule takes test traffic."""
        return any(balancer.test_rule for balancer in self.balancers)


@dataclass(slots=True)
class AlarmWatch:
    """The watch over a deployment's alarms. `window`: the longest time that one of them looks back; `next_at`: the next look."""

    seen: bool = False
    window: float = 0.0
    next_at: float = 0.0


@dataclass(slots=True)
class ServiceState:
    """The scheduler's state of one service. Build it with `create_service`.

    `seed` makes ids: the same seed and history give the same ids, so a run can be repeated.
    """

    service_arn: str
    cluster_arn: str
    name: str
    seed: str
    desired_count: int
    configuration: DeploymentConfiguration
    settings: DeploymentSettings
    grace_seconds: float = 0.0
    deployments: list[Deployment] = field(default_factory=list)
    completed: Deployment | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    records: list[ServiceDeployment] = field(default_factory=list)
    revisions: dict[str, Revision] = field(default_factory=dict)
    timers: list[tuple[float, str]] = field(default_factory=list)
    watch: AlarmWatch | None = None
    rollout: Rollout | None = None
    source_cap: int = 0
    steady: bool = False
    deleting: bool = False
    task_set_id: str = ""
    """The id of the task set that this is; no listener needs to use its target group yet. Empty for a whole service."""
    counter: int = 0

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    @property
    def record(self) -> ServiceDeployment:
        """The current service deployment."""
        return self.records[-1]

    @property
    def running_count(self) -> int:
        return sum(deployment.running_count for deployment in self.deployments)

    @property
    def pending_count(self) -> int:
        return sum(deployment.pending_count for deployment in self.deployments)

    @property
    def healthy_count(self) -> int:
        total = 0
        for deployment in self.deployments:
            total += len(deployment.groups["HEALTHY"])
        return total

    @property
    def active_count(self) -> int:
        total = 0
        for deployment in self.deployments:
            total += deployment.active
        return total

    def deployment(self, deployment_id: str) -> Deployment | None:
        return next((deployment for deployment in self.deployments if deployment.id == deployment_id), None)

    def new_id(self, kind: str) -> str:
        """The next id: 32 hexadecimal digits."""
        self.counter += 1
        return hashlib.blake2b(f"{self.seed}/{kind}/{self.counter}".encode(), digest_size=16).hexdigest()

    def new_number(self, kind: str) -> str:
        """The next id of a deployment or revision: 19 digits."""
        return str(10**18 + int(self.new_id(kind)[:15], 16) % (9 * 10**18)).zfill(19)

    def put_record(self, **changes: object) -> None:
        self.records[-1] = replace(self.records[-1], **changes)  # type: ignore[arg-type]

    def move(self, task: Task, group: Group, owner: Deployment | None = None) -> None:
        """Put a task into another group."""
        deployment = owner or self.owner(task)
        deployment.groups[task.group].pop(task.id, None)
        deployment.groups[group][task.id] = None
        task.group = group

    def owner(self, task: Task) -> Deployment:
        for deployment in self.deployments:
            if deployment.id == task.deployment_id:
                return deployment
        raise LookupError(f"task {task.id} belongs to {task.deployment_id}, which is not a deployment of {self.name}")

    def older(self) -> list[Deployment]:
        return self.deployments[1:]

    def copy(self) -> ServiceState:
        """An independent copy."""
        return copy.deepcopy(self)
