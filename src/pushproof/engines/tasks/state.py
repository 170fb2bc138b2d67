"""The state of one task at an instant, as plain values. Times are AWS seconds.

Statuses are those of https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .container_health import ContainerHealth, HealthCheck, HealthStatus
from .ordering import Dependency, Progress

TaskStatus = Literal[
    "PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"
]
STATUSES: tuple[TaskStatus, ...] = (
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
)
"""The statuses in AWS's order: a task may skip some, and never goes back."""

DesiredStatus = Literal["RUNNING", "STOPPED"]
ContainerStatus = Literal["PENDING", "RUNNING", "STOPPED"]
StopCode = Literal[
    "TaskFailedToStart",
    "EssentialContainerExited",
    "UserInitiated",
    "ServiceSchedulerInitiated",
    "SpotInterruption",
    "TerminationNotice",
]
Awaited = Literal[
    "provisioning", "interface", "images", "start", "activation", "stop", "interface deletion", "deprovisioning"
]
"""An answer or a delay without which the task does not go on."""


@dataclass(frozen=True, slots=True)
class TaskTiming:
    """Settings for a task's life that AWS does not document; durations in seconds."""

    provisioning_seconds: float = 8.0
    activating_seconds: float = 2.0
    deprovisioning_seconds: float = 2.0
    unchecked_containers_are_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """A container: the first five fields as its definition has them, then its state."""

    name: str
    essential: bool = True
    check: HealthCheck | None = None
    depends_on: tuple[Dependency, ...] = ()
    start_timeout: float | None = None
    last_status: ContainerStatus = "PENDING"
    starting: bool = False
    started_at: float | None = None
    health: ContainerHealth | None = None
    exit_code: int | None = None
    reason: str | None = None

    @property
    def health_status(self) -> HealthStatus:
        return self.health.status if self.health is not None else "UNKNOWN"

    def progress(self, now: float) -> Progress:
        """The progress that containers waiting for this one look at."""
        if self.started_at is None:
            return Progress(started=False, exit_code=None, healthy=False)
        return Progress(
            started=True,
            exit_code=self.exit_code,
            healthy=self.health_status == "HEALTHY",
            overdue=self.start_timeout is not None and now >= self.started_at + self.start_timeout,
        )


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task. `attached`: it has a network interface. `in_runtime`: containers run, or may run, and must be stopped."""

    containers: tuple[Container, ...]
    last_status: TaskStatus = "PROVISIONING"
    desired_status: DesiredStatus = "RUNNING"
    health: HealthStatus = "UNKNOWN"
    awaited: Awaited | None = None
    attached: bool = False
    in_runtime: bool = False
    version: int = 1
    started_at: float | None = None
    stopping_at: float | None = None
    execution_stopped_at: float | None = None
    stopped_at: float | None = None
    stop_code: StopCode | None = None
    stopped_reason: str | None = None

    @property
    def stopping(self) -> bool:
        """Return whether the task was asked to stop, or failed; there is no way back."""
        return self.desired_status == "STOPPED"

    @property
    def waiting(self) -> bool:
        """Return whether containers of the task wait for others."""
        return self.in_runtime and self.last_status == "PENDING" and not self.stopping

    @property
    def starting(self) -> bool:
        """Return whether a container is being started at this moment."""
        return any(container.starting for container in self.containers)

    def container(self, name: str) -> Container | None:
        return next((container for container in self.containers if container.name == name), None)
