"""The scheduler's inputs and outputs: observations, actions, events, decisions.

All times are AWS seconds. Task ids, deployment ids and ARNs are strings as AWS writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .target_health import TargetStateName

if TYPE_CHECKING:
    from .state import HealthStatus, LoadBalancer, ServiceState

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
    """The task was not created for lack of capacity.

    `resource` and `providers` are what EventBridge's event says of it: the reason, such as RESOURCE:FARGATE, and the ARNs of the
    capacity providers.
    """

    task_id: str
    reason: str
    resource: str = ""
    providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskInterrupted:
    """The task's capacity goes: it has got SIGTERM, and stops soon.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
    """

    task_id: str


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


@dataclass(frozen=True, slots=True)
class ListenersChecked:
    """The answer to `CheckListeners`: the reason for which traffic cannot be shifted; empty if it can."""

    deployment_arn: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrafficShifted:
    """The answer to `ShiftTraffic`: the reason for which traffic could not be shifted; empty if it was."""

    order: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HookAnswered:
    """The answer of a hook's function. `problem` explains a status of FAILED in AWS's words."""

    hook_id: str
    status: Literal["SUCCEEDED", "FAILED", "IN_PROGRESS"]
    problem: str = ""
    call_back_seconds: float | None = None
    details: Mapping[str, object] = field(default_factory=dict, hash=False)


ShiftObservation = ListenersChecked | TrafficShifted | HookAnswered
TaskObservation = (
    TaskRunning
    | TaskHealthChanged
    | TargetHealthChanged
    | TargetDrained
    | TaskStopped
    | TaskNotPlaced
    | TaskInterrupted
)
Observation = TaskObservation | AlarmsRead | ShiftObservation


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


@dataclass(frozen=True, slots=True)
class CheckListeners:
    """Check that the listener rules of a service forward to both target groups of each load balancer; report `ListenersChecked`."""

    deployment_arn: str
    balancers: tuple[LoadBalancer, ...]


@dataclass(frozen=True, slots=True)
class ShiftTraffic:
    """Give the new revision a share of production or test traffic, in tenths of a percent; report `TrafficShifted`.

    The new revision's target group is each balancer's `group`; `other` gets the rest.
    """

    order: str
    test: bool
    weight: int
    balancers: tuple[LoadBalancer, ...]


@dataclass(frozen=True, slots=True)
class InvokeHook:
    """Invoke a hook's function with a payload; report `HookAnswered`.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
    """

    hook_id: str
    target_arn: str
    role_arn: str
    payload: Mapping[str, object] = field(hash=False)


ShiftAction = CheckListeners | ShiftTraffic | InvokeHook
Action = StartTask | StopTask | RegisterTarget | DeregisterTarget | ReadAlarms | ShiftAction


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """A line of DescribeServices' `events`."""

    at: float
    message: str


@dataclass(frozen=True, slots=True)
class BridgeEvent:
    """An EventBridge event of source `aws.ecs`.

    `detail` lacks only instants: put `at`, as ISO 8601, under `time_field`, and `instants` under their names.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """

    at: float
    detail_type: str
    resources: tuple[str, ...]
    detail: dict[str, Any]
    time_field: str
    instants: Mapping[str, float] = field(default_factory=dict, hash=False)


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
