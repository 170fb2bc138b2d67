"""Output of containers, on its way to CloudWatch Logs."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.loop import Outcome

from .model import EcsContainer, EcsTask
from .preparing import log_options
from .roles import TaskRoles

if TYPE_CHECKING:
    from types_boto3_logs.type_defs import InputLogEventTypeDef

    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

_MOST_EVENTS = 5000


class TaskOutput:
    """Collects lines and sends them every `flush_seconds`, with the task's execution role."""

    def __init__(self, site: Site, roles: TaskRoles, flush_seconds: float) -> None:
        self._site = site
        self._roles = roles
        self._flush_seconds = flush_seconds
        self._closed = False

    def close(self) -> None:
        self._closed = True

    def add(self, task: EcsTask, container: EcsContainer, lines: list[tuple[float, str]]) -> None:
        """Keep lines with the AWS time at which they were written."""
        if container.stream is None:
            return
        container.lines += lines
        if container.flush_timer is None:
            container.flush_timer = self._site.loop.call_later(
                self._flush_seconds, partial(self.flush, task, container), name=f"logs of {container.name}"
            )

    def flush(self, task: EcsTask, container: EcsContainer) -> None:
        """Send the collected lines at once."""
        if container.flush_timer is not None:
            container.flush_timer.cancel()
            container.flush_timer = None
        lines, container.lines = container.lines, []
        definition = next(entry for entry in task.definition.containers if entry["name"] == container.name)
        options = log_options(definition)
        role = task.definition.document.get("executionRoleArn")
        stream = container.stream
        if not lines or options is None or stream is None or self._closed:
            return
        clock = self._site.clock
        entries: list[InputLogEventTypeDef] = [
            {"timestamp": int(clock.stamp(at).timestamp() * 1000), "message": text} for at, text in lines if text
        ]
        region = options.get("awslogs-region") or task.region

        def work() -> None:
            credentials = self._roles.execution(role) if role else None
            client = self._site.client("logs", region=region, credentials=credentials)
            for first in range(0, len(entries), _MOST_EVENTS):
                client.put_log_events(
                    logGroupName=options.get("awslogs-group", ""),
                    logStreamName=stream,
                    logEvents=entries[first : first + _MOST_EVENTS],
                )

        def done(outcome: Outcome[None]) -> None:
            # As on AWS, a task continues although its logs are refused; its output is lost.
            if outcome.error is not None:
                log.warning("output of task %s was not stored: %s", task.id, outcome.error)

        if entries:
            self._site.loop.submit(work, done, name=f"logs of {container.name}")
