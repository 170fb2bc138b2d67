"""The lives of tasks: carries out the decisions of the task engine, and reports back what happened.

Everything runs under the world's lock, except the work passed to `submit`.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.kernel.loop import Outcome
from pushproof.emulator.kernel.settings import EcsSettings
from pushproof.emulator.kernel.tasks import CommandResult, PullError, StartError, TaskRuntime, TaskSpec
from pushproof.engines.tasks import (
    AnnounceState,
    AttachInterface,
    CancelReminder,
    ContainerExited,
    ContainersStarted,
    ContainersStopped,
    ContainerStarted,
    ContainerStartFailed,
    DeleteInterface,
    Effect,
    FlushLogs,
    HealthChecked,
    ImagesPulled,
    InterfaceAttached,
    InterfaceDeleted,
    InterfaceRefused,
    PreparationFailed,
    PullImages,
    Remind,
    Reminder,
    ReportHealth,
    ReportRunning,
    ReportStopped,
    RunHealthCheck,
    StartContainer,
    StartContainers,
    StartFailed,
    Step,
    StopCode,
    StopContainers,
    StopRequested,
    TargetsDraining,
    TaskEvent,
    TaskState,
    TaskTiming,
    launch,
    step,
)

from . import interfaces
from .model import EcsTask, Interface
from .naming import Around, TaskNames, forwards_of
from .neighbours import Neighbours, place_of
from .orders import container_state, order_of
from .output import TaskOutput
from .preparing import Prepared, TaskFailed, login_for, prepare
from .roles import TaskRoles
from .shapes import task_shape

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")
log = logging.getLogger(__name__)


class TaskLife:
    """Carries tasks from PROVISIONING to STOPPED. It calls `changed(task, what)` with "running", "health" and "stopped".

    A transition is complete before its effects begin. Effects are carried out one after another, also those of
    transitions that effects bring about.
    """

    def __init__(
        self,
        site: Site,
        runtime: TaskRuntime | None,
        settings: EcsSettings,
        changed: Callable[[EcsTask, str], None],
        names: TaskNames,
    ) -> None:
        self._site = site
        self._runtime = runtime
        self._timing = TaskTiming(
            provisioning_seconds=settings.provisioning_seconds,
            activating_seconds=settings.activating_seconds,
            deprovisioning_seconds=settings.deprovisioning_seconds,
            unchecked_containers_are_unknown=settings.unchecked_containers_are_unknown,
        )
        self._changed = changed
        self._roles = TaskRoles(site)
        self._output = TaskOutput(site, self._roles, settings.log_flush_seconds)
        self._tasks: dict[str, EcsTask] = {}
        self._names = names
        self._neighbours = Neighbours(site, runtime, self._present, names)
        self._prepared: dict[str, Prepared] = {}
        self._started: dict[str, TaskSpec] = {}
        # : Tasks of a kept world whose containers do not run here yet.
        self.resting: tuple[EcsTask, ...] = ()
        # : Those of them whose address is still the one that they had in another world.
        self._elsewhere: set[str] = set()
        self._effects: deque[tuple[EcsTask, Effect]] = deque()
        self._busy = False
        self._closed = False

    def close(self) -> None:
        self._closed = True
        self._output.close()

    def _report(self, task: EcsTask, what: str, error: BaseException) -> None:
        """Log an error of this machine's. A world that ends takes files and sockets from under work that is on its way."""
        log.log(logging.DEBUG if self._closed else logging.ERROR, "task %s could not be %s: %r", task.id, what, error)

    # Requests of other parts ---------------------------------------------------------------------------------------

    def tasks(self) -> list[EcsTask]:
        """Return the tasks that have not stopped yet."""
        return list(self._tasks.values())

    def _present(self) -> list[EcsTask]:
        """Return the tasks whose containers are this world's own."""
        return [task for task in self._tasks.values() if task.id not in self._elsewhere]

    def renew_names(self) -> None:
        """Let tasks find what is registered in Cloud Map now."""
        self._neighbours.renew()

    def task_credentials(self, task_id: str, role: str) -> Credentials:
        """Return the task role's credentials. Raises AwsError."""
        return self._roles.of_task(task_id, role)

    def start(self, task: EcsTask) -> None:
        """Begin a task's life, and return at once."""
        clock = self._site.clock
        self._tasks[task.id] = task
        containers = [container_state(definition, clock) for definition in task.definition.containers]
        self._apply(task, launch(containers, clock.now(), self._timing))

    def stop(self, task: EcsTask, code: StopCode, reason: str) -> None:
        """Request a task's stop; the first reason stays."""
        self._tell(task, StopRequested(code, reason))

    def interrupt(self, task: EcsTask) -> None:
        """Stop a task of Fargate Spot, as when AWS wants the capacity back."""
        self._tell(task, StopRequested("SpotInterruption", "Your Spot Task was interrupted.", warned=True))

    def terminate(self, task: EcsTask) -> None:
        """Stop a task whose host is lost.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
        """
        reason = "Amazon ECS is performing maintenance on the underlying infrastructure hosting the task."
        self._tell(task, StopRequested("TerminationNotice", reason))

    def kill(self, task: EcsTask) -> str | None:
        """Kill an essential container of a task. Return its name; None if none runs."""
        names = [held.name for held in task.state.containers if held.essential and held.exit_code is None]
        if self._runtime is None or not names or task.id not in self._started:
            return None
        self._site.loop.submit(partial(self._runtime.kill, task.id, names[0]), name=f"kill of {task.id}")
        return names[0]

    def freeze(self, task: EcsTask, frozen: bool = True) -> None:
        """Let a task's containers do nothing more, as on a host that is lost; or let them go on."""
        if self._runtime is not None and task.id in self._started:
            self._site.loop.submit(partial(self._runtime.freeze, task.id, frozen), name=f"freeze of {task.id}")

    def _settle(self, task: EcsTask) -> None:
        """Note the place of a task that runs, and freeze it if its zone is lost."""
        faults, interface = self._site.faults, task.interface
        if task.address is None or interface is None:
            return
        service = task.service.name if task.service is not None else ""
        faults.settle(task.address, zone=interface.zone, subnet=interface.subnet_id, service=service, task=task.arn)
        self._neighbours.renew()
        if interface.zone in faults.zones_lost:
            self.freeze(task)

    def draining(self, task: EcsTask) -> None:
        """Note that the task's targets are being deregistered: DEACTIVATING."""
        self._tell(task, TargetsDraining())

    # In a world that continues a kept one -----------------------------------------------------------------------

    def continued(self) -> None:
        """Note the tasks whose containers run nowhere: none, if the runtime's tasks are kept with the world."""
        runtime = self._runtime
        for task in self._tasks.values():
            self._settle(task)
        if runtime is not None and not runtime.keeps_tasks:
            self.resting = tuple(task for task in self._tasks.values() if task.id in self._started)
            self._elsewhere = {task.id for task in self.resting}

    def resume(self) -> None:
        """Start the containers of tasks that rest. Off the lock; blocks until they run, or have been reported as ended."""
        tasks, self.resting = self.resting, ()
        with ThreadPoolExecutor(max(1, len(tasks)), thread_name_prefix="pushproof-resume") as pool:
            list(pool.map(self._resume, tasks))

    def _resume(self, task: EcsTask) -> None:
        runtime = self._runtime
        assert runtime is not None
        kept = self._started[task.id]
        # Other tasks are where they come to be, which it is told once they are.
        spec = replace(kept, names=(), upstreams=tuple(replace(each, targets=()) for each in kept.upstreams))
        try:
            for container in spec.containers:
                runtime.pull(container.image.reference, login_for(self._site, container.image.reference, task.region))
            address = runtime.start(spec, self)
            for container in spec.containers:
                if container.depends_on:
                    runtime.start_container(task.id, container.name)
        except (PullError, StartError, TaskFailed, AwsError, OSError) as error:
            self._report(task, "resumed", error)
            with self._site.loop.lock:
                for container in spec.containers:
                    self.container_exited(task.id, container.name, 137)
            return
        with self._site.loop.lock:
            before, task.address = task.address, address
            self._elsewhere.discard(task.id)
            self._settle(task)
            self._changed(task, "moved")
            log.debug("task %s has moved from %s to %s", task.id, before, address)

    # News from containers (TaskListener) -----------------------------------------------------------

    def container_exited(self, task_id: str, container: str, exit_code: int, *, out_of_memory: bool = False) -> None:
        task = self._tasks.get(task_id)
        if task is not None:
            self._tell(task, ContainerExited(container, exit_code, out_of_memory))

    def container_logged(self, task_id: str, container: str, lines: list[tuple[float, str]]) -> None:
        task = self._tasks.get(task_id)
        record = task.container(container) if task is not None else None
        if task is not None and record is not None:
            self._output.add(task, record, lines)

    # Between the engine and the world --------------------------------------------------------------------------

    def _tell(self, task: EcsTask, event: TaskEvent) -> None:
        self._apply(task, step(task.state, event, self._site.clock.now(), self._timing))

    def _apply(self, task: EcsTask, change: Step) -> None:
        if change.ignored is not None:
            log.debug("task %s: %s", task.id, change.ignored)
        task.state = change.state
        if task.last_status == "STOPPED":
            self._tasks.pop(task.id, None)
            self._prepared.pop(task.id, None)
            self._started.pop(task.id, None)
            self._elsewhere.discard(task.id)
            self._roles.forget(task.id)
            if task.address is not None:
                self._site.faults.vacate(task.address)
        self._effects.extend((task, effect) for effect in change.effects)
        if self._busy:
            return
        self._busy = True
        try:
            while self._effects:
                self._carry_out(*self._effects.popleft())
        finally:
            self._busy = False

    def _carry_out(self, task: EcsTask, effect: Effect) -> None:
        match effect:
            case AnnounceState(state):
                self._announce(task, state)
            case Remind(event, at):
                self._remind(task, event, at)
            case CancelReminder(event):
                timer = task.reminders.pop(event, None)
                if timer is not None:
                    timer.cancel()
            case AttachInterface():
                self._attach_interface(task)
            case PullImages():
                self._pull_images(task)
            case StartContainers():
                self._start_containers(task)
            case StartContainer(container):
                self._start_container(task, container)
            case RunHealthCheck(container):
                self._run_health_check(task, container)
            case StopContainers():
                self._stop_containers(task)
            case FlushLogs():
                for record in task.containers:
                    self._output.flush(task, record)
            case DeleteInterface():
                self._delete_interface(task)
            case ReportRunning():
                self._neighbours.renew()
                self._changed(task, "running")
            case ReportHealth():
                self._names.health_changed(task)
                self._neighbours.renew()
                self._changed(task, "health")
            case ReportStopped():
                self._changed(task, "stopped")
            case _:
                assert_never(effect)

    def _submit(
        self, task: EcsTask, work: Callable[[], T], answer: Callable[[Outcome[T]], TaskEvent], name: str
    ) -> None:
        """Run `work` off the lock, then pass the engine the event that `answer` derives from its outcome."""

        def done(outcome: Outcome[T]) -> None:
            self._tell(task, answer(outcome))

        self._site.loop.submit(work, done, name=f"{name} of {task.id}")

    def _remind(self, task: EcsTask, event: Reminder, at: float) -> None:
        def due() -> None:
            task.reminders.pop(event, None)
            self._tell(task, event)

        task.reminders[event] = self._site.loop.call_at(at, due, name=f"{type(event).__name__} of {task.id}")

    def _announce(self, task: EcsTask, state: TaskState) -> None:
        """Publish a change of state. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
        clock = self._site.clock
        self._names.announced(task, state.last_status)
        if state.last_status == "DEACTIVATING":
            self._neighbours.renew()
        detail: dict[str, Any] = {
            name: iso(value, "milliseconds") if isinstance(value, datetime) else value
            for name, value in task_shape(task, clock, state=state).items()
            if name not in ("tags", "healthStatus")
        }
        if state.health != "UNKNOWN":
            detail["healthStatus"] = state.health
        detail["updatedAt"] = iso(clock.stamp(clock.now()), "milliseconds")
        self._site.events.publish("aws.ecs", "ECS Task State Change", detail, resources=[task.arn], region=task.region)

    # Effects that take time ------------------------------------------------------------------------------------

    def _attach_interface(self, task: EcsTask) -> None:
        ec2 = self._site.substrate.client("ec2", task.region)
        groups = list(task.network.get("securityGroups") or [])
        attachment = str(uuid.uuid4())
        arn = f"{task.cluster.arn.replace(':cluster/', ':attachment/')}/{attachment}"

        def work() -> Interface:
            return interfaces.attach(
                ec2, subnet=task.subnet_id, groups=groups, attachment_id=attachment, attachment_arn=arn
            )

        def answer(outcome: Outcome[Interface]) -> TaskEvent:
            if outcome.error is not None:
                return InterfaceRefused(interfaces.refusal(outcome.error))
            task.interface = outcome.get()
            return InterfaceAttached()

        self._submit(task, work, answer, "interface")

    def _pull_images(self, task: EcsTask) -> None:
        order, task_role = order_of(task), task.role_arn

        def work() -> Prepared:
            credentials = self._roles.for_start(task.id, order.execution_role, task_role)
            return prepare(self._site, self._runtime, order, credentials)

        def answer(outcome: Outcome[Prepared]) -> TaskEvent:
            error = outcome.error
            if isinstance(error, TaskFailed):
                return PreparationFailed(error.reason, error.container)
            if error is not None:
                self._report(task, "prepared", error)
                return PreparationFailed(f"CannotStartContainerError: {error}")
            prepared = self._prepared[task.id] = outcome.get()
            task.pull_started_at, task.pull_stopped_at = prepared.pull_started_at, prepared.pull_stopped_at
            for record in task.containers:
                record.digest = prepared.digests.get(record.name)
            return ImagesPulled()

        self._submit(task, work, answer, "images")

    def _start_containers(self, task: EcsTask) -> None:
        runtime, clock, interface = self._runtime, self._site.clock, task.interface
        assert runtime is not None
        assert interface is not None
        prepared = self._prepared.pop(task.id).spec
        # Where no container reaches anything, nothing looks for a name.
        finding = self._names.around(task, self._present()) if runtime.endpoint else Around()
        spec = self._started[task.id] = replace(
            prepared,
            private_ip=interface.private_ip,
            names=finding.names,
            upstreams=finding.upstreams,
            forwards=forwards_of(task),
        )
        region, place = task.region, place_of(task, interface)

        def work() -> str:
            outwards = self._site.paths.open_outwards(region=region, source=place) if runtime.endpoint else None
            return runtime.start(replace(spec, started_at=clock.now(), outwards=outwards), self)

        def answer(outcome: Outcome[str]) -> TaskEvent:
            error = outcome.error
            if error is not None:
                if not isinstance(error, StartError):
                    self._report(task, "started", error)
                return StartFailed(f"CannotStartContainerError: {_reason(error)}")
            task.address = outcome.get()
            self._settle(task)
            return ContainersStarted()

        self._submit(task, work, answer, "start")

    def _start_container(self, task: EcsTask, container: str) -> None:
        runtime = self._runtime
        assert runtime is not None

        def answer(outcome: Outcome[None]) -> TaskEvent:
            if outcome.error is not None:
                return ContainerStartFailed(container, _reason(outcome.error))
            return ContainerStarted(container)

        self._submit(task, partial(runtime.start_container, task.id, container), answer, f"start of {container}")

    def _run_health_check(self, task: EcsTask, container: str) -> None:
        runtime, state = self._runtime, task.state.container(container)
        if runtime is None or state is None or state.check is None:
            return
        command, timeout = list(state.check.command), float(state.check.timeout)

        def answer(outcome: Outcome[CommandResult]) -> TaskEvent:
            return HealthChecked(container, outcome.error is None and outcome.get().exit_code == 0)

        self._submit(
            task, partial(runtime.execute, task.id, container, command, timeout), answer, f"check of {container}"
        )

    def _stop_containers(self, task: EcsTask) -> None:
        runtime = self._runtime
        assert runtime is not None

        def answer(outcome: Outcome[dict[str, int]]) -> TaskEvent:
            if outcome.error is not None:
                log.warning("task %s: its containers did not stop cleanly: %s", task.id, outcome.error)
            return ContainersStopped(outcome.value or {})

        self._submit(task, partial(runtime.stop, task.id), answer, "stop")

    def _delete_interface(self, task: EcsTask) -> None:
        interface = task.interface
        assert interface is not None
        interface.status = "DELETED"
        self._neighbours.renew()
        ec2 = self._site.substrate.client("ec2", task.region)

        def work() -> None:
            ec2.delete_network_interface(NetworkInterfaceId=interface.id)

        def answer(outcome: Outcome[None]) -> TaskEvent:
            if outcome.error is not None:
                log.warning("network interface %s was not deleted: %s", interface.id, outcome.error)
            return InterfaceDeleted()

        self._submit(task, work, answer, "interface")


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, StartError) else str(error)
