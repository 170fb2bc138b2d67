"""Services of a run: deployments, tasks, targets and counts, as ECS and the load balancer described them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pushproof.record.model import (
    Breaker,
    Container,
    Counts,
    Deployment,
    Event,
    Service,
    ServiceEvent,
    TargetState,
    Task,
    TaskState,
)
from pushproof.record.since import Since

Answer = Mapping[str, Any]

#: Members of an event's detail that tell what happened, and hold no secret.
_TOLD = (
    "pipeline", "stage", "action", "state", "build-status", "completed-phase", "completed-phase-status", "eventName", "lastStatus",
    "desiredStatus", "healthStatus", "stopCode", "stoppedReason", "reason", "repository-name", "image-tag", "result", "action-type",
)  # fmt: skip


class Commits:
    """The commit behind an image: its tag, or a tag of its digest, carries the beginning of it."""

    def __init__(self, commits: Iterable[str], images: Mapping[str, Answer]) -> None:
        self._commits = [commit for commit in dict.fromkeys(commits) if len(commit) >= 7]
        self._tags = {digest: " ".join(image.get("imageTags", ())) for digest, image in images.items()}

    def of(self, image: str, digest: str = "") -> str:
        """Return the commit; "" when no tag tells."""
        tags = f"{image.split('@')[0].rpartition('/')[2].partition(':')[2]} {self._tags.get(digest, '')}"
        return next((commit for commit in self._commits if commit[:7] in tags), "")


def services(
    described: Mapping[str, Answer], definitions: Mapping[str, Answer], tasks: Iterable[Task]
) -> Iterator[Service]:
    """Yield each service, as it was described last."""
    listed = list(tasks)
    for arn, service in sorted(described.items()):
        definition = definitions.get(service["taskDefinition"], {})
        yield Service(
            arn=arn,
            name=str(service["serviceName"]),
            cluster=_last(service["clusterArn"]),
            task_definition=_last(service["taskDefinition"]),
            desired=int(service["desiredCount"]),
            zones=tuple(sorted({task.zone for task in listed if task.service == service["serviceName"] and task.zone})),
            # Where secrets are, not what they are.
            secrets=tuple(
                str(secret["valueFrom"])
                for container in definition.get("containerDefinitions", ())
                for secret in container.get("secrets", ())
            ),
        )


def deployments(
    described: Mapping[str, Answer],
    revisions: Mapping[str, Answer],
    definitions: Mapping[str, Answer],
    commits: Commits,
    since: Since,
) -> Iterator[Deployment]:
    """Yield each service deployment, the oldest first."""
    for arn, deployment in sorted(described.items(), key=lambda pair: pair[1].get("createdAt") or 0):
        revision = revisions.get(deployment.get("targetServiceRevision", {}).get("arn", ""), {})
        definition = str(revision.get("taskDefinition", ""))
        breaker, rollback = deployment.get("deploymentCircuitBreaker"), deployment.get("rollback", {})
        containers = definitions.get(definition, {}).get("containerDefinitions", ())
        yield Deployment(
            arn=arn,
            service=_last(deployment["serviceArn"]),
            status=str(deployment["status"]),
            reason=str(deployment.get("statusReason", "")),
            started=since(deployment.get("startedAt", deployment.get("createdAt"))),
            ended=since(deployment.get("finishedAt")),
            task_definition=_last(definition),
            commit=next((commit for c in containers if (commit := commits.of(str(c.get("image", ""))))), ""),
            breaker=None
            if breaker is None
            else Breaker(
                status=str(breaker.get("status", "")),
                failures=int(breaker.get("failureCount", 0)),
                threshold=int(breaker.get("threshold", 0)),
            ),
            rollback_started=since(rollback.get("startedAt")),
            rollback_reason=str(rollback.get("reason", "")),
        )


def tasks(
    described: Mapping[str, Answer],
    states: Iterable[Answer],
    definitions: Mapping[str, Answer],
    commits: Commits,
    since: Since,
) -> Iterator[Task]:
    """Yield each task with its life, the oldest first."""
    of: dict[str, list[Answer]] = {}
    for state in states:
        of.setdefault(state["task"], []).append(state)
    for arn, task in sorted(described.items(), key=lambda pair: (pair[1].get("createdAt") or 0, pair[0])):
        definition = str(task["taskDefinitionArn"])
        containers = tuple(_containers(arn, task, definitions.get(definition, {})))
        yield Task(
            id=_last(arn),
            arn=arn,
            service=str(task.get("group", "")).removeprefix("service:"),
            deployment=str(task.get("startedBy", "")),
            task_definition=_last(definition),
            commit=next((commit for c in containers if (commit := commits.of(c.image, c.digest))), ""),
            zone=str(task.get("availabilityZone", "")),
            address=next(iter(_addresses(task)), ""),
            created=since(task.get("createdAt")),
            started=since(task.get("startedAt")),
            stopped=since(task.get("stoppedAt")),
            status=str(task["lastStatus"]),
            health=str(task.get("healthStatus", "UNKNOWN")),
            stop_code=str(task.get("stopCode", "")),
            stop_reason=str(task.get("stoppedReason", "")),
            states=tuple(_states(of.get(arn, ()), since)),
            containers=containers,
        )


def states_in(events: Iterable[Answer]) -> Iterator[Answer]:
    """Yield the states that ECS's own events tell: more exact than any question that is asked once a second."""
    for event in events:
        envelope = event["envelope"]
        if envelope.get("detail-type") == "ECS Task State Change":
            detail = envelope["detail"]
            yield {
                "at": event["at"], "task": detail["taskArn"], "status": detail["lastStatus"],
                "health": detail.get("healthStatus", "UNKNOWN"),
            }  # fmt: skip


def target_states(states: Iterable[Answer], since: Since) -> Iterator[TargetState]:
    """Yield each change of a target's health."""
    for state in sorted(states, key=lambda entry: entry["at"]):
        yield TargetState(
            at=since.sure(state["at"]),
            group=_group(state["group"]),
            address=str(state["address"]),
            port=int(state["port"]),
            state=str(state["state"]),
            reason=str(state["reason"]),
        )


def counts(entries: Iterable[Answer], since: Since) -> Iterator[Counts]:
    """Yield each change of a service's counts."""
    for entry in sorted(entries, key=lambda e: e["at"]):
        yield Counts(
            at=since.sure(entry["at"]),
            service=_last(entry["service"]),
            desired=int(entry["desired"]),
            running=int(entry["running"]),
            pending=int(entry["pending"]),
            healthy=int(entry["healthy"]),
        )


def service_events(entries: Iterable[Answer], since: Since) -> Iterator[ServiceEvent]:
    """Yield each event of a service, the oldest first."""
    for entry in sorted(entries, key=lambda e: e.get("createdAt") or 0):
        yield ServiceEvent(
            at=since.sure(entry.get("createdAt")), service=_last(entry["service"]), message=str(entry["message"])
        )


def bus_events(entries: Iterable[Answer], since: Since) -> Iterator[Event]:
    """Yield each event of the bus, without what its detail may hold besides."""
    for entry in entries:
        envelope = entry["envelope"]
        detail = envelope.get("detail", {})
        told = [f"{name} {detail[name]}" for name in _TOLD if isinstance(detail.get(name), str) and detail[name]]
        yield Event(
            at=since.sure(entry["at"]),
            source=str(envelope.get("source", "")),
            type=str(envelope.get("detail-type", "")),
            resources=tuple(map(str, envelope.get("resources", ()))),
            text=", ".join(told),
        )


def instant(value: Any) -> float | None:
    """Return an instant as seconds since the epoch."""
    return value.timestamp() if isinstance(value, datetime) else value if isinstance(value, int | float) else None


def _states(states: Iterable[Answer], since: Since) -> Iterator[TaskState]:
    last: tuple[str, str] | None = None
    for state in sorted(states, key=lambda entry: entry["at"]):
        now = (str(state["status"]), str(state["health"]))
        if now != last:
            last = now
            yield TaskState(at=since.sure(state["at"]), status=now[0], health=now[1])


def _containers(arn: str, task: Answer, definition: Answer) -> Iterator[Container]:
    configured = {c["name"]: c for c in definition.get("containerDefinitions", ())}
    for container in task.get("containers", ()):
        name = str(container["name"])
        log = configured.get(name, {}).get("logConfiguration") or {}
        options = log.get("options") or {}
        prefix = options.get("awslogs-stream-prefix", "")
        code = container.get("exitCode")
        yield Container(
            name=name,
            image=str(container.get("image", "")),
            digest=str(container.get("imageDigest", "")),
            exit_code=code if isinstance(code, int) else None,
            reason=str(container.get("reason", "")),
            health=str(container.get("healthStatus", "UNKNOWN")),
            log_group=str(options.get("awslogs-group", "")),
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html: prefix/container/task
            log_stream=f"{prefix}/{name}/{_last(arn)}" if prefix else "",
        )


def _addresses(task: Answer) -> Iterator[str]:
    for attachment in task.get("attachments", ()):
        for detail in attachment.get("details", ()):
            if detail.get("name") == "privateIPv4Address":
                yield str(detail.get("value", ""))


def _last(arn: Any) -> str:
    return str(arn).rsplit("/", 1)[-1]


def _group(arn: Any) -> str:
    parts = str(arn).split("/")
    return parts[-2] if len(parts) > 2 else str(arn)
