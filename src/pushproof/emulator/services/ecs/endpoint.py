"""The endpoint inside a task at 169.254.170.2: metadata of task and container, and the task role's credentials.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html,
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html,
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.base.clock import Clock
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.instants import iso

from .model import EcsContainer, EcsTask
from .preparing import log_options
from .shapes import runtime_id

if TYPE_CHECKING:
    from pushproof.emulator.kernel.context import Credentials
    from pushproof.emulator.kernel.site import Site
    from pushproof.emulator.kernel.tasks import TaskRuntime


HOST = "169.254.170.2"
_METADATA = "/v4/"
_CREDENTIALS = "/v2/credentials/"
# The lifetime that credentials state, by the wall clock: an SDK in a container compares it with that.
_LIFETIME = timedelta(hours=6)


def variables(task: EcsTask, container: EcsContainer) -> dict[str, str]:
    """Return the variables by which code in a container reaches this endpoint."""
    values = {"ECS_CONTAINER_METADATA_URI_V4": f"http://{HOST}{_METADATA}{container.token}"}
    if task.role_arn:
        values["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = f"{_CREDENTIALS}{task.token}"
    return values


class LivingTasks(Protocol):
    """The tasks that have not stopped, and the credentials of their roles."""

    def tasks(self) -> list[EcsTask]:
        """Return the tasks that have not stopped yet."""

    def task_credentials(self, task_id: str, role: str) -> Credentials:
        """Return credentials of a task's role. Raises AwsError."""


class TaskEndpoint:
    """A front of the gateway. A request with a task's token gets that task's data; only the task itself receives the token."""

    name = "task endpoint"

    def __init__(self, site: Site, runtime: TaskRuntime | None, life: LivingTasks) -> None:
        self._site = site
        self._runtime = runtime
        self._life = life

    def accepts(self, request: Request) -> bool:
        return request.host.partition(":")[0] == HOST

    def handle(self, request: Request) -> Response:
        if request.method != "GET":
            return _json({"message": f"{request.method} is not served here"}, 405)
        path: str = request.path
        if path.startswith(_CREDENTIALS):
            return self._credentials(path.removeprefix(_CREDENTIALS))
        token, _, what = path.removeprefix(_METADATA).rstrip("/").partition("/")
        if path.startswith(_METADATA) and what in ("", "task", "taskWithTags", "stats", "task/stats"):
            return self._metadata(token, what)
        return _json({"message": f"there is nothing at {path}"}, 404)

    def _credentials(self, token: str) -> Response:
        with self._site.loop.lock:
            task = next((task for task in self._life.tasks() if task.token == token), None)
            role = task.role_arn if task is not None else None
        if task is None or role is None:
            message = "Credentials request: ID not found"
            return _json({"code": "InvalidIdInRequest", "message": message, "HTTPErrorCode": 400}, 400)
        try:
            keys = self._life.task_credentials(task.id, role)
        except AwsError as error:
            return _json({"code": error.code, "message": error.message, "HTTPErrorCode": 500}, 500)
        clock = self._site.clock
        if task.interface is not None:
            self._site.paths.settle(
                keys.access_key_id,
                region=task.region,
                subnet_id=task.interface.subnet_id,
                security_group_ids=task.interface.groups,
                public_ip=task.public_ip,
            )
        return _json(
            {
                "RoleArn": role,
                "AccessKeyId": keys.access_key_id,
                "SecretAccessKey": keys.secret_access_key,
                "Token": keys.session_token,
                "Expiration": iso(clock.stamp(clock.now()) + _LIFETIME),
            }
        )

    def _metadata(self, token: str, what: str) -> Response:
        with self._site.loop.lock:
            pairs = ((task, container) for task in self._life.tasks() for container in task.containers)
            task, container = next(((t, c) for t, c in pairs if c.token == token), (None, None))
            if task is None or container is None:
                return _json(f"V4 metadata handler: unable to find the container of {token!r}", 404)
            if what == "":
                return _json(container_metadata(task, container, self._site.clock))
            if what in ("task", "taskWithTags"):
                return _json(task_metadata(task, self._site.clock, tags=what == "taskWithTags"))
        if what == "stats":
            return _json(self._statistics(task, container))
        return _json({runtime_id(task, container): self._statistics(task, container) for container in task.containers})

    def _statistics(self, task: EcsTask, container: EcsContainer) -> Mapping[str, object] | None:
        runtime = self._runtime
        return runtime.statistics(task.id, container.name) if runtime is not None else None


def container_metadata(task: EcsTask, container: EcsContainer, clock: Clock) -> dict[str, Any]:
    """Return the container part of the response; the addresses are those of the task's network interface."""
    state = task.state.container(container.name)
    assert state is not None
    definition = next(candidate for candidate in task.definition.containers if candidate["name"] == container.name)
    metadata: dict[str, Any] = {
        "DockerId": runtime_id(task, container),
        "Name": container.name,
        "DockerName": container.name,
        "Image": container.image,
        "ImageID": container.digest or "",
        "Labels": {
            "com.amazonaws.ecs.cluster": task.cluster.arn,
            "com.amazonaws.ecs.container-name": container.name,
            "com.amazonaws.ecs.task-arn": task.arn,
            "com.amazonaws.ecs.task-definition-family": task.definition.family,
            "com.amazonaws.ecs.task-definition-version": str(task.definition.revision),
            **(definition.get("dockerLabels") or {}),
        },
        "DesiredStatus": task.desired_status,
        "KnownStatus": state.last_status,
        "Limits": {"CPU": max(2, definition.get("cpu") or 0), "Memory": definition.get("memory") or 0},
        "Type": "NORMAL",
        "ContainerARN": container.arn,
        "Snapshotter": "overlayfs",
    }
    if state.started_at is not None:
        metadata["CreatedAt"] = metadata["StartedAt"] = iso(clock.stamp(state.started_at), "microseconds")
    if state.exit_code is not None:
        metadata["ExitCode"] = state.exit_code
    if state.health is not None:
        metadata["Health"] = {"status": state.health_status}
    options = log_options(definition)
    if options is not None:
        stream = {"awslogs-stream": container.stream} if container.stream else {}
        metadata |= {"LogDriver": "awslogs", "LogOptions": {**options, **stream}}
    if task.interface is not None:
        private = task.interface.private_ip
        metadata["Networks"] = [
            {
                "NetworkMode": "awsvpc",
                "IPv4Addresses": [private],
                "AttachmentIndex": 0,
                "MACAddress": task.interface.mac,
                "PrivateDNSName": f"ip-{private.replace('.', '-')}.{task.region}.compute.internal",
                "DomainNameSearchList": [f"{task.region}.compute.internal"],
            }
        ]
    return metadata


def task_metadata(task: EcsTask, clock: Clock, *, tags: bool = False) -> dict[str, Any]:
    """Return the task part of the response, with its containers."""
    document = task.definition.document
    metadata: dict[str, Any] = {
        "Cluster": task.cluster.arn,
        "TaskARN": task.arn,
        "Family": task.definition.family,
        "Revision": str(task.definition.revision),
        "DesiredStatus": task.desired_status,
        "KnownStatus": task.last_status,
        "Limits": {
            "CPU": int(task.overrides.get("cpu") or document.get("cpu") or 256) / 1024,
            "Memory": int(task.overrides.get("memory") or document.get("memory") or 512),
        },
        "LaunchType": task.launch_type,
        "Containers": [container_metadata(task, container, clock) for container in task.containers],
    }
    if task.service is not None:
        metadata["ServiceName"] = task.service.name
    if task.interface is not None:
        metadata["AvailabilityZone"] = task.interface.zone
    for name, at in (("PullStartedAt", task.pull_started_at), ("PullStoppedAt", task.pull_stopped_at)):
        if at is not None:
            metadata[name] = iso(clock.stamp(at), "microseconds")
    if tags:
        metadata["TaskTags"] = task.tags
    return metadata


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status=status, content_type="application/json")
