"""Names by which tasks find each other: of DNS, and of ECS Service Connect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DnsName:
    """A name of DNS with its A records: private addresses, of which an answer has so many at most."""

    name: str
    addresses: tuple[str, ...]
    most: int = 8


@dataclass(frozen=True, slots=True)
class NamespaceRecord:
    """A namespace of Cloud Map."""

    arn: str
    name: str


class ServiceRegistry(Protocol):
    """AWS Cloud Map, as ECS uses it. ARNs are those of Cloud Map's namespaces and services."""

    def namespace(self, region: str, reference: str) -> NamespaceRecord | None:
        """Return a namespace by its ARN or name; None if there is none."""

    def http_namespace(self, region: str, name: str) -> str:
        """Return the ARN of the namespace of a name, which is created first if there is none."""

    def service_named(self, namespace_arn: str, name: str) -> str | None:
        """Return the ARN of a namespace's service of a name; None if it has none."""

    def has_service(self, arn: str) -> bool:
        """Return whether there is a service of an ARN."""

    def endpoint_service(self, namespace_arn: str, name: str) -> str:
        """Create the service of an endpoint of ECS Service Connect, whose name is free. Return its ARN."""

    def drop_service(self, arn: str) -> None:
        """Delete the service of an endpoint, and what is registered there; do nothing if it is gone."""

    def register(self, service_arn: str, instance_id: str, attributes: Mapping[str, str]) -> None:
        """Register a task; do nothing if the service is gone."""

    def set_health(self, service_arn: str, instance_id: str, healthy: bool) -> None:
        """Set the health of a registered task, where the service takes it from those who register."""

    def deregister(self, service_arn: str, instance_id: str) -> None:
        """Deregister a task; do nothing if it is not registered."""

    def addresses(self, region: str, vpc_id: str) -> tuple[DnsName, ...]:
        """Return the names that resolve in a VPC to addresses of instances."""

    def follow(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change of what is registered. It must not block."""
