"""Lifecycle events of an ECS deployment, in their order.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#reference-appspec-file-structure-hooks-run-order-ecs
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EventName = Literal[
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
]
EventStatus = Literal["Pending", "InProgress", "Succeeded", "Failed", "Skipped"]

ORDER: tuple[EventName, ...] = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)
TESTING: tuple[EventName, ...] = ("AllowTestTraffic", "AfterAllowTestTraffic")
"""Events of deployments with a test listener alone."""
HOOKED: tuple[EventName, ...] = (
    "BeforeInstall",
    "AfterInstall",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
)
"""Events at which functions run; CodeDeploy itself does the work of the others."""


@dataclass(slots=True)
class LifecycleEvent:
    """A lifecycle event of one deployment, with the reason of its failure."""

    name: EventName
    status: EventStatus = "Pending"
    started_at: float | None = None
    ended_at: float | None = None
    reason: str = ""


def course(*, tests: bool) -> list[LifecycleEvent]:
    """Return the events of a deployment, with or without a test listener."""
    return [LifecycleEvent(name) for name in ORDER if tests or name not in TESTING]
