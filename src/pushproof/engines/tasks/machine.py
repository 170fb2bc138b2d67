"""The life of a task, decided: one event in, the new state and the effects to carry out.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html (statuses),
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (essential, dependsOn, startTimeout),
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html (each change is announced, with a version)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from .container_health import HealthStatus, container_checked, container_started, task_health
from .effects import (
    AttachInterface,
    CancelReminder,
    DeleteInterface,
    FlushLogs,
    PullImages,
    Remind,
    ReportHealth,
    ReportRunning,
    ReportStopped,
    RunHealthCheck,
    StartContainer,
    StartContainers,
    Step,
    StopContainers,
)
from .events import (
    ActivationElapsed,
    ContainerExited,
    ContainersStarted,
    ContainersStopped,
    ContainerStarted,
    ContainerStartFailed,
    DeprovisioningElapsed,
    HealthCheckDue,
    HealthChecked,
    ImagesPulled,
    InterfaceAttached,
    InterfaceDeleted,
    InterfaceRefused,
    PreparationFailed,
    ProvisioningElapsed,
    StartFailed,
    StartTimeoutElapsed,
    StopRequested,
    TargetsDraining,
    TaskEvent,
)
from .ordering import Unmeetable, met
from .state import Container, StopCode, TaskState, TaskTiming
from .turn import Ignored, Turn

_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


def launch(containers: Iterable[Container], now: float, timing: TaskTiming) -> Step:
    """Begin a task's life: PROVISIONING.

    Raises:
        ValueError: two containers share a name, or one depends on a container that the task does not have.
    """
    state = TaskState(tuple(containers))
    names = [container.name for container in state.containers]
    unknown = {dependency.container for container in state.containers for dependency in container.depends_on} - {*names}
    if unknown or len({*names}) < len(names):
        raise ValueError(
            f"containers {', '.join(names)} do not make a task: "
            + (f"there is no container {min(unknown)} to depend on" if unknown else "a name occurs twice")
        )
    turn = _Life(state, now, timing)
    turn.launched()
    return turn.result()


def step(state: TaskState, event: TaskEvent, now: float, timing: TaskTiming) -> Step:
    """Apply one event at AWS time `now`.

    Every event is accepted at every moment: one that the task does not wait for leaves the state as it is, and
    `Step.ignored` says why.
    """
    turn = _Life(state, now, timing)
    try:
        turn.apply(event)
    except Ignored as reason:
        return Step(state, ignored=str(reason))
    return turn.result()


class _Life(Turn):
    """The transitions, named for the events that bring them about."""

    def apply(self, event: TaskEvent) -> None:
        if self.state.last_status == "STOPPED":
            raise Ignored("the task is STOPPED")
        match event:
            case StopRequested(code, reason, warned):
                self.stop_requested(code, reason, warned)
            case TargetsDraining():
                self.targets_draining()
            case ProvisioningElapsed():
                self.provisioning_elapsed()
            case InterfaceAttached():
                self.interface_attached()
            case InterfaceRefused(reason):
                self.interface_refused(reason)
            case ImagesPulled():
                self.images_pulled()
            case PreparationFailed(reason, name):
                self.preparation_failed(reason, name)
            case ContainersStarted():
                self.containers_started()
            case StartFailed(reason):
                self.start_failed(reason)
            case ContainerStarted(name):
                self.container_started(self._starting(name))
            case ContainerStartFailed(name, reason):
                self.container_start_failed(self._starting(name), reason)
            case StartTimeoutElapsed(name):
                self.start_timeout_elapsed(self._container(name))
            case ActivationElapsed():
                self.activation_elapsed()
            case HealthCheckDue(name):
                self.health_check_due(self._container(name))
            case HealthChecked(name, passed):
                self.health_checked(self._container(name), passed)
            case ContainerExited(name, exit_code, out_of_memory):
                self.container_exited(self._container(name), exit_code, out_of_memory)
            case ContainersStopped(exit_codes):
                self.containers_stopped(dict(exit_codes))
            case InterfaceDeleted():
                self.interface_deleted()
            case DeprovisioningElapsed():
                self.deprovisioning_elapsed()
            case _:
                assert_never(event)

    # The way up ------------------------------------------------------------------------------------------------

    def launched(self) -> None:
        self._announce()
        reminder = Remind(ProvisioningElapsed(), self.now + self.timing.provisioning_seconds)
        self._await("provisioning", reminder)

    def provisioning_elapsed(self) -> None:
        self._received("provisioning")
        if self.state.stopping:
            self._wind_down()
        else:
            self._await("interface", AttachInterface())

    def interface_attached(self) -> None:
        self._received("interface")
        self.state = replace(self.state, attached=True)
        if self.state.stopping:
            self._wind_down()
            return
        self._move("PENDING")
        self._await("images", PullImages())

    def interface_refused(self, reason: str) -> None:
        self._received("interface")
        self._fail(reason)

    def images_pulled(self) -> None:
        self._received("images")
        if self.state.stopping:
            self._wind_down()
        else:
            self._await("start", StartContainers())

    def preparation_failed(self, reason: str, name: str | None) -> None:
        self._received("images")
        container = self.state.container(name) if name is not None else None
        if container is not None:
            self._put(replace(container, reason=reason))
        self._fail(reason)

    def containers_started(self) -> None:
        self._received("start")
        self.state = replace(self.state, in_runtime=True)
        for container in self.state.containers:
            if not container.depends_on:
                self._begun(container)
        self._proceed()

    def start_failed(self, reason: str) -> None:
        self._received("start")
        self._fail(reason)

    def container_started(self, container: Container) -> None:
        self._begun(replace(container, starting=False))
        self._proceed()

    def container_start_failed(self, container: Container, reason: str) -> None:
        if self.state.stopping:
            self._put(replace(container, starting=False))
            self._proceed()
            return
        reason = f"CannotStartContainerError: {reason}"
        self._put(replace(container, starting=False, reason=reason))
        self._stop("TaskFailedToStart", reason)

    def start_timeout_elapsed(self, container: Container) -> None:
        if not self.state.waiting:
            raise Ignored(f"no container waits for {container.name} any more")
        self._proceed()

    def _begun(self, container: Container) -> None:
        """Note that a container was started. Only where containers wait for others is it a change of its own."""
        container = replace(container, started_at=self.now)
        self._put(container)
        if not any(container.depends_on for container in self.state.containers):
            return
        if container.exit_code is None:
            self._put(replace(container, last_status="RUNNING"))
            self._announce()
        if self.state.stopping:
            return
        self._begin_checks(container.name)
        if container.start_timeout is not None:
            self.effects.append(Remind(StartTimeoutElapsed(container.name), self.now + container.start_timeout))

    def _proceed(self) -> None:
        """Start what has waited long enough. Once all containers have been started, the task goes on to ACTIVATING."""
        state = self.state
        if state.stopping:
            if not state.starting:
                self._wind_down()
            return
        behind = [container for container in state.containers if container.started_at is None]
        if not behind:
            self._move("ACTIVATING")
            self._await("activation", Remind(ActivationElapsed(), self.now + self.timing.activating_seconds))
            return
        for container in behind:
            try:
                ready = not container.starting and self._may_start(container)
            except Unmeetable as error:
                self._put(replace(container, reason=str(error)))
                self._stop("TaskFailedToStart", f"Container {container.name} was not started: {error}")
                return
            if ready:
                self._put(replace(container, starting=True))
                self.effects.append(StartContainer(container.name))

    def _may_start(self, container: Container) -> bool:
        """Raises Unmeetable."""
        others = {container.name: container.progress(self.now) for container in self.state.containers}
        return all(met(dependency, others[dependency.container]) for dependency in container.depends_on)

    def activation_elapsed(self) -> None:
        self._received("activation")
        # A container that started and exited at once: the task was RUNNING all the same.
        if self.state.stopping and self.state.stop_code != "EssentialContainerExited":
            self._wind_down()
            return
        self.state = replace(self.state, started_at=self.now)
        for container in self.state.containers:
            if container.exit_code is None:
                self._put(replace(container, last_status="RUNNING"))
                if not self.state.stopping:
                    self._begin_checks(container.name)
        self._move("RUNNING")
        self.effects.append(ReportRunning())
        if self.state.health != "UNKNOWN":
            self.effects.append(ReportHealth())
        if self.state.stopping:
            self._wind_down()

    # Health ----------------------------------------------------------------------------------------------------

    def _begin_checks(self, name: str) -> None:
        container = self._container(name)
        if container.check is not None and container.health is None and container.exit_code is None:
            health = container_started(container.check, self.now)
            self._put(replace(container, health=health))
            self.effects.append(Remind(HealthCheckDue(name), health.next_check_at))

    def _refuse_check(self, container: Container) -> None:
        if self.state.stopping:
            raise Ignored("the task is stopping, and its health is of no account any more")
        if container.exit_code is not None or container.health is None:
            raise Ignored(f"container {container.name} is not checked")

    def health_check_due(self, container: Container) -> None:
        self._refuse_check(container)
        self.effects.append(RunHealthCheck(container.name))

    def health_checked(self, container: Container, passed: bool) -> None:
        self._refuse_check(container)
        assert container.check is not None
        assert container.health is not None
        health = container_checked(container.check, container.health, self.now, passed)
        self._put(replace(container, health=health))
        self.effects.append(Remind(HealthCheckDue(container.name), health.next_check_at))
        status = self._health()
        if status != self.state.health:
            self.state = replace(self.state, health=status)
            self._announce()
            # Before RUNNING nobody asks for a task's health; with RUNNING it is reported once.
            if self.state.started_at is not None:
                self.effects.append(ReportHealth())
        if self.state.waiting:
            self._proceed()

    def _health(self) -> HealthStatus:
        return task_health(
            container.health_status
            for container in self.state.containers
            if container.essential and (container.check is not None or self.timing.unchecked_containers_are_unknown)
        )

    # The way down ----------------------------------------------------------------------------------------------

    def container_exited(self, container: Container, exit_code: int, out_of_memory: bool) -> None:
        if container.exit_code is not None:
            raise Ignored(f"container {container.name} has exited already")
        # The news may come before the answer to StartContainers.
        first = self.state.awaited == "start" and not container.depends_on
        if not (first or container.starting or container.started_at is not None):
            raise Ignored(f"container {container.name} has not been started")
        reason = _OUT_OF_MEMORY if out_of_memory else container.reason
        self._put(replace(container, exit_code=exit_code, last_status="STOPPED", reason=reason))
        self.effects.append(CancelReminder(HealthCheckDue(container.name)))
        if container.essential or all(container.exit_code is not None for container in self.state.containers):
            if not self.state.stopping:
                self._stop("EssentialContainerExited", "Essential container in task exited")
            return
        self._announce()
        if self.state.waiting:
            self._proceed()

    def stop_requested(self, code: StopCode, reason: str, warned: bool) -> None:
        if self.state.stopping:
            raise Ignored(f"the task is stopping already ({self.state.stop_code})")
        self._stop(code, reason, warned=warned)

    def targets_draining(self) -> None:
        if self.state.last_status != "RUNNING":
            raise Ignored(f"a task that is {self.state.last_status} has no targets to drain")
        self._move("DEACTIVATING")

    def _stop(self, code: StopCode, reason: str, *, warned: bool = False) -> None:
        self._mark_stopping(code, reason)
        for container in self.state.containers:
            if container.health is not None:
                self.effects.append(CancelReminder(HealthCheckDue(container.name)))
        if self.state.awaited is not None or self.state.starting:
            # Whatever is under way ends first; each transition looks at the desired status.
            self._announce()
        else:
            if warned:
                self._announce()
            self._wind_down()

    def _fail(self, reason: str) -> None:
        """Stop a task that cannot start; a stop that was asked for before keeps its own reason."""
        if not self.state.stopping:
            self._mark_stopping("TaskFailedToStart", reason)
        self._wind_down()

    def _wind_down(self) -> None:
        if not self.state.in_runtime:
            self._deprovision()
            return
        self._move("STOPPING")
        self.state = replace(self.state, in_runtime=False)
        self._await("stop", StopContainers())

    def containers_stopped(self, exit_codes: dict[str, int]) -> None:
        self._received("stop")
        for container in self.state.containers:
            if container.exit_code is None:
                self._put(replace(container, exit_code=exit_codes.get(container.name)))
        self._deprovision()

    def _deprovision(self) -> None:
        containers = tuple(replace(container, last_status="STOPPED") for container in self.state.containers)
        self.state = replace(self.state, containers=containers, execution_stopped_at=self.now)
        self.effects.append(FlushLogs())
        self._move("DEPROVISIONING")
        if self.state.attached:
            self._await("interface deletion", DeleteInterface())
        else:
            self._stopped()

    def interface_deleted(self) -> None:
        self._received("interface deletion")
        self._await("deprovisioning", Remind(DeprovisioningElapsed(), self.now + self.timing.deprovisioning_seconds))

    def deprovisioning_elapsed(self) -> None:
        self._received("deprovisioning")
        self._stopped()

    def _stopped(self) -> None:
        self.state = replace(self.state, stopped_at=self.now)
        self._move("STOPPED")
        self.effects.append(ReportStopped())
