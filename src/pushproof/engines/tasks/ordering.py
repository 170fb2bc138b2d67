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
    """The progress of a container. `overdue`: its `startTimeout` is over."""

    started: bool
    exit_code: int | None
    healthy: bool
    overdue: bool = False


class Unmeetable(Exception):
    """A dependency that can never be met; the message says which, and why."""


def dependencies(definition: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """The entries of a container definition's `dependsOn`."""
    return tuple(Dependency(entry["containerName"], entry["condition"]) for entry in definition.get("dependsOn") or [])


def met(dependency: Dependency, progress: Progress) -> bool:
    """Return whether the dependency's container has come as far as the condition asks. Raises Unmeetable."""
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
    """Return the fault in the dependencies of a task definition's containers; None when they can be met.

    AWS's own words, but for cycles, self-reference and unknown conditions.
    """
    by_name = {container["name"]: container for container in containers}
    for container in containers:
        for entry in container.get("dependsOn") or []:
            name, condition = entry.get("containerName"), entry.get("condition")
            other = by_name.get(name)
            if other is None:
                return f"Cannot depend on container {name} because it does not exist."
            if other is container:
                return f"Container {name} cannot depend on itself."
            if condition not in CONDITIONS:
                return f"{condition} is not a valid condition of dependsOn. Must be one of [{', '.join(CONDITIONS)}]"
            if condition in ("COMPLETE", "SUCCESS") and other.get("essential") is not False:
                return "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container."
            if condition == "HEALTHY" and not other.get("healthCheck"):
                return "A dependency container with HEALTHY condition must have health check configured."
    waiting = {
        container["name"]: {entry["containerName"] for entry in container.get("dependsOn") or []}
        for container in containers
    }
    while free := [name for name, others in waiting.items() if not others & waiting.keys()]:
        waiting = {name: others for name, others in waiting.items() if name not in free}
    return f"Containers {', '.join(sorted(waiting))} wait for each other through dependsOn." if waiting else None
