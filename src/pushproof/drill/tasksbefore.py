"""Tasks that run before a deployment, such as a database migration: seen while a push is on its way, judged at its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_ecs.client import ECSClient
    from types_boto3_ecs.type_defs import TaskTypeDef

_MOST_DESCRIBED = 100


@dataclass(frozen=True, slots=True)
class TaskBefore:
    """A task that has ended. `exit_code`: None for a container that never ran; `reason`: ECS's words for the end."""

    exit_code: int | None
    digests: frozenset[str]
    stopped_at: datetime
    reason: str


class TasksBefore:
    """Watches the tasks of a cluster that run a command and belong to no service.

    ECS forgets a stopped task after an hour, which is a minute at speed 60: `look` is called while a push is on its way.
    """

    def __init__(self, ecs: ECSClient, *, cluster: str, container: str, command: tuple[str, ...]) -> None:
        self._ecs, self._cluster, self._container, self._command = ecs, cluster, container, command
        self._seen: set[str] = set()
        self._ended: list[TaskBefore] = []

    def look(self) -> None:
        """Note the tasks that have ended since the last look."""
        pages = self._ecs.get_paginator("list_tasks").paginate(cluster=self._cluster, desiredStatus="STOPPED")
        fresh = [arn for page in pages for arn in page["taskArns"] if arn not in self._seen]
        for first in range(0, len(fresh), _MOST_DESCRIBED):
            arns = fresh[first : first + _MOST_DESCRIBED]
            for task in self._ecs.describe_tasks(cluster=self._cluster, tasks=arns)["tasks"]:
                if task["lastStatus"] == "STOPPED":
                    self._seen.add(task["taskArn"])
                    self._ended += self._of_command(task)

    def take(self) -> list[TaskBefore]:
        """Return the tasks that have ended since this was called last, oldest first."""
        self.look()
        ended, self._ended = self._ended, []
        return sorted(ended, key=lambda task: task.stopped_at)

    def _of_command(self, task: TaskTypeDef) -> Iterable[TaskBefore]:
        overrides = task.get("overrides", {}).get("containerOverrides", [])
        commands = {tuple(override.get("command", ())) for override in overrides}
        if task.get("group", "").startswith("service:") or self._command not in commands:
            return
        for container in task["containers"]:
            if container["name"] == self._container:
                digest = container.get("imageDigest", "")
                yield TaskBefore(
                    exit_code=container.get("exitCode"),
                    digests=frozenset({digest} if digest else ()),
                    stopped_at=task.get("stoppedAt", task["createdAt"]),
                    reason=str(container.get("reason") or task.get("stoppedReason", "")),
                )
