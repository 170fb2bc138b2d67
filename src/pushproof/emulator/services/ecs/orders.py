"""A task, as its definition and its overrides describe it: for the engine, the API, and its preparation."""

from __future__ import annotations

import uuid
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from pushproof.base.clock import Clock, start_room
from pushproof.engines.tasks import Container, HealthCheck, dependencies

from .endpoint import variables
from .model import EcsContainer, EcsTask
from .preparing import Order, log_options

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef, ContainerOverrideOutputTypeDef


def new_container(task_arn: str, definition: ContainerDefinitionOutputTypeDef, task_id: str) -> EcsContainer:
    """Return a container's record before anything has happened to it."""
    options = log_options(definition)
    stream = None
    if options is not None:
        prefix = options.get("awslogs-stream-prefix")
        stream = f"{prefix}/{definition['name']}/{task_id}" if prefix else f"{definition['name']}/{task_id}"
    return EcsContainer(
        name=definition["name"],
        image=definition["image"],
        arn=f"{task_arn.replace(':task/', ':container/')}/{uuid.uuid4()}",
        stream=stream,
    )


def container_state(definition: ContainerDefinitionOutputTypeDef, clock: Clock) -> Container:
    """Return a container in the form of the engine. Its start period is longer where the clock runs faster than programs start."""
    check = None
    if definition.get("healthCheck"):
        check = HealthCheck.parse(definition["healthCheck"])
        room = start_room(clock, float(check.start_period + check.interval * check.retries))
        check = replace(check, start_period=check.start_period + ceil(room))
    return Container(
        name=definition["name"],
        essential=definition["essential"],
        check=check,
        depends_on=dependencies(definition),
        start_timeout=definition.get("startTimeout"),
    )


def order_of(task: EcsTask) -> Order:
    """Return everything that the preparation of a task needs, as values."""
    document = task.definition.document
    overrides = {entry["name"]: entry for entry in task.overrides.get("containerOverrides") or [] if entry.get("name")}
    assert task.interface is not None
    return Order(
        task_id=task.id,
        family=task.definition.family,
        region=task.region,
        cpu=int(task.overrides.get("cpu") or document.get("cpu") or 256),
        memory=int(task.overrides.get("memory") or document.get("memory") or 512),
        containers=tuple(_overridden(entry, overrides.get(entry["name"])) for entry in task.definition.containers),
        streams={container.name: container.stream for container in task.containers if container.stream},
        execution_role=task.overrides.get("executionRoleArn") or document.get("executionRoleArn"),
        subnet_id=task.interface.subnet_id,
        security_groups=tuple(task.network.get("securityGroups") or task.interface.groups),
        public_ip=task.public_ip,
        task_arn=task.arn,
        service=task.service.name if task.service is not None else "",
        variables={container.name: variables(task, container) for container in task.containers},
    )


def _overridden(
    definition: ContainerDefinitionOutputTypeDef, override: ContainerOverrideOutputTypeDef | None
) -> ContainerDefinitionOutputTypeDef:
    if not override:
        return definition
    changed = definition.copy()
    if "command" in override:
        changed["command"] = override["command"]
    if "cpu" in override:
        changed["cpu"] = override["cpu"]
    if "memory" in override:
        changed["memory"] = override["memory"]
    if override.get("environment"):
        names = {pair.get("name") for pair in override["environment"]}
        kept = [pair for pair in definition.get("environment", []) if pair.get("name") not in names]
        changed["environment"] = kept + override["environment"]
    return changed
