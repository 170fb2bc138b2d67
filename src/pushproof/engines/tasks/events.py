"""The events of a task's life: requests, answers to effects, delays that are over, and news from its containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .state import StopCode

# Requests ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StopRequested:
    """A user or the scheduler asks the task to stop, or its capacity goes. The first reason stays.

    `warned`: a warning is announced before the containers get SIGTERM, as for an interruption of Fargate Spot.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
    """

    code: StopCode
    reason: str
    warned: bool = False


@dataclass(frozen=True, slots=True)
class TargetsDraining:
    """The load balancer deregisters the task's targets."""


# Delays -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProvisioningElapsed:
    """The time between the launch and the attachment of the network interface is over."""


@dataclass(frozen=True, slots=True)
class ActivationElapsed:
    """The time between the start of the last container and RUNNING is over."""


@dataclass(frozen=True, slots=True)
class DeprovisioningElapsed:
    """The time between the deletion of the network interface and STOPPED is over."""


@dataclass(frozen=True, slots=True)
class StartTimeoutElapsed:
    """The container's `startTimeout` is over: who waits for it gives up, unless it has come far enough."""

    container: str


@dataclass(frozen=True, slots=True)
class HealthCheckDue:
    """The container's next health check is to run."""

    container: str


# Answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InterfaceAttached:
    """The task has its network interface."""


@dataclass(frozen=True, slots=True)
class InterfaceRefused:
    """EC2 refused the network interface."""

    reason: str


@dataclass(frozen=True, slots=True)
class ImagesPulled:
    """Roles, secrets, log streams and images are ready."""


@dataclass(frozen=True, slots=True)
class PreparationFailed:
    """A role, a secret, a log stream or an image cannot be had. `container` names the one at fault, where one is."""

    reason: str
    container: str | None = None


@dataclass(frozen=True, slots=True)
class ContainersStarted:
    """The containers that wait for no other have been started."""


@dataclass(frozen=True, slots=True)
class StartFailed:
    """The containers that wait for no other could not be started; none of them runs."""

    reason: str


@dataclass(frozen=True, slots=True)
class ContainerStarted:
    """A container that waited for others has been started."""

    container: str


@dataclass(frozen=True, slots=True)
class ContainerStartFailed:
    """A container that waited for others could not be started."""

    container: str
    reason: str


@dataclass(frozen=True, slots=True)
class HealthChecked:
    """A health check ended. One that ran into its timeout has not passed."""

    container: str
    passed: bool


@dataclass(frozen=True, slots=True)
class ContainersStopped:
    """No container runs any more. `exit_codes` are those that the runtime knows."""

    exit_codes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InterfaceDeleted:
    """The network interface is gone."""


# News -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContainerExited:
    """A container ended by itself."""

    container: str
    exit_code: int
    out_of_memory: bool = False


TaskEvent = (
    StopRequested
    | TargetsDraining
    | ProvisioningElapsed
    | ActivationElapsed
    | DeprovisioningElapsed
    | StartTimeoutElapsed
    | HealthCheckDue
    | InterfaceAttached
    | InterfaceRefused
    | ImagesPulled
    | PreparationFailed
    | ContainersStarted
    | StartFailed
    | ContainerStarted
    | ContainerStartFailed
    | HealthChecked
    | ContainersStopped
    | InterfaceDeleted
    | ContainerExited
)
Reminder = ProvisioningElapsed | ActivationElapsed | DeprovisioningElapsed | StartTimeoutElapsed | HealthCheckDue
