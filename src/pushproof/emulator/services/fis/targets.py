"""The resources of an experiment's targets, found with the permissions of its role. Blocks: runs off the world's lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import Credentials
from pushproof.engines.experiments import ExperimentTarget, selected

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import FilterTypeDef
    from types_boto3_ecs.client import ECSClient

    from pushproof.emulator.kernel.site import Site

_PAGE = 100


def resolved(site: Site, region: str, target: ExperimentTarget, credentials: Credentials) -> list[str]:
    """Return the ARNs of the resources that a target selects. Raises ClientError where the role may not look."""
    if target.arns:
        return selected(target.selection_mode, target.arns)
    if target.resource_type == "aws:ecs:task":
        return selected(
            target.selection_mode, _tasks(site.client("ecs", region=region, credentials=credentials), target)
        )
    if target.resource_type == "aws:ec2:subnet":
        return selected(target.selection_mode, _subnets(site, region, target, credentials))
    return []


def _tasks(ecs: ECSClient, target: ExperimentTarget) -> list[str]:
    cluster = target.parameters.get("cluster")
    clusters = [cluster] if cluster else ecs.list_clusters()["clusterArns"]
    arns: list[str] = []
    for name in clusters:
        service = target.parameters.get("service")
        listed = (ecs.list_tasks(cluster=name, serviceName=service) if service else ecs.list_tasks(cluster=name))[
            "taskArns"
        ]
        for begin in range(0, len(listed), _PAGE):
            shown = ecs.describe_tasks(cluster=name, tasks=listed[begin : begin + _PAGE], include=["TAGS"])["tasks"]
            for task in shown:
                tags = {tag.get("key", ""): tag.get("value", "") for tag in task.get("tags") or []}
                if _has(tags, target.tags) and all(_matches(task, *each) for each in target.filters):
                    arns.append(task["taskArn"])
    return arns


def _subnets(site: Site, region: str, target: ExperimentTarget, credentials: Credentials) -> list[str]:
    filters: list[FilterTypeDef] = [{"Name": f"tag:{key}", "Values": [value]} for key, value in target.tags.items()]
    for parameter, name in (("vpc", "vpc-id"), ("availabilityZoneIdentifier", "availability-zone")):
        if value := target.parameters.get(parameter):
            by_id = parameter != "vpc" and value.rpartition("-")[2].startswith("az")
            filters.append({"Name": "availability-zone-id" if by_id else name, "Values": [value]})
    described = site.client("ec2", region=region, credentials=credentials).describe_subnets(Filters=filters)["Subnets"]
    return [subnet["SubnetArn"] for subnet in described if all(_matches(subnet, *each) for each in target.filters)]


def _has(tags: Mapping[str, str], expected: Mapping[str, str]) -> bool:
    return all(tags.get(key) == value for key, value in expected.items())


def _matches(resource: object, path: str, values: tuple[str, ...]) -> bool:
    """Return whether an attribute of a resource, such as `LastStatus` or `Containers.Name`, has one of some values."""
    return any(str(value) in values for value in _read([resource], path.split(".")))


def _read(values: Iterable[object], path: list[str]) -> list[object]:
    if not path:
        return list(values)
    inner: list[object] = []
    for value in values:
        if isinstance(value, Mapping):
            for name, member in value.items():
                if str(name).lower() == path[0].lower():
                    inner += member if isinstance(member, list) else [member]
    return _read(inner, path[1:])
