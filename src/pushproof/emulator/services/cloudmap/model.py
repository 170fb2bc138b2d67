"""Records of Cloud Map, and their shapes. Times are AWS seconds.

https://docs.aws.amazon.com/cloud-map/latest/api/API_Types.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from pushproof.base.clock import Clock

if TYPE_CHECKING:
    from types_boto3_servicediscovery.literals import (
        HealthStatusType,
        NamespaceTypeType,
        OperationStatusType,
        OperationTargetTypeType,
        OperationTypeType,
        RoutingPolicyType,
        ServiceTypeType,
    )
    from types_boto3_servicediscovery.type_defs import (
        DnsRecordTypeDef,
        HealthCheckConfigTypeDef,
        HealthCheckCustomConfigTypeDef,
        NamespaceSummaryTypeDef,
        NamespaceTypeDef,
        OperationTypeDef,
        ServiceSummaryTypeDef,
        ServiceTypeDef,
    )


@dataclass(slots=True)
class Namespace:
    """A namespace. One for DNS has a hosted zone, and a private one a VPC in which its names resolve."""

    id: str
    arn: str
    name: str
    type: NamespaceTypeType
    created_at: float
    http_name: str
    creator_request_id: str = ""
    description: str | None = None
    vpc_id: str = ""
    hosted_zone_id: str = ""
    soa_ttl: int = 15
    tags: dict[str, str] = field(default_factory=dict)

    def summary(self, clock: Clock, account_id: str) -> NamespaceSummaryTypeDef:
        """Return the namespace as ListNamespaces shows it."""
        shown: NamespaceSummaryTypeDef = {
            "Id": self.id,
            "Arn": self.arn,
            "ResourceOwner": account_id,
            "Name": self.name,
            "Type": self.type,
            "Properties": {"HttpProperties": {"HttpName": self.http_name}},
            "CreateDate": clock.stamp(self.created_at),
        }
        if self.type != "HTTP":
            shown["Properties"]["DnsProperties"] = {"HostedZoneId": self.hosted_zone_id, "SOA": {"TTL": self.soa_ttl}}
        if self.description is not None:
            shown["Description"] = self.description
        return shown

    def describe(self, clock: Clock, account_id: str, services: int) -> NamespaceTypeDef:
        """Return the namespace as GetNamespace shows it."""
        shown = cast("NamespaceTypeDef", {**self.summary(clock, account_id), "ServiceCount": services})
        if self.creator_request_id:
            shown["CreatorRequestId"] = self.creator_request_id
        return shown


@dataclass(slots=True)
class Instance:
    """An instance of a service: a task that ECS registered, or whatever somebody else did."""

    id: str
    attributes: dict[str, str]
    creator_request_id: str = ""
    health: HealthStatusType = "HEALTHY"


@dataclass(slots=True)
class DiscoveryService:
    """A service of a namespace."""

    id: str
    arn: str
    name: str
    namespace: Namespace
    type: ServiceTypeType
    created_at: float
    creator_request_id: str = ""
    description: str | None = None
    records: list[DnsRecordTypeDef] = field(default_factory=list)
    routing_policy: RoutingPolicyType = "MULTIVALUE"
    health_check: HealthCheckConfigTypeDef | None = None
    custom_health_check: HealthCheckCustomConfigTypeDef | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    instances_revision: int = 0
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def answering(self) -> list[Instance]:
        """Return the healthy instances; all of them if none is healthy, as Route 53 answers then."""
        healthy = [instance for instance in self.instances.values() if instance.health != "UNHEALTHY"]
        return healthy or list(self.instances.values())

    def summary(self, clock: Clock, account_id: str) -> ServiceSummaryTypeDef:
        """Return the service as ListServices shows it."""
        shown: ServiceSummaryTypeDef = {
            "Id": self.id,
            "Arn": self.arn,
            "ResourceOwner": account_id,
            "Name": self.name,
            "Type": self.type,
            "InstanceCount": len(self.instances),
            "CreateDate": clock.stamp(self.created_at),
        }
        if self.description is not None:
            shown["Description"] = self.description
        if self.records:
            shown["DnsConfig"] = {
                "NamespaceId": self.namespace.id,
                "RoutingPolicy": self.routing_policy,
                "DnsRecords": self.records,
            }
        if self.health_check is not None:
            shown["HealthCheckConfig"] = self.health_check
        if self.custom_health_check is not None:
            shown["HealthCheckCustomConfig"] = self.custom_health_check
        return shown

    def describe(self, clock: Clock, account_id: str) -> ServiceTypeDef:
        """Return the service as GetService shows it."""
        shown = cast("ServiceTypeDef", {**self.summary(clock, account_id), "NamespaceId": self.namespace.id})
        if self.creator_request_id:
            shown["CreatorRequestId"] = self.creator_request_id
        return shown


@dataclass(slots=True)
class Operation:
    """A change of a namespace, a service or an instance. Here it has ended when the call that requested it returns."""

    id: str
    type: OperationTypeType
    targets: dict[OperationTargetTypeType, str]
    created_at: float
    status: OperationStatusType = "SUCCESS"
    error: tuple[str, str] | None = None

    def describe(self, clock: Clock, account_id: str) -> OperationTypeDef:
        """Return the operation as GetOperation shows it."""
        shown: OperationTypeDef = {
            "Id": self.id,
            "OwnerAccount": account_id,
            "Type": self.type,
            "Status": self.status,
            "CreateDate": clock.stamp(self.created_at),
            "UpdateDate": clock.stamp(self.created_at),
            "Targets": self.targets,
        }
        if self.error is not None:
            shown["ErrorCode"], shown["ErrorMessage"] = self.error
        return shown


@dataclass(slots=True)
class Directory:
    """The records of one account and region, by id."""

    account_id: str
    region: str
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    services: dict[str, DiscoveryService] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)

    def service_named(self, namespace: Namespace, name: str) -> DiscoveryService | None:
        """Return the service of a name, which is the same to DNS in upper and lower case; None if there is none."""
        return next((each for each in self.services_of(namespace) if each.name.lower() == name.lower()), None)

    def services_of(self, namespace: Namespace) -> list[DiscoveryService]:
        """Return the services of a namespace."""
        return [service for service in self.services.values() if service.namespace is namespace]
