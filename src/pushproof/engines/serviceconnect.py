"""ECS Service Connect: configurations of services, the endpoints that they offer, and the tasks behind them.

Each task has a proxy of its own. It knows the endpoints that the namespace had when the task's deployment began, and no later ones:
"Only new tasks with a Service Connect configuration in the same namespace and that start running after this deployment can resolve
and connect to this endpoint." The tasks behind an endpoint change at any time.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectService.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

Protocol = Literal["tcp", "http", "http2", "grpc"]

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TimeoutConfiguration.html, in seconds.
IDLE_SECONDS = {"tcp": 3600.0, "http": 300.0, "http2": 300.0, "grpc": 300.0}
REQUEST_SECONDS = 15.0
_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?")
_MOST_NAME = 64


class ServiceConnectError(Exception):
    """A configuration that ECS refuses. `code` is AWS's error code."""

    def __init__(self, message: str, code: str = "InvalidParameterException") -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Port:
    """A named port of a task definition: the port of its container, and the protocol of its application."""

    number: int
    protocol: Protocol = "tcp"


@dataclass(frozen=True, slots=True)
class Alias:
    """A name and a port under which clients reach an endpoint. Without a name it is `<discovery name>.<namespace>`."""

    port: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A port that a service offers in the namespace. `listens_on`: the proxy's own port; None: the container's. In seconds."""

    port_name: str
    discovery_name: str
    aliases: tuple[Alias, ...] = ()
    listens_on: int | None = None
    idle_seconds: float | None = None
    request_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """A service's configuration. `namespace`: a name or ARN, empty for the cluster's own. Without offers it is a client only."""

    enabled: bool = False
    namespace: str = ""
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A name and a port that tasks of a namespace reach. `server`: the ARN of the ECS service behind it.

    `idle_seconds`: a connection without a request ends after it; `request_seconds`: a request does. 0: never.
    """

    name: str
    port: int
    protocol: Protocol
    server: str
    port_name: str
    idle_seconds: float
    request_seconds: float


def parse(document: Mapping[str, object] | None) -> Configuration:
    """Return a ServiceConnectConfiguration of the API. Raises ServiceConnectError for members that contradict each other.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectConfiguration.html
    """
    if not document or not document.get("enabled"):
        return Configuration()
    namespace, services = document.get("namespace"), document.get("services")
    offers = tuple(_offer(entry) for entry in documents(services))
    for what, values in (
        ("port name", [offer.port_name for offer in offers]),
        ("discovery name", [offer.discovery_name for offer in offers]),
        ("client alias", [f"{a.name}:{a.port}" for offer in offers for a in offer.aliases if a.name]),
        ("ingress port", [str(offer.listens_on) for offer in offers if offer.listens_on is not None]),
    ):
        if len(set(values)) != len(values):
            raise ServiceConnectError(f"Service Connect services cannot share a {what}.")
    return Configuration(True, namespace if isinstance(namespace, str) else "", offers)


def check_ports(configuration: Configuration, ports: Mapping[str, Port]) -> None:
    """Raise ServiceConnectError unless the named ports of a task definition have what a configuration offers."""
    for offer in configuration.offers:
        port = ports.get(offer.port_name)
        if port is None:
            known = ", ".join(sorted(ports)) or "none"
            raise ServiceConnectError(
                f"Service Connect port name {offer.port_name} is not a named port of the task definition (named ports: {known})."
            )
        if offer.request_seconds is not None and port.protocol == "tcp":
            raise ServiceConnectError(
                f"perRequestTimeoutSeconds of {offer.port_name} requires an appProtocol other than TCP."
            )


def endpoints(
    configuration: Configuration, ports: Mapping[str, Port], *, server: str, namespace_name: str
) -> tuple[Endpoint, ...]:
    """Return the endpoints of a service, one for each client alias of its offers, in their order."""
    reachable: list[Endpoint] = []
    for offer in configuration.offers:
        port = ports.get(offer.port_name, Port(0))
        request = REQUEST_SECONDS if offer.request_seconds is None else offer.request_seconds
        reachable += [
            Endpoint(
                alias.name or f"{offer.discovery_name}.{namespace_name}",
                alias.port,
                port.protocol,
                server,
                offer.port_name,
                IDLE_SECONDS[port.protocol] if offer.idle_seconds is None else offer.idle_seconds,
                0.0 if port.protocol == "tcp" else request,
            )
            for alias in offer.aliases
        ]
    return tuple(reachable)


def listening_port(configuration: Configuration, ports: Mapping[str, Port], port_name: str) -> int | None:
    """Return the port on which a task answers an endpoint; None if its revision does not offer it."""
    for offer in configuration.offers:
        if offer.port_name == port_name and port_name in ports:
            return offer.listens_on or ports[port_name].number
    return None


def named_ports(containers: Sequence[Mapping[str, object]]) -> dict[str, Port]:
    """Return the named ports of a task definition's containers.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
    """
    ports = {}
    for container in containers:
        for mapping in documents(container.get("portMappings")):
            name, number, protocol = (mapping.get(key) for key in ("name", "containerPort", "appProtocol"))
            if isinstance(name, str) and name and isinstance(number, int):
                ports[name] = Port(number, protocol if _is_protocol(protocol) else "tcp")
    return ports


def _offer(entry: Mapping[str, object]) -> Offer:
    port_name = str(entry.get("portName") or "")
    discovery = str(entry.get("discoveryName") or port_name)
    if not port_name:
        raise ServiceConnectError("portName of a Service Connect service cannot be empty.")
    if not _NAME.fullmatch(discovery) or len(discovery) > _MOST_NAME:
        raise ServiceConnectError(
            f"Service Connect discovery name {discovery} is invalid: expected up to {_MOST_NAME} lower-case letters, "
            "numbers, hyphens and underscores."
        )
    aliases = tuple(
        Alias(_port(alias.get("port"), "client alias"), str(alias.get("dnsName") or ""))
        for alias in documents(entry.get("clientAliases"))
    )
    if len(aliases) > 1:
        raise ServiceConnectError(f"Service Connect service {discovery} has more than one client alias.")
    ingress = entry.get("ingressPortOverride")
    timeout = entry.get("timeout")
    times = timeout if isinstance(timeout, Mapping) else {}
    return Offer(
        port_name,
        discovery,
        aliases,
        None if ingress is None else _port(ingress, "ingress port override"),
        _seconds(times.get("idleTimeoutSeconds")),
        _seconds(times.get("perRequestTimeoutSeconds")),
    )


def _port(value: object, what: str) -> int:
    if not isinstance(value, int) or not 1 <= value <= 65535:
        raise ServiceConnectError(f"Service Connect {what} {value} is not a port from 1 to 65535.")
    return value


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or value < 0:
        raise ServiceConnectError(f"Service Connect timeout {value} is not a number of seconds.")
    return float(value)


def documents(value: object) -> list[Mapping[str, object]]:
    """Return the members of a list that are documents; none for anything else."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def _is_protocol(value: object) -> TypeGuard[Protocol]:
    return value in IDLE_SECONDS
