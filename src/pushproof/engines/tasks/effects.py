"""The effects of a task's transitions: orders that the caller carries out in this order, and answers with events."""

from __future__ import annotations

from dataclasses import dataclass

from .events import Reminder
from .state import TaskState


@dataclass(frozen=True, slots=True)
class AnnounceState:
    """Publish an ECS Task State Change that shows the task in this state."""

    state: TaskState


@dataclass(frozen=True, slots=True)
class Remind:
    """Send this event at this time, unless `CancelReminder` comes first."""

    event: Reminder
    at: float


@dataclass(frozen=True, slots=True)
class CancelReminder:
    """Do not send this event; there may be no such reminder."""

    event: Reminder


@dataclass(frozen=True, slots=True)
class AttachInterface:
    """Create the task's network interface. Answer: InterfaceAttached or InterfaceRefused."""


@dataclass(frozen=True, slots=True)
class PullImages:
    """Assume the task's roles, fetch secrets, create log streams, pull images. Answer: ImagesPulled or PreparationFailed."""


@dataclass(frozen=True, slots=True)
class StartContainers:
    """Start the containers that wait for no other. Answer: ContainersStarted or StartFailed."""


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Start a container that waited for others. Answer: ContainerStarted or ContainerStartFailed."""

    container: str


@dataclass(frozen=True, slots=True)
class RunHealthCheck:
    """Run the container's health check. Answer: HealthChecked."""

    container: str


@dataclass(frozen=True, slots=True)
class StopContainers:
    """Stop all containers, each within its stop timeout. Answer: ContainersStopped."""


@dataclass(frozen=True, slots=True)
class FlushLogs:
    """Send to CloudWatch Logs what the containers wrote and was not sent yet."""


@dataclass(frozen=True, slots=True)
class DeleteInterface:
    """Delete the task's network interface. Answer: InterfaceDeleted."""


@dataclass(frozen=True, slots=True)
class ReportRunning:
    """Tell the scheduler that the task is RUNNING."""


@dataclass(frozen=True, slots=True)
class ReportHealth:
    """Tell the scheduler the task's health."""


@dataclass(frozen=True, slots=True)
class ReportStopped:
    """Tell the scheduler that the task is STOPPED, and why it stopped."""


Effect = (
    AnnounceState
    | Remind
    | CancelReminder
    | AttachInterface
    | PullImages
    | StartContainers
    | StartContainer
    | RunHealthCheck
    | StopContainers
    | FlushLogs
    | DeleteInterface
    | ReportRunning
    | ReportHealth
    | ReportStopped
)


@dataclass(frozen=True, slots=True)
class Step:
    """The consequences of an event: the new state and the effects to carry out, in order.

    `ignored` says why an event changed nothing: it came twice, too late, or before its time.
    """

    state: TaskState
    effects: tuple[Effect, ...] = ()
    ignored: str | None = None
