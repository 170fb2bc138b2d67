"""The state of one deployment, as plain values that the caller owns. `machine.step` brings it up to date in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .events import LifecycleEvent
from .routing import Routing
from .settings import CodeDeploySettings

DeploymentStatus = Literal["Created", "Queued", "InProgress", "Ready", "Succeeded", "Failed", "Stopped"]
RollbackCause = Literal["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
ROLLBACK_CAUSES: tuple[RollbackCause, ...] = (
    "DEPLOYMENT_FAILURE",
    "DEPLOYMENT_STOP_ON_ALARM",
    "DEPLOYMENT_STOP_ON_REQUEST",
)
ENDED: tuple[DeploymentStatus, ...] = ("Succeeded", "Failed", "Stopped")

Stage = Literal[
    "Inspect",
    "Leftovers",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "Ready",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "Primary",
    "AfterAllowTraffic",
    "TerminationWait",
    "Terminate",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason for which a deployment failed or was stopped: an error code of CodeDeploy, and its text."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Task of a deployment. Times are minutes, as in the API.

    `ready_minutes` None: production traffic moves without a wait. `termination_minutes` None: the original task set stays.
    `alarms` are the names of those that stop the deployment. `tests`: there is a test listener.
    """

    routing: Routing = field(default_factory=Routing)
    hooks: Mapping[str, str] = field(default_factory=dict)
    tests: bool = False
    ready_minutes: int | None = None
    termination_minutes: int | None = 0
    rolls_back_on: frozenset[RollbackCause] = frozenset()
    alarms: tuple[str, ...] = ()
    ignores_unread_alarms: bool = False


@dataclass(slots=True)
class Deployment:
    """The course of a deployment, or of the rollback of another one (`rolls_back` is its id).

    `production` and `test` are the percentages of traffic that the replacement has, as they last became true; None before anything
    was to be shifted. `waiting_for` is the order that has not been answered. `hook` is the execution that has not reported.
    """

    id: str
    plan: Plan
    settings: CodeDeploySettings
    created_at: float
    events: list[LifecycleEvent]
    stages: tuple[Stage, ...]
    status: DeploymentStatus = "Created"
    started_at: float | None = None
    completed_at: float | None = None
    updated_at: float = 0.0
    rolls_back: str = ""
    index: int = 0
    entered: bool = False
    step: int = 0
    original: str = ""
    replacement: str = ""
    leftovers: list[str] = field(default_factory=list)
    production: int | None = None
    test: int | None = None
    replaced: bool = False
    """The replacement was ordered to be the primary task set."""
    waiting_for: str = ""
    orders: int = 0
    hook: str = ""
    next_at: float | None = None
    deadline: float | None = None
    alarms_at: float | None = None
    reading_alarms: bool = False
    stopping: Problem | None = None
    """An end that was asked for while an order was on its way."""
    stop_cause: RollbackCause = "DEPLOYMENT_FAILURE"
    stop_rolls_back: bool | None = None
    problem: Problem | None = None
    rolled_back_by: str = ""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def stage(self) -> Stage | None:
        return self.stages[self.index] if self.index < len(self.stages) else None

    @property
    def waits_for_termination(self) -> bool:
        """True from the moment that the wait for the end of the original task set begins."""
        if self.plan.termination_minutes is None or self.rolls_back:
            return False
        return self.index >= self.stages.index("TerminationWait")

    def event(self, name: str) -> LifecycleEvent | None:
        return next((event for event in self.events if event.name == name), None)
