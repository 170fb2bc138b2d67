"""Names of tasks: their instances in Cloud Map, the names that they resolve, and the endpoints that their proxies know.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.names import ServiceRegistry
from pushproof.emulator.kernel.tasks import TaskName, Upstream
from pushproof.engines.serviceconnect import listening_port

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

    from .model import EcsTask

_GONE = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"})


@dataclass(frozen=True, slots=True)
class Around:
    """Names around a task: those of DNS, and endpoints of Service Connect with the tasks behind them."""

    names: tuple[TaskName, ...] = ()
    upstreams: tuple[Upstream, ...] = ()


class TaskNames:
    """Registers tasks in Cloud Map, and knows what each of them finds there. Under the world's lock."""

    def __init__(self, site: Site, registry: ServiceRegistry) -> None:
        self._site = site
        self._registry = registry

    def announced(self, task: EcsTask, status: str) -> None:
        """Register a task that becomes ACTIVATING, and deregister one that is being stopped."""
        for arn, port in task.registrations:
            if status == "ACTIVATING":
                self._registry.register(arn, task.id, _attributes(task, port))
            elif status in _GONE:
                self._registry.deregister(arn, task.id)

    def health_changed(self, task: EcsTask) -> None:
        """Report a task's health to Cloud Map."""
        if task.state.health == "UNKNOWN":
            return
        for arn, _ in task.registrations:
            self._registry.set_health(arn, task.id, task.state.health == "HEALTHY")

    def around(self, task: EcsTask, tasks: Iterable[EcsTask]) -> Around:
        """Return what a task finds by name, among these tasks."""
        others = list(tasks)
        vpc_id = task.interface.vpc_id if task.interface is not None else ""
        return Around(self.resolved(task.region, vpc_id, task.id, others), _upstreams(task, others))

    def resolved(self, region: str, vpc_id: str, whose: str, tasks: Iterable[EcsTask]) -> tuple[TaskName, ...]:
        """Return the names that resolve in a VPC, with the real addresses of these tasks, in an order of `whose` own."""
        dns = self._registry.addresses(region, vpc_id) if vpc_id else ()
        if not dns:
            return ()
        real = {
            task.interface.private_ip: task.address
            for task in tasks
            if task.interface is not None and task.address is not None and task.region == region
        }
        names = []
        for name in dns:
            if not self._site.faults.resolves(name.name):
                continue
            # Route 53 answers in any order. Here each container has an order of its own, which stays.
            first = zlib.crc32(f"{whose} {name.name}".encode()) % len(name.addresses)
            turned = (*name.addresses[first:], *name.addresses[:first])[: name.most]
            names.append(TaskName(name.name, tuple((address, real.get(address, "")) for address in turned)))
        return tuple(names)


def _upstreams(task: EcsTask, tasks: list[EcsTask]) -> tuple[Upstream, ...]:
    if task.connected is None:
        return ()
    upstreams = []
    for endpoint in task.connected.endpoints:
        targets = []
        for other in tasks:
            if other.connected is None or other.service is None or other.service.arn != endpoint.server:
                continue
            port = listening_port(other.connected.configuration, other.connected.ports, endpoint.port_name)
            if port is not None and other.address is not None and _serves(other):
                targets.append((other.address, port))
        upstreams.append(
            Upstream(
                endpoint.name,
                endpoint.port,
                endpoint.protocol,
                tuple(sorted(targets)),
                endpoint.idle_seconds,
                endpoint.request_seconds,
            )
        )
    return tuple(upstreams)


def _serves(task: EcsTask) -> bool:
    """Return whether a task gets requests: it runs, is to go on, and is healthy as far as its containers are checked."""
    running = task.last_status == "RUNNING" and task.desired_status == "RUNNING"
    return running and (not task.definition.checked or task.state.health == "HEALTHY")


def _attributes(task: EcsTask, port: int | None) -> dict[str, str]:
    assert task.interface is not None
    attributes = {
        "AWS_INSTANCE_IPV4": task.interface.private_ip,
        "AVAILABILITY_ZONE": task.interface.zone,
        "REGION": task.region,
        "ECS_CLUSTER_NAME": task.cluster.name,
        "ECS_SERVICE_NAME": task.service.name if task.service is not None else "",
        "ECS_TASK_DEFINITION_FAMILY": task.definition.family,
        "AWS_INIT_HEALTH_STATUS": "UNHEALTHY" if task.definition.checked else "HEALTHY",
    }
    if port is not None:
        attributes["AWS_INSTANCE_PORT"] = str(port)
    return attributes


def forwards_of(task: EcsTask) -> tuple[tuple[int, int], ...]:
    """Return the ports on which a task's proxy listens, with the container ports behind them."""
    connected = task.connected
    if connected is None:
        return ()
    return tuple(
        (offer.listens_on, connected.ports[offer.port_name].number)
        for offer in connected.configuration.offers
        if offer.listens_on is not None and offer.port_name in connected.ports
    )
