"""Orders of a deployment, and the news it takes. `Answered` answers an order under its id, except where it says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .state import Deployment, Problem

# Orders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inspect:
    """Look at the service, its target groups and listeners; answer with its primary task set, and with others besides it."""

    order: str


@dataclass(frozen=True, slots=True)
class CreateTaskSet:
    """Create the replacement task set; answer with its id."""

    order: str


@dataclass(frozen=True, slots=True)
class LookAtTaskSet:
    """Look at a task set; answer whether it is steady."""

    order: str
    task_set: str


@dataclass(frozen=True, slots=True)
class InvokeHook:
    """Invoke the function of a lifecycle event, which reports its result by `HookReported`."""

    order: str
    event: str
    function: str
    execution: str


@dataclass(frozen=True, slots=True)
class ShiftTraffic:
    """Give the replacement a percentage of production or test traffic, and the original the rest."""

    order: str
    test: bool
    weight: int


@dataclass(frozen=True, slots=True)
class MakePrimary:
    """Make a task set the service's primary one."""

    order: str
    task_set: str


@dataclass(frozen=True, slots=True)
class DeleteTaskSet:
    """Delete a task set."""

    order: str
    task_set: str


@dataclass(frozen=True, slots=True)
class ReadAlarms:
    """Read the states of alarms; answered by `AlarmsRead`."""

    names: tuple[str, ...]


Order = Inspect | CreateTaskSet | LookAtTaskSet | InvokeHook | ShiftTraffic | MakePrimary | DeleteTaskSet | ReadAlarms

# News -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to an order: what it asks for, or the problem for which it could not be carried out."""

    order: str
    task_set: str = ""
    others: tuple[str, ...] = ()
    steady: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class HookReported:
    """The result of a hook's function (PutLifecycleEventHookExecutionStatus)."""

    execution: str
    succeeded: bool


@dataclass(frozen=True, slots=True)
class AlarmsRead:
    """Names of the deployment's alarms in the state ALARM. `failed`: they could not be read."""

    active: tuple[str, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class StopRequested:
    """StopDeployment. `rolls_back` None: as the deployment's configuration says."""

    rolls_back: bool | None = None


@dataclass(frozen=True, slots=True)
class ContinueRequested:
    """ContinueDeployment: an end of the wait before production traffic moves, or before the original task set goes."""

    wait: Literal["READY_WAIT", "TERMINATION_WAIT"] = "READY_WAIT"


@dataclass(frozen=True, slots=True)
class Begin:
    """The start of a deployment that was created."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The time that `Decision.wake_at` named."""


News = Answered | HookReported | AlarmsRead | StopRequested | ContinueRequested | Begin | Tick

Announcement = Literal["START", "READY", "SUCCESS", "FAILURE", "STOP"]


@dataclass(slots=True)
class Decision:
    """The consequences of news. `rolls_back`: a deployment that takes this one back is to be created.

    `announced` are states of EventBridge's "CodeDeploy Deployment State-change Notification".
    """

    state: Deployment
    orders: list[Order] = field(default_factory=list)
    announced: list[Announcement] = field(default_factory=list)
    rolls_back: bool = False
    wake_at: float | None = None
