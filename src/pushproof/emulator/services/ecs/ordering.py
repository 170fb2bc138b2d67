"""`dependsOn`: what a container of a task waits for, and whether it has come, or cannot come any more.

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Condition = Literal["START", "COMPLETE", "SUCCESS", "HEALTHY"]
CONDITIONS: tuple[Condition, ...] = ("START", "COMPLETE", "SUCCESS", "HEALTHY")


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of `dependsOn`: a container's name and what it must have come to."""

    container: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a container has come. `overdue`: its `startTimeout` is over."""

    started: bool
    exit_code: int | None
    healthy: bool
    overdue: bool = False


class Unmeetable(Exception):
    """A dependency that can never be met; the message says which, and why."""


def dependencies(definition: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """The entries of a container definition's `dependsOn`."""
    return tuple(Dependency(one["containerName"], one["condition"]) for one in definition.get("dependsOn") or [])


def met(dependency: Dependency, progress: Progress) -> bool:
    """Whether the dependency's container has come as far as the condition asks. Raises Unmeetable."""
    name, condition = dependency.container, dependency.condition
    ended = progress.exit_code is not None
    if condition == "START":
        return progress.started
    if condition == "COMPLETE" and ended:
        return True
    if condition == "SUCCESS" and ended:
        if progress.exit_code == 0:
            return True
        raise Unmeetable(f"dependency {name} should have ended in SUCCESS, and exited with code {progress.exit_code}")
    if condition == "HEALTHY" and ended:
        raise Unmeetable(
            f"dependency {name} should have become HEALTHY, and exited with code {progress.exit_code} before"
        )
    if condition == "HEALTHY" and progress.healthy:
        return True
    if progress.overdue:
        raise Unmeetable(f"dependency {name} did not come to {condition} within its startTimeout")
    return False


def refusal(containers: Sequence[Mapping[str, Any]]) -> str | None:
    """What is wrong with the dependencies of a task definition's containers; None when they can be met."""
    known = {one["name"]: one for one in containers}
    for one in containers:
        for entry in one.get("dependsOn") or []:
            words = f"Container {one['name']}: dependsOn"
            name, condition = entry.get("containerName"), entry.get("condition")
            other = known.get(name)
            if other is None or other is one:
                return f"{words} names {name!r}, which is no other container of the task definition."
            if condition not in CONDITIONS:
                return f"{words} has the condition {condition!r}; expected one of {', '.join(CONDITIONS)}."
            if condition in ("COMPLETE", "SUCCESS") and other.get("essential", True):
                return f"{words} waits for {condition} of {name}, which is essential: when it ends, the task does."
            if condition == "HEALTHY" and not other.get("healthCheck"):
                return f"{words} waits for HEALTHY of {name}, which has no health check."
    waiting = {one["name"]: {entry["containerName"] for entry in one.get("dependsOn") or []} for one in containers}
    while free := [name for name, others in waiting.items() if not others & waiting.keys()]:
        waiting = {name: others for name, others in waiting.items() if name not in free}
    return f"Containers {', '.join(sorted(waiting))} wait for each other through dependsOn." if waiting else None
