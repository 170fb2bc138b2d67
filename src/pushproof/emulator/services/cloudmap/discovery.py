"""Services of namespaces and their instances: registration, health, discovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pushproof.aws.arns import arn_of
from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError

from .base import CloudMapBase, filtered, find_namespace, find_service, invalid, new_id, page
from .model import Directory, DiscoveryService, Instance, Namespace

if TYPE_CHECKING:
    from types_boto3_servicediscovery.literals import ServiceTypeType

    from pushproof.emulator.kernel.shapes.servicediscovery import (
        CreateServiceAnswer,
        CreateServiceRequest,
        DeleteServiceAnswer,
        DeleteServiceAttributesAnswer,
        DeleteServiceAttributesRequest,
        DeleteServiceRequest,
        DeregisterInstanceAnswer,
        DeregisterInstanceRequest,
        DiscoverInstancesAnswer,
        DiscoverInstancesRequest,
        DiscoverInstancesRevisionAnswer,
        DiscoverInstancesRevisionRequest,
        GetInstanceAnswer,
        GetInstanceRequest,
        GetInstancesHealthStatusAnswer,
        GetInstancesHealthStatusRequest,
        GetServiceAnswer,
        GetServiceAttributesAnswer,
        GetServiceAttributesRequest,
        GetServiceRequest,
        ListInstancesAnswer,
        ListInstancesRequest,
        ListServicesAnswer,
        ListServicesRequest,
        RegisterInstanceAnswer,
        RegisterInstanceRequest,
        UpdateInstanceCustomHealthStatusAnswer,
        UpdateInstanceCustomHealthStatusRequest,
        UpdateServiceAnswer,
        UpdateServiceAttributesAnswer,
        UpdateServiceAttributesRequest,
        UpdateServiceRequest,
    )

_MOST_ATTRIBUTES = 30
# The attributes that a DNS record is made of: https://docs.aws.amazon.com/cloud-map/latest/api/API_RegisterInstance.html
_NEEDED = {
    "A": ("AWS_INSTANCE_IPV4",),
    "AAAA": ("AWS_INSTANCE_IPV6",),
    "CNAME": ("AWS_INSTANCE_CNAME",),
    "SRV": ("AWS_INSTANCE_PORT",),
}
_ALIAS = "AWS_ALIAS_DNS_NAME"


class DiscoveryOperations(CloudMapBase):
    """https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-services.html"""

    def create_service(self, context: RequestContext, request: CreateServiceRequest) -> CreateServiceAnswer:
        directory, dns = self.directory_of(context), request.get("DnsConfig")
        reference = request.get("NamespaceId") or (dns.get("NamespaceId") if dns else None)
        if not reference:
            raise invalid("A service needs the NamespaceId of its namespace.")
        namespace = find_namespace(directory, reference)
        if dns and namespace.type == "HTTP":
            raise invalid(
                f"DnsConfig cannot be given for a service in {namespace.name}, which is a namespace for HTTP."
            )
        if request.get("HealthCheckConfig") and request.get("HealthCheckCustomConfig"):
            raise invalid("HealthCheckConfig and HealthCheckCustomConfig cannot be given together.")
        if request.get("HealthCheckConfig") and namespace.type != "DNS_PUBLIC":
            raise invalid("HealthCheckConfig is for services in namespaces for public DNS.")
        kind: ServiceTypeType = "HTTP" if namespace.type == "HTTP" or request.get("Type") == "HTTP" else "DNS_HTTP"
        if kind == "DNS_HTTP" and not dns:
            raise invalid("A service in a namespace for DNS needs DnsConfig, unless its type is HTTP.")
        service = self._new_service(directory, namespace, request["Name"], kind, request.get("CreatorRequestId", ""))
        service.description = request.get("Description")
        service.tags |= tag_map(request.get("Tags"))
        if dns:
            service.records = list(dns["DnsRecords"])
            service.routing_policy = dns.get("RoutingPolicy") or "MULTIVALUE"
        service.health_check = request.get("HealthCheckConfig")
        custom = request.get("HealthCheckCustomConfig")
        service.custom_health_check = None if custom is None else {"FailureThreshold": 1, **custom}
        return {"Service": service.describe(self.site.clock, context.account_id)}

    def get_service(self, context: RequestContext, request: GetServiceRequest) -> GetServiceAnswer:
        service = find_service(self.directory_of(context), request["Id"])
        return {"Service": service.describe(self.site.clock, context.account_id)}

    def list_services(self, context: RequestContext, request: ListServicesRequest) -> ListServicesAnswer:
        chosen = filtered(
            self.directory_of(context).services.values(),
            request.get("Filters", []),
            {"NAMESPACE_ID": lambda service: service.namespace.id, "RESOURCE_OWNER": lambda _: "SELF"},
        )
        shown, more = page(chosen, request)
        return {"Services": [each.summary(self.site.clock, context.account_id) for each in shown], **more}

    def update_service(self, context: RequestContext, request: UpdateServiceRequest) -> UpdateServiceAnswer:
        directory, change = self.directory_of(context), request["Service"]
        service = find_service(directory, request["Id"])
        service.description = change.get("Description", service.description)
        # "If you omit any existing DnsRecords or HealthCheckConfig configurations, the configurations are deleted."
        service.records = list(change["DnsConfig"]["DnsRecords"]) if "DnsConfig" in change else []
        service.health_check = change.get("HealthCheckConfig")
        self.changed()
        return {"OperationId": self.done(directory, "UPDATE_SERVICE", "SERVICE", service.id).id}

    def delete_service(self, context: RequestContext, request: DeleteServiceRequest) -> DeleteServiceAnswer:
        directory = self.directory_of(context)
        service = find_service(directory, request["Id"])
        if service.instances:
            words = "Service contains registered instances; delete the instances before deleting the service"
            raise AwsError("ResourceInUse", words)
        del directory.services[service.id]
        return {}

    def get_service_attributes(
        self, context: RequestContext, request: GetServiceAttributesRequest
    ) -> GetServiceAttributesAnswer:
        service = find_service(self.directory_of(context), request["ServiceId"])
        shown = dict(service.attributes)
        return {
            "ServiceAttributes": {
                "ServiceArn": service.arn,
                "ResourceOwner": context.account_id,
                "Attributes": shown,
            }
        }

    def update_service_attributes(
        self, context: RequestContext, request: UpdateServiceAttributesRequest
    ) -> UpdateServiceAttributesAnswer:
        service = find_service(self.directory_of(context), request["ServiceId"])
        merged = service.attributes | request["Attributes"]
        if len(merged) > _MOST_ATTRIBUTES:
            words = f"A service has {_MOST_ATTRIBUTES} attributes at most."
            raise AwsError("ServiceAttributesLimitExceededException", words)
        service.attributes = merged
        return {}

    def delete_service_attributes(
        self, context: RequestContext, request: DeleteServiceAttributesRequest
    ) -> DeleteServiceAttributesAnswer:
        service = find_service(self.directory_of(context), request["ServiceId"])
        service.attributes = {key: kept for key, kept in service.attributes.items() if key not in request["Attributes"]}
        return {}

    # Instances ------------------------------------------------------------------------------------------------

    def register_instance(self, context: RequestContext, request: RegisterInstanceRequest) -> RegisterInstanceAnswer:
        directory, attributes = self.directory_of(context), request["Attributes"]
        service = find_service(directory, request["ServiceId"])
        for record in service.records if _ALIAS not in attributes else ():
            for needed in _NEEDED[record["Type"]]:
                if needed not in attributes:
                    raise invalid(f"An instance of {service.name}, which has {record['Type']} records, needs {needed}.")
        self._put(service, request["InstanceId"], attributes, request.get("CreatorRequestId", ""))
        return {"OperationId": self.done(directory, "REGISTER_INSTANCE", "INSTANCE", request["InstanceId"]).id}

    def deregister_instance(
        self, context: RequestContext, request: DeregisterInstanceRequest
    ) -> DeregisterInstanceAnswer:
        directory = self.directory_of(context)
        service, instance = self._instance(context, request["ServiceId"], request["InstanceId"])
        self._remove(service, instance.id)
        return {"OperationId": self.done(directory, "DEREGISTER_INSTANCE", "INSTANCE", instance.id).id}

    def get_instance(self, context: RequestContext, request: GetInstanceRequest) -> GetInstanceAnswer:
        _, instance = self._instance(context, request["ServiceId"], request["InstanceId"])
        return {
            "ResourceOwner": context.account_id,
            "Instance": {
                "Id": instance.id,
                "CreatorRequestId": instance.creator_request_id,
                "Attributes": instance.attributes,
                "CreatedByAccount": context.account_id,
            },
        }

    def list_instances(self, context: RequestContext, request: ListInstancesRequest) -> ListInstancesAnswer:
        service = find_service(self.directory_of(context), request["ServiceId"])
        shown, more = page(service.instances.values(), request)
        return {
            "ResourceOwner": context.account_id,
            "Instances": [
                {"Id": each.id, "Attributes": each.attributes, "CreatedByAccount": context.account_id} for each in shown
            ],
            **more,
        }

    def get_instances_health_status(
        self, context: RequestContext, request: GetInstancesHealthStatusRequest
    ) -> GetInstancesHealthStatusAnswer:
        service = find_service(self.directory_of(context), request["ServiceId"])
        named = request.get("Instances")
        for identifier in named or ():
            self._instance(context, service.id, identifier)
        shown, more = page([each for each in service.instances.values() if not named or each.id in named], request)
        return {"Status": {each.id: each.health for each in shown}, **more}

    def update_instance_custom_health_status(
        self, context: RequestContext, request: UpdateInstanceCustomHealthStatusRequest
    ) -> UpdateInstanceCustomHealthStatusAnswer:
        service, instance = self._instance(context, request["ServiceId"], request["InstanceId"])
        if service.custom_health_check is None:
            raise AwsError("CustomHealthNotFound", f"{service.id} has no HealthCheckCustomConfig.")
        instance.health = request["Status"]
        self._touched(service)
        return {}

    def discover_instances(self, context: RequestContext, request: DiscoverInstancesRequest) -> DiscoverInstancesAnswer:
        service = self._named(context, request["NamespaceName"], request["ServiceName"])
        health = request.get("HealthStatus") or "HEALTHY_OR_ELSE_ALL"
        chosen = [each for each in service.instances.values() if _has(each, request.get("QueryParameters", {}))]
        optional = request.get("OptionalParameters")
        if optional:
            chosen = [each for each in chosen if _has(each, optional)] or chosen
        healthy = [each for each in chosen if each.health != "UNHEALTHY"]
        if health == "HEALTHY" or (health == "HEALTHY_OR_ELSE_ALL" and healthy):
            chosen = healthy
        elif health == "UNHEALTHY":
            chosen = [each for each in chosen if each.health == "UNHEALTHY"]
        return {
            "Instances": [
                {
                    "InstanceId": each.id,
                    "NamespaceName": service.namespace.http_name,
                    "ServiceName": service.name,
                    "HealthStatus": each.health,
                    "Attributes": each.attributes,
                }
                for each in chosen[: request.get("MaxResults", 100)]
            ],
            "InstancesRevision": service.instances_revision,
        }

    def discover_instances_revision(
        self, context: RequestContext, request: DiscoverInstancesRevisionRequest
    ) -> DiscoverInstancesRevisionAnswer:
        service = self._named(context, request["NamespaceName"], request["ServiceName"])
        return {"InstancesRevision": service.instances_revision}

    # Inside ---------------------------------------------------------------------------------------------------

    def _new_service(
        self, directory: Directory, namespace: Namespace, name: str, kind: ServiceTypeType, token: str = ""
    ) -> DiscoveryService:
        other = directory.service_named(namespace, name)
        if other is not None:
            raise AwsError(
                "ServiceAlreadyExists",
                f"The service {name} already exists in {namespace.name}.",
                ServiceId=other.id,
                CreatorRequestId=other.creator_request_id,
            )
        identifier = new_id("srv-")
        arn = arn_of(self.name, f"service/{identifier}", region=directory.region, account=directory.account_id)
        service = DiscoveryService(identifier, arn, name, namespace, kind, self.site.clock.now(), token)
        directory.services[identifier] = service
        return service

    def _instance(
        self, context: RequestContext, service_id: str, instance_id: str
    ) -> tuple[DiscoveryService, Instance]:
        service = find_service(self.directory_of(context), service_id)
        instance = service.instances.get(instance_id)
        if instance is None:
            raise AwsError("InstanceNotFound", instance_id)
        return service, instance

    def _named(self, context: RequestContext, namespace_name: str, service_name: str) -> DiscoveryService:
        directory = self.directory_of(context)
        spaces = [each for each in directory.namespaces.values() if each.http_name == namespace_name]
        if not spaces:
            raise AwsError("NamespaceNotFound", namespace_name)
        for service in directory.services_of(spaces[0]):
            if service.name == service_name:
                return service
        raise AwsError("ServiceNotFound", service_name)

    def _put(self, service: DiscoveryService, instance_id: str, attributes: Mapping[str, str], token: str = "") -> None:
        """Register an instance, or change what is registered under its id."""
        initial = attributes.get("AWS_INIT_HEALTH_STATUS")
        instance = Instance(instance_id, dict(attributes), token)
        if initial == "UNHEALTHY" and service.custom_health_check is not None:
            instance.health = "UNHEALTHY"
        service.instances[instance_id] = instance
        self._touched(service)

    def _remove(self, service: DiscoveryService, instance_id: str) -> None:
        del service.instances[instance_id]
        self._touched(service)

    def _touched(self, service: DiscoveryService) -> None:
        service.instances_revision += 1
        self.changed()


def _has(instance: Instance, attributes: Mapping[str, str]) -> bool:
    """Return whether an instance has all of these attributes."""
    return all(instance.attributes.get(key) == value for key, value in attributes.items())
