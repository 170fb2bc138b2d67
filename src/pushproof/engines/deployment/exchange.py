"""The scheduler's inputs and outputs: observations, actions, events, decisions.

All times are AWS seconds. Task ids, deployment ids and ARNs are strings as AWS writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .target_health import TargetStateName

if TYPE_CHECKING:
    from .state import HealthStatus, ServiceState

StopCode = Literal[
    "TaskFailedToStart",
    "EssentialContainerExited",
    "UserInitiated",
    "ServiceSchedulerInitiated",
    "SpotInterruption",
    "TerminationNotice",
    "InfrastructureHealth",
]


@dataclass(frozen=True, slots=True)
class TaskRunning:
    """Every container of the task has started: lastStatus is RUNNING."""

    task_id: str


@dataclass(frozen=True, slots=True)
class TaskHealthChanged:
    """The task's health over its essential containers, as the task engine tells it."""

    task_id: str
    status: HealthStatus


@dataclass(frozen=True, slots=True)
class TargetHealthChanged:
    """The health of one of the task's targets, as the load balancer reports it."""

    task_id: str
    target_group_arn: str
    state: TargetStateName
    description: str = ""


@dataclass(frozen=True, slots=True)
class TargetDrained:
    """A target that was deregistered has finished its deregistration delay."""

    task_id: str
    target_group_arn: str


@dataclass(frozen=True, slots=True)
class TaskStopped:
    """The task has stopped, for any cause. `reason` is AWS's stoppedReason."""

    task_id: str
    stop_code: StopCode = "EssentialContainerExited"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaskNotPlaced:
    """The task was not created for lack of capacity."""

    task_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlarmReading:
    """An alarm as DescribeAlarms shows it; `window` is the time that it looks back, in seconds."""

    name: str
    state: str
    window: float = 0.0


@dataclass(frozen=True, slots=True)
class AlarmsRead:
    """The answer to `ReadAlarms`."""

    deployment_arn: str
    alarms: tuple[AlarmReading, ...]


TaskObservation = TaskRunning | TaskHealthChanged | TargetHealthChanged | TargetDrained | TaskStopped | TaskNotPlaced
Observation = TaskObservation | AlarmsRead


@dataclass(frozen=True, slots=True)
class StartTask:
    """Launch a task of a revision under this id."""

    task_id: str
    deployment_id: str
    revision_arn: str
    task_definition: str


@dataclass(frozen=True, slots=True)
class StopTask:
    """Stop a task; its targets, if any, have drained."""

    task_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RegisterTarget:
    """Register the task's address and `container_port` in the target group."""

    task_id: str
    target_group_arn: str
    container_name: str
    container_port: int


@dataclass(frozen=True, slots=True)
class DeregisterTarget:
    """Deregister the task's target; report `TargetDrained` when its delay has passed."""

    task_id: str
    target_group_arn: str


@dataclass(frozen=True, slots=True)
class ReadAlarms:
    """Read the states of a service deployment's alarms; report `AlarmsRead`."""

    deployment_arn: str
    names: tuple[str, ...]


Action = StartTask | StopTask | RegisterTarget | DeregisterTarget | ReadAlarms


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """A line of DescribeServices' `events`."""

    at: float
    message: str


@dataclass(frozen=True, slots=True)
class BridgeEvent:
    """An EventBridge event of source `aws.ecs`.

    `detail` lacks only the instant: put `at`, as ISO 8601, under `time_field`.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """

    at: float
    detail_type: str
    resources: tuple[str, ...]
    detail: dict[str, Any]
    time_field: str


@dataclass(slots=True)
class Decision:
    """The consequences of observations.

    `wake_at` is the time of the next call if nothing happens before (None: never). `state` is the state that was passed in,
    brought up to date.
    """

    state: ServiceState
    actions: list[Action] = field(default_factory=list)
    events: list[ServiceEvent] = field(default_factory=list)
    bridge: list[BridgeEvent] = field(default_factory=list)
    wake_at: float | None = None
