"""The link between scheduler and world: carries out the decisions of the deployment engine, and reports back what happened."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pushproof.emulator.kernel.faults import CAPACITY
from pushproof.emulator.kernel.functions import HookInvoker
from pushproof.emulator.kernel.instants import iso
from pushproof.engines.deployment import (
    DESCRIPTIONS,
    CheckListeners,
    Decision,
    DeregisterTarget,
    InvokeHook,
    ListenersChecked,
    Observation,
    ReadAlarms,
    RegisterTarget,
    ShiftTraffic,
    StartTask,
    StopTask,
    TargetDrained,
    TargetHealthChanged,
    TaskHealthChanged,
    TaskInterrupted,
    TaskNotPlaced,
    TaskRunning,
    TaskStopped,
    TrafficShifted,
    decide,
)

from .alarming import AlarmReader
from .capacity import next_provider
from .connecting import ServiceConnect
from .hookcalls import HookCaller
from .life import TaskLife
from .model import EcsService, EcsTask, Region
from .orders import new_container
from .placement import open_subnets
from .shifting import TrafficShifter

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import LoadBalancers, Site


# Seconds for which the scheduler looks for capacity before it reports that there is none.
_PLACEMENT_SECONDS = 10.0


class ServiceController:
    """Applies decisions to tasks and targets."""

    def __init__(
        self,
        site: Site,
        balancers: LoadBalancers,
        life: TaskLife,
        functions: HookInvoker,
        ended: Callable[[EcsService], None],
        connect: ServiceConnect,
    ) -> None:
        self._site = site
        self._connect = connect
        self._balancers = balancers
        self._life = life
        self._ended = ended
        self._alarms = AlarmReader(site)
        self._hooks = HookCaller(site, functions)
        self._traffic = TrafficShifter(site)
        self._regions: dict[str, Region] = {}

    def apply(self, region: Region, service: EcsService, decision: Decision) -> None:
        """Carry out a decision: publish its events first, as AWS does, then act."""
        self._regions[service.arn] = region
        for event in decision.events:
            service.events.appendleft((str(uuid.uuid4()), event))
        for notice in decision.bridge:
            self._site.events.publish(
                "aws.ecs",
                notice.detail_type,
                {**notice.detail, **self._instants({notice.time_field: notice.at, **notice.instants})},
                resources=list(notice.resources),
                region=service.region,
            )
        unplaced: list[Observation] = []
        for action in decision.actions:
            match action:
                case StartTask():
                    refused = self._start(region, service, action)
                    if refused is not None:
                        unplaced.append(refused)
                case StopTask(task_id=task_id, reason=reason):
                    task = region.tasks.get(task_id)
                    if task is not None:
                        self._life.stop(task, "ServiceSchedulerInitiated", reason)
                case RegisterTarget():
                    self._register(region, service, action)
                case DeregisterTarget():
                    self._deregister(region, service, action)
                case ReadAlarms():
                    self._alarms.read(service.region, action, partial(self._answered, service))
                case InvokeHook():
                    self._hooks.call(service.region, action, partial(self._answered, service))
                case CheckListeners():
                    problem = self._traffic.check(service.region, action)
                    self._soon(service, ListenersChecked(action.deployment_arn, problem))
                case ShiftTraffic():
                    # At once, and in the order of the scheduler's decisions: a rollback is not to be overtaken.
                    self._soon(service, TrafficShifted(action.order, self._traffic.shift(action)))
        if service.wake is not None:
            service.wake.cancel()
            service.wake = None
        if decision.wake_at is not None:
            service.wake = self._site.loop.call_at(
                decision.wake_at, partial(self.observe, service, ()), name=f"scheduler of {service.name}"
            )
        if unplaced:
            self._site.loop.call_later(
                _PLACEMENT_SECONDS, partial(self.observe, service, unplaced), name=f"placement of {service.name}"
            )
        if service.state.deleting and not service.state.tasks and service.status == "DRAINING":
            self._ended(service)

    def observe(self, service: EcsService, observations: Iterable[Observation]) -> None:
        """Report observations to the scheduler, and carry out its decision."""
        if service.status == "INACTIVE":
            return
        self.apply(self._regions[service.arn], service, decide(service.state, observations, self._site.clock.now()))

    def _instants(self, instants: Mapping[str, float]) -> dict[str, str]:
        """Return instants as events show them."""
        clock = self._site.clock
        return {name: iso(clock.stamp(at), "milliseconds") for name, at in instants.items()}

    def _soon(self, service: EcsService, observation: Observation) -> None:
        """Report an answer as the next callback: the scheduler is in the midst of a decision."""
        self._site.loop.call_soon(partial(self._answered, service, observation), name="traffic of a deployment")

    def _answered(self, service: EcsService, observation: Observation) -> None:
        """Report the answer to an order of the scheduler."""
        self.observe(service, [observation])

    def task_changed(self, task: EcsTask, what: str) -> None:
        """React to a task of a service that came up, changed its health, or stopped."""
        service = task.service
        if service is None:
            return
        if what == "moved":
            for (arn, ip, port), owner in service.targets.items():
                if owner == task.id and task.address is not None:
                    self._balancers.move_target(arn, ip, port, address=task.address)
            return
        observation: Observation
        if what == "running":
            observation = TaskRunning(task.id)
        elif what == "health":
            observation = TaskHealthChanged(task.id, task.state.health)
        else:
            observation = TaskStopped(
                task.id,
                task.state.stop_code or "EssentialContainerExited",
                task.state.stopped_reason or "",
            )
        self.observe(service, [observation])

    def interrupt(self, service: EcsService, task: EcsTask) -> None:
        """Take the capacity of a task back: SIGTERM now, and a replacement."""
        self._life.interrupt(task)
        self.observe(service, [TaskInterrupted(task.id)])

    def _start(self, region: Region, service: EcsService, action: StartTask) -> TaskNotPlaced | None:
        """Begin a task. Return what the scheduler is told if nothing can run it."""
        revision = service.revisions[action.revision_arn]
        parameters, definition = revision.parameters, revision.definition
        provider = self._provider(parameters, service)
        if provider is None and parameters.get("launchType") != "FARGATE":
            return TaskNotPlaced(action.task_id, "No Container Instances were found in your cluster.")
        arn = region.arn(f"task/{service.cluster.name}/{action.task_id}")
        network = (parameters.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        subnets = open_subnets(self._site, region.name, network["subnets"], provider)
        if not subnets:
            providers = (region.arn(f"capacity-provider/{provider}"),) if provider else ()
            return TaskNotPlaced(action.task_id, CAPACITY, "RESOURCE:FARGATE", providers)
        service.launched += 1
        # The service's settings at this moment decide: "only tasks launched after the update will reflect the update".
        tags: dict[str, str] = {}
        if service.parameters.get("propagateTags") == "SERVICE":
            tags = dict(service.tags)
        elif service.parameters.get("propagateTags") == "TASK_DEFINITION":
            tags = dict(definition.tags)
        if service.parameters.get("enableECSManagedTags"):
            tags |= {"aws:ecs:clusterName": service.cluster.name, "aws:ecs:serviceName": service.name}
        connected = self._connect.connected(service, revision, action.deployment_id)
        task = EcsTask(
            id=action.task_id,
            arn=arn,
            cluster=service.cluster,
            definition=definition,
            region=region.name,
            created_at=self._site.clock.now(),
            launch_type="FARGATE",
            group=f"service:{service.name}",
            network=network,
            subnet_id=subnets[service.launched % len(subnets)],
            containers=[new_container(arn, container, action.task_id) for container in definition.containers],
            service=service,
            deployment_id=action.deployment_id,
            started_by=action.deployment_id,
            capacity_provider=provider,
            tags=tags,
            connected=connected,
            registrations=self._connect.registrations(service, revision, connected),
        )
        region.tasks[task.id] = task
        self._life.start(task)
        return None

    def _provider(self, parameters: dict[str, Any], service: EcsService) -> str | None:
        """Return the capacity provider of the next task."""
        strategy = parameters.get("capacityProviderStrategy") or []
        if not strategy:
            return None
        running = [self._regions[service.arn].tasks.get(task_id) for task_id in service.state.tasks]
        counts = Counter(task.capacity_provider for task in running if task is not None and task.capacity_provider)
        return next_provider(strategy, counts)

    # Targets --------------------------------------------------------------------------------------------------

    def _register(self, region: Region, service: EcsService, action: RegisterTarget) -> None:
        task, arn, port = region.tasks[action.task_id], action.target_group_arn, action.container_port
        if task.interface is None or task.address is None:
            return
        service.targets[(arn, task.interface.private_ip, port)] = task.id
        if arn not in service.watched:
            service.watched.add(arn)
            self._balancers.subscribe(arn, partial(self._target_changed, service, arn))
        self._balancers.register_target(arn, task.interface.private_ip, port, address=task.address)

    def _deregister(self, region: Region, service: EcsService, action: DeregisterTarget) -> None:
        task = region.tasks.get(action.task_id)
        if task is not None:
            self._life.draining(task)
        targets = [
            key
            for key, owner in service.targets.items()
            if owner == action.task_id and key[0] == action.target_group_arn
        ]
        for arn, address, port in targets:
            self._balancers.deregister_target(arn, address, port)
            if self._balancers.target_health(arn, address, port).reason == "Target.NotRegistered":
                self._drained(service, arn, address, port)
        if not targets:
            observation = TargetDrained(action.task_id, action.target_group_arn)
            self._site.loop.call_soon(partial(self.observe, service, [observation]))

    def _drained(self, service: EcsService, arn: str, address: str, port: int) -> None:
        task_id = service.targets.pop((arn, address, port), None)
        if task_id is not None:
            observation = TargetDrained(task_id, arn)
            self._site.loop.call_soon(partial(self.observe, service, [observation]), name="target drained")

    def _target_changed(self, service: EcsService, arn: str, address: str, port: int, state: str, reason: str) -> None:
        task_id = service.targets.get((arn, address, port))
        if task_id is None:
            return
        if state == "unused" and reason == "Target.NotRegistered":
            self._drained(service, arn, address, port)
            return
        description = self._balancers.target_health(arn, address, port).description
        observation = TargetHealthChanged(
            task_id,
            arn,
            state,  # type: ignore[arg-type]
            description or DESCRIPTIONS.get(reason, ""),
        )
        # Not at once: the load balancer may be in the middle of registering it.
        self._site.loop.call_soon(partial(self.observe, service, [observation]), name="target health")
