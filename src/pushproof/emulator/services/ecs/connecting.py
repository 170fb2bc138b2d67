"""Service Connect and service registries of services: checks of their settings, endpoints in Cloud Map, and who knows which.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.kernel.names import NamespaceRecord, ServiceRegistry
from pushproof.engines.deployment import listed
from pushproof.engines.serviceconnect import (
    Configuration,
    Endpoint,
    ServiceConnectError,
    check_ports,
    documents,
    endpoints,
    listening_port,
    named_ports,
    parse,
)

from .amounts import invalid, unsupported
from .model import Cluster, Connected, EcsService, ServiceRevision, TaskDefinition

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ServiceConnectServiceResourceTypeDef

MEMBER = "serviceConnectConfiguration"


class ServiceConnect:
    """Endpoints of the services of one account. `services` returns those of a region, of all clusters."""

    def __init__(self, registry: ServiceRegistry, services: Callable[[str], Iterable[EcsService]]) -> None:
        self._registry = registry
        self._services = services

    # Namespaces ---------------------------------------------------------------------------------------------

    def default_of(self, region: str, namespace: str) -> str:
        """Return the ARN of a cluster's default namespace. A name of none creates one for HTTP. Raises AwsError for a lost ARN.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterServiceConnectDefaultsRequest.html
        """
        if namespace.startswith("arn:"):
            return self._namespace(region, namespace).arn
        return self._registry.http_namespace(region, namespace)

    def _namespace(self, region: str, reference: str) -> NamespaceRecord:
        record = self._registry.namespace(region, reference)
        if record is None:
            raise AwsError("NamespaceNotFoundException", f"Failed to retrieve namespace for {reference}")
        return record

    # Settings of a service ------------------------------------------------------------------------------------

    def with_namespace(self, cluster: Cluster, document: Mapping[str, object]) -> dict[str, object]:
        """Return a configuration with its namespace: its own, or that of the cluster."""
        complete = dict(document)
        if document.get("enabled") and not document.get("namespace") and cluster.service_connect:
            complete["namespace"] = cluster.service_connect["namespace"]
        return complete

    def check(
        self,
        region: str,
        definition: TaskDefinition,
        parameters: Mapping[str, object],
        *,
        controller: str,
        shifts: bool,
        held: Iterable[str] = (),
    ) -> None:
        """Raise AWS's refusals of Service Connect and service registries.

        `held`: the ARNs of the service's own endpoints in Cloud Map. `shifts`: its deployments shift traffic.
        """
        for registry in documents(parameters.get("serviceRegistries")):
            if not self._registry.has_service(str(registry.get("registryArn"))):
                raise invalid(f"Service registry {registry.get('registryArn')} does not exist.")
        document = _document(parameters)
        with refusals_of(ServiceConnectError):
            configuration = parse(document)
            check_ports(configuration, named_ports(definition.containers))
        if not configuration.enabled:
            return
        if controller != "ECS":
            raise invalid(f"Service Connect is not supported for services with a {controller} deployment controller.")
        if not configuration.namespace:
            raise invalid("Service Connect needs a namespace: name one, or set the cluster's serviceConnectDefaults.")
        _refuse_missing(document or {}, configuration, shifts)
        namespace = self._namespace(region, configuration.namespace)
        for offer in configuration.offers:
            taken = self._registry.service_named(namespace.arn, offer.discovery_name)
            if taken is not None and taken not in held:
                raise invalid(f"SC service is already used by {namespace.arn}")

    def join(self, service: EcsService, revision: ServiceRevision) -> None:
        """Create the endpoints of a new revision in Cloud Map. `check` has let it pass."""
        configuration = parse(_document(revision.parameters))
        if configuration.enabled:
            namespace = self._namespace(service.region, configuration.namespace)
            for offer in configuration.offers:
                # A revision that names the namespace otherwise, by name or ARN, has the same endpoint.
                arn = self._registry.service_named(namespace.arn, offer.discovery_name)
                if arn is None:
                    arn = self._registry.endpoint_service(namespace.arn, offer.discovery_name)
                service.endpoints[configuration.namespace, offer.discovery_name] = arn

    def leave(self, service: EcsService) -> None:
        """Delete the endpoints of a service that has ended."""
        for arn in set(service.endpoints.values()):
            self._registry.drop_service(arn)
        service.endpoints.clear()

    # Tasks ----------------------------------------------------------------------------------------------------

    def connected(self, service: EcsService, revision: ServiceRevision, deployment_id: str) -> Connected | None:
        """Return what the tasks of a deployment know: the endpoints that the namespace had when it began. None without Connect."""
        configuration = parse(_document(revision.parameters))
        if not configuration.enabled:
            return None
        if deployment_id not in service.known:
            live = {deployment.id for deployment in listed(service.state)}
            service.known = {key: known for key, known in service.known.items() if key in live}
            service.known[deployment_id] = self._endpoints(service.region, configuration.namespace)
        return Connected(configuration, named_ports(revision.definition.containers), service.known[deployment_id])

    def registrations(
        self, service: EcsService, revision: ServiceRevision, connected: Connected | None
    ) -> tuple[tuple[str, int | None], ...]:
        """Return the services of Cloud Map in which a task is registered, with the port that each shows."""
        shown: list[tuple[str, int | None]] = [
            (registry["registryArn"], registry.get("port") or registry.get("containerPort"))
            for registry in revision.parameters.get("serviceRegistries") or []
        ]
        if connected is not None:
            shown += [
                (arn, listening_port(connected.configuration, connected.ports, offer.port_name))
                for offer in connected.configuration.offers
                if (arn := service.endpoints.get((connected.configuration.namespace, offer.discovery_name))) is not None
            ]
        return tuple(shown)

    def _endpoints(self, region: str, reference: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of a namespace as they are now: of every active service, by its newest revision."""
        namespace = self._registry.namespace(region, reference)
        if namespace is None:
            return ()
        by_name: dict[tuple[str, int], Endpoint] = {}
        for service in self._services(region):
            if service.status != "ACTIVE":
                continue
            configuration = parse(_document(service.revision.parameters))
            known = self._registry.namespace(region, configuration.namespace) if configuration.enabled else None
            if known is None or known.arn != namespace.arn:
                continue
            ports = named_ports(service.definition.containers)
            for endpoint in endpoints(configuration, ports, server=service.arn, namespace_name=namespace.name):
                by_name.setdefault((endpoint.name, endpoint.port), endpoint)
        return tuple(by_name.values())


def connect_resources(
    service: EcsService, parameters: Mapping[str, object]
) -> list[ServiceConnectServiceResourceTypeDef]:
    """Return the endpoints of a deployment as DescribeServices shows them.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectServiceResource.html
    """
    configuration = parse(_document(parameters))
    return [
        {"discoveryName": offer.discovery_name, "discoveryArn": arn}
        for offer in configuration.offers
        if (arn := service.endpoints.get((configuration.namespace, offer.discovery_name))) is not None
    ]


def _document(parameters: Mapping[str, object]) -> Mapping[str, object] | None:
    document = parameters.get(MEMBER)
    return document if isinstance(document, Mapping) else None


def _refuse_missing(document: Mapping[str, object], configuration: Configuration, shifts: bool) -> None:
    """Refuse by name what is not emulated."""
    if any(entry.get("tls") for entry in documents(document.get("services"))):
        raise unsupported("Pushproof does not emulate TLS of Service Connect.")
    if shifts and configuration.offers:
        raise unsupported(
            "Pushproof does not emulate shifting of Service Connect's traffic by blue/green, linear and canary deployments."
        )
