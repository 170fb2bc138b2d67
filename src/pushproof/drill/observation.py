"""Observation of services, executions and deployments through AWS's API, the same on every target."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pushproof.base.clock import Clock
from pushproof.drill.settings import ProofFailed

if TYPE_CHECKING:
    from pushproof.drill.discovery.shapes import ActionExecution, Execution, Service

T = TypeVar("T")

#: Real seconds that every wait may take, whatever the speed: three minutes.
SHORTEST_WAIT = 180.0


@dataclass(frozen=True, slots=True)
class Serving:
    """The revisions a service runs now: task-definition ARNs and image digests of its running tasks."""

    task_definitions: frozenset[str]
    digests: frozenset[str]
    running: int

    def __str__(self) -> str:
        revisions = ", ".join(sorted(arn.rsplit("/", 1)[-1] for arn in self.task_definitions)) or "nothing"
        images = ", ".join(sorted(digest[:19] for digest in self.digests))
        return f"{self.running} × {revisions} ({images})"


class Observer:
    """Asks a target's ECS and CodePipeline about one service and one pipeline.

    `container`: the container whose images count; "" for every container of a task.
    """

    def __init__(
        self, client: Callable[[str], Any], *, cluster: str, service: str, pipeline: str, container: str = ""
    ) -> None:
        self._ecs = client("ecs")
        self._pipelines = client("codepipeline")
        self._cluster, self._service, self._pipeline = cluster, service, pipeline
        self._container = container
        self._seen_events: set[str] = set()

    def service(self) -> Service:
        """Return the service as DescribeServices shows it."""
        services: list[Service] = self._ecs.describe_services(cluster=self._cluster, services=[self._service])[
            "services"
        ]
        return services[0]

    def serving(self) -> Serving:
        """Return the revisions and images of the service's running tasks."""
        arns = self._ecs.list_tasks(cluster=self._cluster, serviceName=self._service, desiredStatus="RUNNING")[
            "taskArns"
        ]
        tasks = self._ecs.describe_tasks(cluster=self._cluster, tasks=arns)["tasks"] if arns else []
        running = [task for task in tasks if task["lastStatus"] == "RUNNING"]
        return Serving(
            frozenset(task["taskDefinitionArn"] for task in running),
            frozenset(
                container["imageDigest"]
                for task in running
                for container in task["containers"]
                if container.get("imageDigest") and self._container in ("", container["name"])
            ),
            len(running),
        )

    def new_events(self) -> list[str]:
        """Return the service events that were not returned before, oldest first."""
        fresh = [event for event in self.service().get("events", []) if event["id"] not in self._seen_events]
        self._seen_events.update(event["id"] for event in fresh)
        return [event["message"] for event in reversed(fresh)]

    def executions(self) -> list[Execution]:
        """Return the pipeline's executions, newest first."""
        listed = self._pipelines.list_pipeline_executions(pipelineName=self._pipeline)
        executions: list[Execution] = listed["pipelineExecutionSummaries"]
        return executions

    def execution_of(self, commit: str) -> Execution | None:
        """Return the newest execution that carries a commit; None when there is none yet."""
        for execution in self.executions():
            if any(revision.get("revisionId") == commit for revision in execution.get("sourceRevisions", [])):
                return execution
        return None

    def summary(self) -> str:
        """Return the newest executions and what serves, in a line."""
        newest = ", ".join(f"{e['pipelineExecutionId'][:8]} {e['status']}" for e in self.executions()[:3])
        return f"executions {newest or 'none'}; serving {self.serving()}"

    def build_log(self) -> list[str] | None:
        """Return the log of the newest build; None where it is in CloudWatch Logs."""
        return None

    def actions(self, execution_id: str) -> list[ActionExecution]:
        """Return the action executions of an execution, oldest first."""
        details = self._pipelines.list_action_executions(
            pipelineName=self._pipeline, filter={"pipelineExecutionId": execution_id}
        )["actionExecutionDetails"]
        return sorted(details, key=lambda action: action["startTime"])

    def failure(self, execution_id: str) -> tuple[str, str]:
        """Return the stage and message of the action that failed in an execution; ("", "") when none did."""
        for action in self.actions(execution_id):
            if action["status"] == "Failed":
                result = action.get("output", {}).get("executionResult", {})
                message = result.get("errorDetails", {}).get("message") or result.get("externalExecutionSummary", "")
                return action["stageName"], message
        return "", ""


def wait_for(
    question: Callable[[], T | None],
    *,
    what: str,
    clock: Clock,
    within: float,
    watch: Callable[[], None] | None = None,
    last: Callable[[], str] | None = None,
) -> T:
    """Ask until there is an answer. `within` is in AWS seconds; `watch` is called between questions, for progress.

    Raises ProofFailed, saying what was awaited, for how long, and the last state.
    """
    started = time.monotonic()
    # The same patience at every speed, but never less than SHORTEST_WAIT of real time: builds are real work.
    limit = max(clock.real_delay(within), min(within, SHORTEST_WAIT))
    while True:
        answer = question()
        if watch is not None:
            watch()
        if answer is not None:
            return answer
        if time.monotonic() - started > limit:
            state = f" Last state: {last()}." if last is not None else ""
            raise ProofFailed(
                f"Timed out after {limit:.0f} s ({within / 60:.0f} min of AWS time) waiting for {what}.{state}"
            )
        time.sleep(min(5.0, max(0.1, clock.real_delay(5.0))))
