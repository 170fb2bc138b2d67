"""Refusals of RegisterTaskDefinition, in AWS's words: the first problem of a request, before anything is stored.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html ; most texts are recorded
answers of the service (github.com/badmintoncryer/cdk-preflight, rules/ecs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pushproof.engines.tasks import HealthCheck, InvalidHealthCheck, refusal

from .fargate import fargate_problems
from .sizes import cpu_units, mebibytes

Document = Mapping[str, Any]

NETWORK_MODES = ("bridge", "host", "awsvpc", "none")
COMPATIBILITIES = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")
_LOG_DRIVERS = ("json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens")
_ARCHITECTURES = ("X86_64", "ARM64")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_IMAGE = re.compile(r"[A-Za-z0-9_:./#@+-]{1,255}")


def problems(request: Document) -> Iterator[str]:
    """Yield every problem of a registration, in AWS's order."""
    containers: Sequence[Document] = request.get("containerDefinitions") or []
    yield from _names(request, containers)
    yield from _sizes(request, containers)
    yield from _network(request, containers)
    for container in containers:
        yield from _container(request, container, containers)
    yield from _volumes(request, containers)
    yield from _task(request)
    wrong = refusal(containers)
    if wrong is not None:
        yield wrong
    if "FARGATE" in (request.get("requiresCompatibilities") or []):
        yield from fargate_problems(request, containers)


def _names(request: Document, containers: Sequence[Document]) -> Iterator[str]:
    if not _NAME.fullmatch(request["family"]):
        yield "Family should only contain letters, numbers, hyphens and underscores."
    if not containers:
        yield "Container list cannot be empty."
    for member, pattern in (("name", _NAME), ("image", _IMAGE)):
        values = [container.get(member) for container in containers]
        if not all(values):
            yield f"Container.{member} should not be null or empty."
        if not all(pattern.fullmatch(str(value)) for value in values):
            yield f"Container.{member} contains invalid characters."
    names = [container["name"] for container in containers]
    if len(set(names)) != len(names):
        yield "Container names must be unique within a task definition."
    if all(container.get("essential") is False for container in containers):
        yield "Task definition doesn't have any essential container"
    for what, allowed, values in (
        ("network mode", NETWORK_MODES, [request.get("networkMode")]),
        ("compatibility", COMPATIBILITIES, request.get("requiresCompatibilities") or []),
        ("CPU architecture", _ARCHITECTURES, [(request.get("runtimePlatform") or {}).get("cpuArchitecture")]),
    ):
        for value in values:
            if value and value not in allowed:
                yield f"{value} is not a valid {what}. Must be one of [{', '.join(allowed)}]"


def _sizes(request: Document, containers: Sequence[Document]) -> Iterator[str]:
    cpu, memory = cpu_units(request.get("cpu")), mebibytes(request.get("memory"))
    for member, size in (("cpu", cpu), ("memory", memory)):
        if request.get(member) and size is None:
            yield f"Invalid '{member}' setting for task."
    for container in containers:
        name = container["name"]
        own, reserved = container.get("memory"), container.get("memoryReservation")
        if any(value is not None and value < 0 for value in (own, reserved, container.get("cpu"))):
            yield f"Invalid setting for container '{name}'. Sizes cannot be negative."
        if memory is None and not own and not reserved:
            yield (
                f"Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be "
                f"specified."
            )
        if own and reserved and reserved > own:
            yield f"Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'."
        if own and memory is not None and own > memory:
            yield f"The 'memory' setting for container '{name}' is greater than for the task."
    if cpu is not None and sum(container.get("cpu") or 0 for container in containers) > cpu:
        yield "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value."


def _network(request: Document, containers: Sequence[Document]) -> Iterator[str]:
    mode = request.get("networkMode")
    for container in containers:
        for mapping in container.get("portMappings") or []:
            yield from _mapping(mode, container["name"], mapping)
        if mode == "awsvpc":
            for member, words in (
                ("links", "Links are not supported when networkMode=awsvpc"),
                ("hostname", "hostname is not supported on container when networkMode=awsvpc"),
                ("extraHosts", "Extra hosts are not supported on container when networkMode=awsvpc"),
                ("dnsServers", "DNS servers are not supported on container when networkMode=awsvpc"),
                ("dnsSearchDomains", "DNS search domains are not supported on container when networkMode=awsvpc"),
                ("disableNetworking", "Disable Networking is not supported on container when networkMode=awsvpc"),
            ):
                if container.get(member):
                    yield words
    mappings = [mapping for container in containers for mapping in container.get("portMappings") or []]
    names = [mapping["name"] for mapping in mappings if mapping.get("name")]
    if len(set(names)) != len(names):
        yield "port mapping name is already used"
    if request.get("proxyConfiguration") and mode != "awsvpc":
        yield "APPMESH proxy configuration is only supported in networkMode=awsvpc"


def _mapping(mode: str | None, container: str, mapping: Document) -> Iterator[str]:
    port, host = mapping.get("containerPort"), mapping.get("hostPort")
    if mapping.get("containerPortRange") and (port is not None or host is not None):
        yield "cannot specify both single port and port range"
    for member, value in (("containerPort", port), ("hostPort", host)):
        if value is not None and not 0 <= value <= 65_535:
            yield f"Invalid '{member}' setting for container '{container}'"
    if mapping.get("protocol") not in (None, "", "tcp", "udp"):
        yield f"Invalid 'protocol' setting for container '{container}'"
    if mode in ("awsvpc", "host") and host and host != port:
        yield f"When networkMode={mode}, the host ports and container ports in port mappings must match."


def _container(request: Document, container: Document, containers: Sequence[Document]) -> Iterator[str]:
    name = container["name"]
    if container.get("healthCheck"):
        try:
            HealthCheck.parse(container["healthCheck"])
        except InvalidHealthCheck as error:
            yield f"Container {name}: {error}"
    secrets = container.get("secrets") or []
    if secrets and not request.get("executionRoleArn"):
        yield "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
    names = {variable.get("name") for variable in container.get("environment") or []}
    for secret in secrets:
        if secret.get("name") in names:
            yield (
                "The secret name must be unique and not shared with any new or existing environment variables set on "
                f"the container, such as '{secret.get('name')}'."
            )
    yield from _logging(container, containers)
    files = container.get("environmentFiles") or []
    if len(files) > 10:
        yield "The maximum number of environment files was exceeded. Specify ten or less and try again."
    if not all(str(file.get("value", "")).startswith("arn:") for file in files):
        yield "Invalid arn syntax."
    for limit in container.get("ulimits") or []:
        if (limit.get("softLimit") or 0) > (limit.get("hardLimit") or 0):
            yield f"Soft limit exceeds hard limit for ulimit {limit.get('name')}"
    period = (container.get("restartPolicy") or {}).get("restartAttemptPeriod")
    if period is not None and not 60 <= period <= 1800:
        yield f"the 'restartAttemptPeriod' setting for container '{name}' must be between 60 and 1800"
    for member in ("startTimeout", "stopTimeout"):
        value = container.get(member)
        if value is not None and value < 0:
            yield f"Invalid '{member}' setting for container '{name}'"


def _logging(container: Document, containers: Sequence[Document]) -> Iterator[str]:
    configuration = container.get("logConfiguration")
    if not configuration:
        return
    driver, options = configuration.get("logDriver"), configuration.get("options") or {}
    if driver not in _LOG_DRIVERS:
        yield f"{driver} is not a valid log driver. Must be one of [{', '.join(_LOG_DRIVERS)}]"
    if driver == "awslogs" and not options.get("awslogs-group"):
        yield "Log driver awslogs requires options: awslogs-group"
    if driver == "awsfirelens" and not any(other.get("firelensConfiguration") for other in containers):
        yield (
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be "
            "specified."
        )


def _volumes(request: Document, containers: Sequence[Document]) -> Iterator[str]:
    volumes: Sequence[Document] = request.get("volumes") or []
    names = [volume.get("name") for volume in volumes]
    if len(set(names)) != len(names):
        yield "Volume names must be unique within a task definition."
    for container in containers:
        for point in container.get("mountPoints") or []:
            if point.get("sourceVolume") not in names:
                yield f"Unknown volume '{point.get('sourceVolume')}'."
    for volume in volumes:
        efs = volume.get("efsVolumeConfiguration")
        if not efs:
            continue
        encrypted = efs.get("transitEncryption") == "ENABLED"
        authorization = efs.get("authorizationConfig") or {}
        if authorization.get("accessPointId") and efs.get("rootDirectory") not in (None, "", "/"):
            yield 'When using an EFS access point, the root directory must either be set to "/" or be omitted.'
        if authorization.get("iam") == "ENABLED" and not encrypted:
            yield "EFS IAM authorization requires TransitEncryption to be enabled."
        if efs.get("transitEncryptionPort") and not encrypted:
            yield "TransitEncryptionPort requires that TransitEncryption is enabled."


def _task(request: Document) -> Iterator[str]:
    storage = request.get("ephemeralStorage")
    if storage:
        size = storage.get("sizeInGiB")
        required = request.get("requiresCompatibilities")
        if required and "FARGATE" not in required:
            yield "Tasks using the EC2 launch type do not support EphemeralStorage"
        if size is None or size < 21:
            yield "EphemeralStorage size should be at least 21"
        elif size > 200:
            yield "EphemeralStorage size should be at most 200"
    if request.get("inferenceAccelerators"):
        yield "Unsupported field 'inferenceAccelerators'"
