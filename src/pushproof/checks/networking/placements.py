"""The placements of ECS services' tasks, and the AWS resources that tasks need before their containers run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of
from pushproof.checks.check import Clients
from pushproof.engines.reachability import Place

if TYPE_CHECKING:
    from types_boto3_ecs.client import ECSClient
    from types_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef, ServiceTypeDef

_ECR_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")


@dataclass(frozen=True, slots=True)
class Placement:
    """The place of an ECS service's tasks: one for each subnet of the service.

    Attributes:
        service: The service's ARN.
        place: Subnet and security groups.
        ports: The container ports behind load balancers.
        target_groups: The target groups the tasks are registered in.
        repositories: ARNs of the ECR repositories that the tasks' images come from.
        secrets: ARNs of the secrets that are handed to containers.
        log_streams: ARNs of streams such as the containers' in their log groups.
    """

    service: str
    place: Place
    ports: tuple[int, ...] = ()
    target_groups: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    log_streams: tuple[str, ...] = ()


def read_placements(aws: Clients, subnet_ids: set[str]) -> Iterator[Placement]:
    """The placements of every service of every cluster in these subnets."""
    ecs = aws("ecs")
    for cluster in _listed(ecs, "list_clusters", "clusterArns"):
        arns = _listed(ecs, "list_services", "serviceArns", cluster=cluster)
        for start in range(0, len(arns), 10):
            described = ecs.describe_services(cluster=cluster, services=arns[start : start + 10])
            for service in described["services"]:
                if service.get("status") != "INACTIVE":
                    yield from _placements_of(ecs, service, subnet_ids)


def repository_arn(image: str) -> str | None:
    """The repository of an image in ECR; None for images of other registries."""
    match = _ECR_IMAGE.match(image)
    return arn_of("ecr", f"repository/{match[3]}", region=match[2], account=match[1]) if match else None


def _placements_of(ecs: ECSClient, service: ServiceTypeDef, subnet_ids: set[str]) -> Iterator[Placement]:
    wired = service.get("networkConfiguration", {}).get("awsvpcConfiguration")
    balancers = service.get("loadBalancers") or ()
    here = [subnet_id for subnet_id in (wired["subnets"] if wired is not None else ()) if subnet_id in subnet_ids]
    if wired is None or not here:
        return
    containers = _containers(ecs, service.get("taskDefinition", ""))
    repositories = [arn for container in containers if (arn := repository_arn(container.get("image", "")))]
    secrets = [s["valueFrom"] for container in containers for s in container.get("secrets", ())]
    for subnet_id in here:
        yield Placement(
            service["serviceArn"],
            Place(
                subnet_id,
                tuple(wired.get("securityGroups", ())),
                public_ip=wired.get("assignPublicIp", "DISABLED") == "ENABLED",
            ),
            tuple(dict.fromkeys(b["containerPort"] for b in balancers if "containerPort" in b)),
            tuple(dict.fromkeys(b["targetGroupArn"] for b in balancers if "targetGroupArn" in b)),
            tuple(dict.fromkeys(repositories)),
            tuple(dict.fromkeys(arn for arn in secrets if ":secretsmanager:" in arn)),
            tuple(dict.fromkeys(stream for container in containers for stream in _streams(container, service))),
        )


def _streams(container: ContainerDefinitionOutputTypeDef, service: ServiceTypeDef) -> Iterator[str]:
    options = container.get("logConfiguration", {}).get("options", {})
    if group := options.get("awslogs-group"):
        _, partition, _, region, account, _ = service["serviceArn"].split(":", 5)
        yield f"arn:{partition}:logs:{options.get('awslogs-region', region)}:{account}:log-group:{group}:log-stream:task"


def _containers(ecs: ECSClient, definition: str) -> list[ContainerDefinitionOutputTypeDef]:
    if not definition:
        return []
    try:
        return ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["containerDefinitions"]
    except ClientError:
        # A service can outlive its task definition; the needs of its tasks are then unknown.
        return []


def _listed(client: Any, operation: str, key: str, **arguments: Any) -> list[str]:
    return [arn for page in client.get_paginator(operation).paginate(**arguments) for arn in page[key]]
