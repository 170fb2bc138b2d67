"""Tasks, and what services and revisions run on, in the API's shapes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from pushproof.base.clock import Clock
from pushproof.engines.tasks import TaskState

from .model import EcsContainer, EcsTask, tag_list

if TYPE_CHECKING:
    from types_boto3_ecs.literals import LaunchTypeType
    from types_boto3_ecs.type_defs import (
        CapacityProviderStrategyItemTypeDef,
        ContainerTypeDef,
        DeploymentTypeDef,
        EphemeralStorageTypeDef,
        NetworkConfigurationOutputTypeDef,
        NetworkInterfaceTypeDef,
        ServiceRevisionTypeDef,
        ServiceTypeDef,
        TaskOverrideOutputTypeDef,
        TaskSetTypeDef,
        TaskTypeDef,
    )


_EPHEMERAL: EphemeralStorageTypeDef = {"sizeInGiB": 20}


def task_shape(task: EcsTask, clock: Clock, *, state: TaskState | None = None, tags: bool = False) -> TaskTypeDef:
    """Describe a task as it is, or as it was in `state`.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
    """
    document = task.definition.document
    state = state or task.state
    containers: list[ContainerTypeDef] = []
    shown: TaskTypeDef = {
        "taskArn": task.arn,
        "clusterArn": task.cluster.arn,
        "taskDefinitionArn": task.definition.arn,
        "containers": containers,
        "attachments": [],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "lastStatus": state.last_status,
        "desiredStatus": state.desired_status,
        "healthStatus": state.health,
        "group": task.group,
        "launchType": task.launch_type,
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "overrides": _overrides(task),
        "cpu": str(document.get("cpu", "256")),
        "memory": str(document.get("memory", "512")),
        "ephemeralStorage": document.get("ephemeralStorage", _EPHEMERAL),
        "enableExecuteCommand": False,
        "inferenceAccelerators": [],
        "version": state.version,
        "tags": tag_list(task.tags) if tags else [],
    }
    if task.started_by:
        shown["startedBy"] = task.started_by
    if task.capacity_provider:
        shown["capacityProviderName"] = task.capacity_provider
    if state.stop_code:
        shown["stopCode"] = state.stop_code
        shown["stoppedReason"] = state.stopped_reason or ""
    if state.started_at is not None or state.last_status == "RUNNING":
        shown["connectivity"] = "CONNECTED"
        shown["connectivityAt"] = clock.stamp(task.created_at)
    shown["createdAt"] = clock.stamp(task.created_at)
    if task.pull_started_at is not None:
        shown["pullStartedAt"] = clock.stamp(task.pull_started_at)
    if task.pull_stopped_at is not None:
        shown["pullStoppedAt"] = clock.stamp(task.pull_stopped_at)
    if state.started_at is not None:
        shown["startedAt"] = clock.stamp(state.started_at)
    if state.stopping_at is not None:
        shown["stoppingAt"] = clock.stamp(state.stopping_at)
    if state.execution_stopped_at is not None:
        shown["executionStoppedAt"] = clock.stamp(state.execution_stopped_at)
    if state.stopped_at is not None:
        shown["stoppedAt"] = clock.stamp(state.stopped_at)
    interface = task.interface
    networks: list[NetworkInterfaceTypeDef] = []
    if interface is not None:
        networks = [{"attachmentId": interface.attachment_id, "privateIpv4Address": interface.private_ip}]
        shown["availabilityZone"] = interface.zone
        shown["attachments"] = [
            {
                "id": interface.attachment_id,
                "type": "ElasticNetworkInterface",
                "status": interface.status,
                "details": [
                    {"name": "subnetId", "value": interface.subnet_id},
                    {"name": "networkInterfaceId", "value": interface.id},
                    {"name": "macAddress", "value": interface.mac},
                    {"name": "privateIPv4Address", "value": interface.private_ip},
                ],
            }
        ]
    for record in task.containers:
        container = state.container(record.name)
        assert container is not None
        described: ContainerTypeDef = {
            "containerArn": record.arn,
            "taskArn": task.arn,
            "name": record.name,
            "image": record.image,
            "lastStatus": container.last_status,
            "networkInterfaces": networks,
            "healthStatus": container.health_status,
            "cpu": "0",
        }
        if record.digest:
            described["imageDigest"] = record.digest
            described["runtimeId"] = runtime_id(task, record)
        if container.exit_code is not None:
            described["exitCode"] = container.exit_code
        if container.reason:
            described["reason"] = container.reason
        containers.append(described)
    return shown


def _overrides(task: EcsTask) -> TaskOverrideOutputTypeDef:
    shown = task.overrides.copy()
    shown.setdefault("containerOverrides", [{"name": container.name} for container in task.containers])
    shown.setdefault("inferenceAcceleratorOverrides", [])
    return shown


def runtime_id(task: EcsTask, container: EcsContainer) -> str:
    """Return Fargate's name of a container: the task's id and ten digits."""
    return f"{task.id}-{zlib.crc32(container.name.encode()):010d}"


class Compute(TypedDict, total=False):
    """The members that describe what a service or revision runs on."""

    platformVersion: str
    platformFamily: str
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]
    launchType: LaunchTypeType
    networkConfiguration: NetworkConfigurationOutputTypeDef


def compute(parameters: Mapping[str, Any]) -> Compute:
    """Describe what a service or revision runs on: launch type or capacity providers, platform, network."""
    shown: Compute = {
        "platformVersion": parameters.get("platformVersion") or "LATEST",
        "platformFamily": "Linux",
    }
    if parameters.get("capacityProviderStrategy"):
        shown["capacityProviderStrategy"] = parameters["capacityProviderStrategy"]
    else:
        shown["launchType"] = parameters["launchType"]
    if parameters.get("networkConfiguration"):
        shown["networkConfiguration"] = parameters["networkConfiguration"]
    return shown


def add_compute(
    shown: ServiceTypeDef | DeploymentTypeDef | ServiceRevisionTypeDef | TaskSetTypeDef, parameters: Mapping[str, Any]
) -> None:
    """Add the members of `compute` to the shape of a service, a deployment or a revision."""
    members = compute(parameters)
    shown["platformVersion"], shown["platformFamily"] = members["platformVersion"], members["platformFamily"]
    if "capacityProviderStrategy" in members:
        shown["capacityProviderStrategy"] = members["capacityProviderStrategy"]
    if "launchType" in members:
        shown["launchType"] = members["launchType"]
    if "networkConfiguration" in members:
        shown["networkConfiguration"] = members["networkConfiguration"]
