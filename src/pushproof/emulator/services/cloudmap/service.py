"""The Cloud Map API, and what ECS asks of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pushproof.aws.arns import last, region_of
from pushproof.aws.tags import pascal_tags, tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.names import DnsName

from .base import find_namespace
from .discovery import DiscoveryOperations
from .model import Directory, DiscoveryService
from .namespaces import NamespaceOperations

if TYPE_CHECKING:
    from types_boto3_servicediscovery.literals import HealthStatusType

    from pushproof.emulator.kernel.shapes.servicediscovery import (
        ListTagsForResourceAnswer,
        ListTagsForResourceRequest,
        TagResourceAnswer,
        TagResourceRequest,
        UntagResourceAnswer,
        UntagResourceRequest,
    )

# "Route 53 returns up to eight healthy records": https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsConfig.html
_MOST_ANSWERS = {"MULTIVALUE": 8, "WEIGHTED": 1}


class CloudMapService(NamespaceOperations, DiscoveryOperations):
    """https://docs.aws.amazon.com/cloud-map/latest/api/Welcome.html

    An operation has ended when the call that requests it returns. Records are not written into the hosted zones: tasks resolve
    names as `addresses` says.
    """

    def list_tags_for_resource(
        self, context: RequestContext, request: ListTagsForResourceRequest
    ) -> ListTagsForResourceAnswer:
        return {"Tags": pascal_tags(self._tags(context, request["ResourceARN"]))}

    def tag_resource(self, context: RequestContext, request: TagResourceRequest) -> TagResourceAnswer:
        self._tags(context, request["ResourceARN"]).update(tag_map(request["Tags"]))
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResourceRequest) -> UntagResourceAnswer:
        tags = self._tags(context, request["ResourceARN"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _tags(self, context: RequestContext, arn: str) -> dict[str, str]:
        directory = self.directory_of(context)
        record = directory.namespaces.get(last(arn)) or directory.services.get(last(arn))
        if record is None:
            raise AwsError("ResourceNotFoundException", f"{arn} was not found.")
        return record.tags

    # Calls from other parts of the plane: `ServiceRegistry`.

    def has_service(self, arn: str) -> bool:
        """Return whether there is a service of an ARN."""
        return self._find(arn) is not None

    def service_named(self, namespace_arn: str, name: str) -> str | None:
        """Return the ARN of a namespace's service of a name; None if it has none."""
        directory = self._directory_in(namespace_arn)
        service = directory.service_named(find_namespace(directory, namespace_arn), name)
        return None if service is None else service.arn

    def endpoint_service(self, namespace_arn: str, name: str) -> str:
        """Create the service of an endpoint of ECS Service Connect, whose name is free. Return its ARN."""
        directory = self._directory_in(namespace_arn)
        service = self._new_service(directory, find_namespace(directory, namespace_arn), name, "HTTP")
        service.tags["AmazonECSManaged"] = "true"
        return service.arn

    def drop_service(self, arn: str) -> None:
        """Delete the service of an endpoint, and what is registered there; do nothing if it is gone."""
        if self._directory_in(arn).services.pop(last(arn), None) is not None:
            self.changed()

    def register(self, service_arn: str, instance_id: str, attributes: Mapping[str, str]) -> None:
        """Register a task; do nothing if the service is gone."""
        service = self._find(service_arn)
        if service is not None:
            self._put(service, instance_id, attributes)

    def set_health(self, service_arn: str, instance_id: str, healthy: bool) -> None:
        """Set the health of a registered task, where the service takes it from those who register."""
        service = self._find(service_arn)
        if service is None or service.custom_health_check is None or instance_id not in service.instances:
            return
        health: HealthStatusType = "HEALTHY" if healthy else "UNHEALTHY"
        instance = service.instances[instance_id]
        if instance.health != health:
            instance.health = health
            self._touched(service)

    def deregister(self, service_arn: str, instance_id: str) -> None:
        """Deregister a task; do nothing if it is not registered."""
        service = self._find(service_arn)
        if service is not None and instance_id in service.instances:
            self._remove(service, instance_id)

    def addresses(self, region: str, vpc_id: str) -> tuple[DnsName, ...]:
        """Return the names that resolve in a VPC to addresses of instances: those of its private namespaces, and of public ones."""
        directory = self.directory(self.site.account_id, region)
        names = []
        for service in directory.services.values():
            space = service.namespace
            if space.type == "HTTP" or (space.type == "DNS_PRIVATE" and space.vpc_id != vpc_id):
                continue
            if not any(record["Type"] == "A" for record in service.records):
                continue
            addresses = [each.attributes.get("AWS_INSTANCE_IPV4", "") for each in service.answering]
            if any(addresses):
                most = _MOST_ANSWERS[service.routing_policy]
                names.append(DnsName(f"{service.name}.{space.name}", tuple(filter(None, addresses)), most))
        return tuple(sorted(names, key=lambda each: each.name))

    def follow(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change of what is registered. It must not block."""
        self._followers.append(callback)

    def _find(self, arn: str) -> DiscoveryService | None:
        return self._directory_in(arn).services.get(last(arn))

    def _directory_in(self, arn: str) -> Directory:
        """Return the records of the region in an ARN."""
        return self.directory(self.site.account_id, region_of(arn))
