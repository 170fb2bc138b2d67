"""Refusals of task definitions that Fargate cannot run, in AWS's words.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html ; most texts are recorded
answers of the service (github.com/badmintoncryer/cdk-preflight, rules/ecs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .sizes import FARGATE_MEMORY, cpu_units, mebibytes

Document = Mapping[str, Any]

_LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
_UNSUPPORTED = "Fargate compatible task definitions do not support"


def fargate_problems(request: Document, containers: Sequence[Document]) -> Iterator[str]:
    """Yield every reason why the definition cannot run on Fargate, in AWS's order."""
    if request.get("networkMode") != "awsvpc":
        yield "Fargate only supports network mode ‘awsvpc’."
    yield from _sizes(request)
    if request.get("ipcMode"):
        yield f"{_UNSUPPORTED} ipcMode"
    if request.get("pidMode") not in (None, "", "task"):
        yield (
            f"Tasks using the Fargate launch type do not support pidMode '{request['pidMode']}'. The supported "
            f"value for "
            "pidMode is 'task'."
        )
    if request.get("placementConstraints"):
        yield f"{_UNSUPPORTED} constraints"
    for volume in request.get("volumes") or []:
        if (volume.get("host") or {}).get("sourcePath"):
            yield f"{_UNSUPPORTED} sourcePath"
        for member in ("dockerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration"):
            if volume.get(member):
                yield f"{_UNSUPPORTED} {member}"
    for container in containers:
        yield from _container(container)
    if not request.get("executionRoleArn"):
        yield from _without_role(containers)
    for container in containers:
        configuration = container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        if configuration.get("logDriver") == "awslogs" and not options.get("awslogs-stream-prefix"):
            yield "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs."


def _sizes(request: Document) -> Iterator[str]:
    for part in ("cpu", "memory"):
        if not request.get(part):
            yield f"Fargate requires that '{part}' be defined at the task level."
    cpu, memory = cpu_units(request.get("cpu")) or 0, mebibytes(request.get("memory")) or 0
    windows = str((request.get("runtimePlatform") or {}).get("operatingSystemFamily") or "").startswith("WINDOWS")
    if memory not in FARGATE_MEMORY.get(cpu, ()) or (windows and cpu < 1024):
        yield (
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
            "documentation for the valid values."
        )


def _container(container: Document) -> Iterator[str]:
    if container.get("privileged"):
        yield "Fargate requires that the 'privileged' setting be 'false'."
    if container.get("dockerSecurityOptions"):
        yield f"{_UNSUPPORTED} dockerSecurityOptions"
    linux = container.get("linuxParameters") or {}
    for member in ("devices", "sharedMemorySize", "maxSwap"):
        if linux.get(member):
            yield f"{_UNSUPPORTED} {member}"
    for capability in (linux.get("capabilities") or {}).get("add") or []:
        if capability != "SYS_PTRACE":
            yield f"{capability} is not allowed on Fargate."
    if any(requirement.get("type") == "GPU" for requirement in container.get("resourceRequirements") or []):
        yield "Tasks using the Fargate launch type do not support GPU resource requirements"
    driver = (container.get("logConfiguration") or {}).get("logDriver")
    if driver and driver not in _LOG_DRIVERS:
        yield f"{driver} is not a valid log driver. Must be one of [{', '.join(_LOG_DRIVERS)}]"
    # API_ContainerDefinition: "the max stop timeout value is 120 seconds".
    if (container.get("stopTimeout") or 0) > 120:
        yield "The 'stopTimeout' setting cannot be greater than 120 seconds on Fargate."


def _without_role(containers: Sequence[Document]) -> Iterator[str]:
    needs = "Fargate requires task definition to have execution role ARN to support"
    if any((container.get("logConfiguration") or {}).get("logDriver") == "awslogs" for container in containers):
        yield f"{needs} log driver awslogs."
    if any(".dkr.ecr." in container["image"] for container in containers):
        yield f"{needs} ECR images."
