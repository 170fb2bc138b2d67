"""A task's life: network interface, preparation, containers, health checks, logs, and the end.

Under the world's lock except where `submit` takes it off. States follow
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pushproof.base.clock import start_room
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.loop import Outcome
from pushproof.emulator.kernel.settings import EcsSettings
from pushproof.emulator.kernel.tasks import CommandResult, TaskRuntime
from pushproof.engines.deployment import HealthCheck, HealthStatus, container_checked, container_started, task_health

from .endpoint import variables
from .model import ContainerState, EcsTask, Interface
from .ordering import Progress, Unmeetable, dependencies, met
from .preparing import Order, Started, TaskFailed, log_options, prepare_and_start
from .shapes import iso, task_shape

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

_CREDENTIAL_SECONDS = 3000.0


class TaskLife:
    """Carries tasks from PROVISIONING to STOPPED. `changed(task, what)` hears "running", "health" and "stopped"."""

    def __init__(
        self,
        world: Site,
        runtime: TaskRuntime | None,
        settings: EcsSettings,
        changed: Callable[[EcsTask, str], None],
    ) -> None:
        self._world = world
        self._runtime = runtime
        self._settings = settings
        self._changed = changed
        self._tasks: dict[str, EcsTask] = {}
        self._credentials: dict[str, tuple[float, Credentials]] = {}
        self._task_credentials: dict[str, tuple[float, Credentials]] = {}
        self._closed = False

    def close(self) -> None:
        self._closed = True

    def tasks(self) -> list[EcsTask]:
        """The tasks that have not stopped yet."""
        return list(self._tasks.values())

    # The way up -----------------------------------------------------------------------------------------------

    def start(self, task: EcsTask) -> None:
        """Begin a task's life; returns at once."""
        self._tasks[task.id] = task
        self._announce(task)
        task.busy = True
        self._world.loop.call_later(
            self._settings.provisioning_seconds, partial(self._provision, task), name=f"provision {task.id}"
        )

    def _provision(self, task: EcsTask) -> None:
        if task.desired_status == "STOPPED":
            self._settle(task)
            return
        subnet = task.subnet_id
        groups = list(task.network.get("securityGroups") or [])
        ec2 = self._world.substrate.client("ec2", task.region)
        attachment = str(uuid.uuid4())

        def work() -> Interface:
            made = ec2.create_network_interface(
                SubnetId=subnet,
                Description=f"{task.cluster.arn.replace(':cluster/', ':attachment/')}/{attachment}",
                Groups=groups or _default_group(ec2, subnet),
            )["NetworkInterface"]
            return Interface(
                id=made["NetworkInterfaceId"],
                subnet_id=subnet,
                private_ip=made["PrivateIpAddress"],
                mac=made.get("MacAddress", ""),
                zone=made.get("AvailabilityZone", ""),
                attachment_id=attachment,
                groups=tuple(one["GroupId"] for one in made.get("Groups") or []),
            )

        self._world.loop.submit(work, partial(self._provisioned, task), name=f"interface of {task.id}")

    def _provisioned(self, task: EcsTask, outcome: Outcome[Interface]) -> None:
        if outcome.error is not None:
            words = outcome.error.response["Error"] if isinstance(outcome.error, ClientError) else {}
            self._fail(
                task,
                f"ResourceInitializationError: unable to create network interface: {words.get('Code', '')} "
                f"{words.get('Message', outcome.error)}",
            )
            return
        task.interface = outcome.get()
        if task.desired_status == "STOPPED":
            self._settle(task)
            return
        self._move(task, "PENDING")
        order = self._order(task)
        role, task_role = order.execution_role, task.role_arn

        def work() -> Started:
            try:
                credentials = self._assume(role) if role else None
            except AwsError as error:
                raise TaskFailed(
                    "ResourceInitializationError: unable to pull secrets or registry auth: execution role "
                    f"{role} cannot be assumed: {error.code}: {error.message}. ECS was unable to assume the role "
                    f"'{role}' that was provided for this task. Please verify that the role being passed has the proper "
                    "trust relationship and permissions and that your IAM user has permissions to pass this role."
                ) from error
            try:
                if task_role:
                    self.task_credentials(task.id, task_role)
            except AwsError as error:
                raise TaskFailed(
                    f"ECS was unable to assume the role '{task_role}' that was provided for this task. Please verify that "
                    "the role being passed has the proper trust relationship and permissions and that your IAM user has "
                    f"permissions to pass this role. ({error.code}: {error.message})"
                ) from error
            return prepare_and_start(self._world, self._runtime, order, credentials, self)

        self._world.loop.submit(work, partial(self._prepared, task), name=f"start {task.id}")

    def _order(self, task: EcsTask) -> Order:
        document = task.definition.document
        overrides = {one["name"]: one for one in task.overrides.get("containerOverrides") or [] if one.get("name")}
        assert task.interface is not None
        return Order(
            task_id=task.id,
            family=task.definition.family,
            region=task.region,
            cpu=int(task.overrides.get("cpu") or document.get("cpu") or 256),
            memory=int(task.overrides.get("memory") or document.get("memory") or 512),
            containers=tuple(_overridden(one, overrides.get(one["name"])) for one in task.definition.containers),
            streams={one.name: one.stream for one in task.containers if one.stream},
            execution_role=task.overrides.get("executionRoleArn") or document.get("executionRoleArn"),
            subnet_id=task.interface.subnet_id,
            security_groups=tuple(task.network.get("securityGroups") or task.interface.groups),
            public_ip=task.network.get("assignPublicIp") == "ENABLED",
            task_arn=task.arn,
            variables={one.name: variables(task, one) for one in task.containers},
        )

    def _source_arn(self, role: str) -> str:
        """Return the aws:SourceArn that ECS sends (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html)."""
        return f"arn:aws:ecs:{self._world.region}:{role.split(':')[4]}:*"

    def _assume(self, role: str) -> Credentials:
        now = self._world.clock.now()
        kept = self._credentials.get(role)
        if kept is None or now - kept[0] > _CREDENTIAL_SECONDS:
            kept = (
                now,
                self._world.assume(role, "ecs-tasks.amazonaws.com", "ecs-tasks", source_arn=self._source_arn(role)),
            )
            self._credentials[role] = kept
        return kept[1]

    def task_credentials(self, task_id: str, role: str) -> Credentials:
        """The task role's credentials, in a session named as on AWS: after the task. Raises AwsError."""
        now = self._world.clock.now()
        kept = self._task_credentials.get(task_id)
        if kept is None or now - kept[0] > _CREDENTIAL_SECONDS:
            source = self._source_arn(role)
            kept = (now, self._world.assume(role, "ecs-tasks.amazonaws.com", task_id, source_arn=source))
            self._task_credentials[task_id] = kept
        return kept[1]

    def _prepared(self, task: EcsTask, outcome: Outcome[Started]) -> None:
        if outcome.error is not None:
            if isinstance(outcome.error, TaskFailed):
                container = task.container(outcome.error.container or "")
                if container is not None:
                    container.reason = outcome.error.reason
                self._fail(task, outcome.error.reason)
                return
            log.error("task %s could not be started: %r", task.id, outcome.error)
            self._fail(task, f"CannotStartContainerError: {outcome.error}")
            return
        started = outcome.get()
        task.in_runtime = True
        task.address = started.address
        task.pull_started_at, task.pull_stopped_at = started.pull_started_at, started.pull_stopped_at
        for container in task.containers:
            container.digest = started.digests.get(container.name)
        for container in task.containers:
            if not container.depends_on:
                self._begun(task, container)
        self._advance(task)

    # Containers that wait for others --------------------------------------------------------------------------

    def _advance(self, task: EcsTask) -> None:
        """Start whatever has waited long enough; a task whose containers have all been started goes on to RUNNING."""
        if task.desired_status == "STOPPED":
            if not any(one.starting for one in task.containers):
                self._settle(task)
            return
        waiting = [one for one in task.containers if one.started_at is None]
        if not waiting:
            task.busy = True
            self._move(task, "ACTIVATING")
            self._world.loop.call_later(
                self._settings.activating_seconds, partial(self._activated, task), name=f"activate {task.id}"
            )
            return
        for container in waiting:
            try:
                ready = not container.starting and all(
                    met(one, self._progress(task, one.container)) for one in container.depends_on
                )
            except Unmeetable as error:
                container.reason = str(error)
                self._give_up(task, f"Container {container.name} was not started: {error}")
                return
            if ready:
                self._start_container(task, container)
        # A task that only waits can be stopped at any moment; one whose container is being started, after that.
        task.busy = any(one.starting for one in task.containers)

    def _start_container(self, task: EcsTask, container: ContainerState) -> None:
        runtime = self._runtime
        assert runtime is not None
        container.starting = True

        def started(outcome: Outcome[None]) -> None:
            container.starting = False
            if outcome.error is None:
                self._begun(task, container)
            elif task.desired_status != "STOPPED":
                reason = getattr(outcome.error, "reason", str(outcome.error))
                container.reason = f"CannotStartContainerError: {reason}"
                self._give_up(task, container.reason)
                return
            self._advance(task)

        work = partial(runtime.start_container, task.id, container.name)
        self._world.loop.submit(work, started, name=f"start {container.name} of {task.id}")

    def _begun(self, task: EcsTask, container: ContainerState) -> None:
        container.started_at = self._world.clock.now()
        if not any(one.depends_on for one in task.containers):
            return
        if container.exit_code is None:
            container.last_status = "RUNNING"
            self._announce(task)
        self._begin_checks(task, container)
        if container.start_timeout is not None:

            def over() -> None:
                if self._is_waiting(task):
                    self._advance(task)

            self._world.loop.call_later(container.start_timeout, over, name=f"start timeout of {container.name}")

    def _progress(self, task: EcsTask, name: str) -> Progress:
        container = task.container(name)
        if container is None or container.started_at is None:
            return Progress(started=False, exit_code=None, healthy=False)
        age = self._world.clock.now() - container.started_at
        return Progress(
            started=True,
            exit_code=container.exit_code,
            healthy=container.health_status == "HEALTHY",
            overdue=container.start_timeout is not None and age >= container.start_timeout,
        )

    def _is_waiting(self, task: EcsTask) -> bool:
        """Return whether containers of the task wait for others."""
        return task.in_runtime and task.last_status == "PENDING" and task.desired_status != "STOPPED"

    def _give_up(self, task: EcsTask, reason: str) -> None:
        task.busy = any(one.starting for one in task.containers)
        self.stop(task, "TaskFailedToStart", reason)

    def _activated(self, task: EcsTask) -> None:
        task.busy = False
        now = self._world.clock.now()
        if task.desired_status == "STOPPED" and task.stop_code != "EssentialContainerExited":
            self._finish(task)
            return
        task.started_at = now
        for container in task.containers:
            if container.exit_code is None:
                container.last_status = "RUNNING"
                self._begin_checks(task, container)
        self._move(task, "RUNNING")
        self._changed(task, "running")
        if task.health != "UNKNOWN":
            self._changed(task, "health")
        # A container that started and exited at once: the task was RUNNING all the same.
        if task.desired_status == "STOPPED":
            self._finish(task)

    # Container health checks ----------------------------------------------------------------------------------

    def _begin_checks(self, task: EcsTask, container: ContainerState) -> None:
        if container.check is not None and container.health is None and container.exit_code is None:
            check, clock = container.check, self._world.clock
            room = start_room(clock, float(check.start_period + check.interval * check.retries))
            container.check = replace(check, start_period=check.start_period + ceil(room))
            container.health = container_started(container.check, clock.now())
            self._schedule_check(task, container)

    def _schedule_check(self, task: EcsTask, container: ContainerState) -> None:
        assert container.health is not None
        container.check_timer = self._world.loop.call_at(
            container.health.next_check_at, partial(self._check, task, container), name=f"check {container.name}"
        )

    def _check(self, task: EcsTask, container: ContainerState) -> None:
        if task.desired_status == "STOPPED" or container.exit_code is not None or self._runtime is None:
            return
        check, runtime = container.check, self._runtime
        assert check is not None

        def work() -> CommandResult:
            return runtime.execute(task.id, container.name, list(check.command), float(check.timeout))

        self._world.loop.submit(work, partial(self._checked, task, container), name=f"check {container.name}")

    def _checked(self, task: EcsTask, container: ContainerState, outcome: Outcome[CommandResult]) -> None:
        if task.desired_status == "STOPPED" or container.exit_code is not None or container.health is None:
            return
        assert container.check is not None
        passed = outcome.error is None and outcome.get().exit_code == 0
        container.health = container_checked(container.check, container.health, self._world.clock.now(), passed)
        self._schedule_check(task, container)
        health = self._health(task)
        if health != task.health:
            task.health = health
            self._announce(task)
            # Before RUNNING nobody asks for a task's health; then it is told once.
            if task.started_at is not None:
                self._changed(task, "health")
        if self._is_waiting(task):
            self._advance(task)

    def _health(self, task: EcsTask) -> HealthStatus:
        counted = [
            one.health_status
            for one in task.containers
            if one.essential and (one.check is not None or self._settings.unchecked_containers_are_unknown)
        ]
        return task_health(counted)

    # What containers do by themselves (TaskListener) ----------------------------------------------------------

    def container_exited(self, task_id: str, container: str, exit_code: int, *, out_of_memory: bool = False) -> None:
        task = self._tasks.get(task_id)
        state = task.container(container) if task is not None else None
        if task is None or state is None or state.exit_code is not None:
            return
        state.exit_code = exit_code
        state.last_status = "STOPPED"
        if out_of_memory:
            state.reason = "OutOfMemoryError: Container killed due to memory usage"
        if state.check_timer is not None:
            state.check_timer.cancel()
        if state.essential or all(one.exit_code is not None for one in task.containers):
            self.stop(task, "EssentialContainerExited", "Essential container in task exited")
        else:
            self._announce(task)
            if self._is_waiting(task):
                self._advance(task)

    def container_logged(self, task_id: str, container: str, lines: list[tuple[float, str]]) -> None:
        task = self._tasks.get(task_id)
        state = task.container(container) if task is not None else None
        if task is None or state is None or state.stream is None:
            return
        state.lines += lines
        if state.flush_timer is None:
            state.flush_timer = self._world.loop.call_later(
                self._settings.log_flush_seconds, partial(self._flush, task, state), name=f"logs of {container}"
            )

    def _flush(self, task: EcsTask, container: ContainerState) -> None:
        container.flush_timer = None
        lines, container.lines = container.lines, []
        definition = next(one for one in task.definition.containers if one["name"] == container.name)
        options = log_options(definition)
        role = task.definition.document.get("executionRoleArn")
        if not lines or options is None or self._closed:
            return
        clock = self._world.clock
        entries = [
            {"timestamp": int(clock.stamp(at).timestamp() * 1000), "message": text} for at, text in lines if text
        ]
        region = options.get("awslogs-region") or task.region

        def work() -> None:
            credentials = self._assume(role) if role else None
            client = self._world.client("logs", region=region, credentials=credentials)
            for first in range(0, len(entries), 5000):
                client.put_log_events(
                    logGroupName=options.get("awslogs-group", ""),
                    logStreamName=container.stream,
                    logEvents=entries[first : first + 5000],
                )

        def done(outcome: Outcome[None]) -> None:
            # As on AWS, a task whose logs are refused goes on running; its output is lost.
            if outcome.error is not None:
                log.warning("output of task %s was not taken: %s", task.id, outcome.error)

        if entries:
            self._world.loop.submit(work, done, name=f"logs of {container.name}")

    # The way down ---------------------------------------------------------------------------------------------

    def stop(self, task: EcsTask, code: str, reason: str) -> None:
        """Ask a task to stop; the first reason stays."""
        if task.desired_status == "STOPPED":
            return
        task.desired_status = "STOPPED"
        task.stop_code, task.stopped_reason = code, reason
        task.stopping_at = self._world.clock.now()
        for container in task.containers:
            if container.check_timer is not None:
                container.check_timer.cancel()
        if task.busy:
            # Whatever is under way ends first; each step looks at the desired status.
            self._announce(task)
            return
        self._finish(task)

    def _fail(self, task: EcsTask, reason: str) -> None:
        if task.desired_status != "STOPPED":
            task.desired_status = "STOPPED"
            task.stop_code, task.stopped_reason = "TaskFailedToStart", reason
            task.stopping_at = self._world.clock.now()
        self._settle(task)

    def _settle(self, task: EcsTask) -> None:
        task.busy = False
        self._finish(task)

    def _finish(self, task: EcsTask) -> None:
        runtime = self._runtime
        if not task.in_runtime or runtime is None:
            self._deprovision(task)
            return
        self._move(task, "STOPPING")
        task.in_runtime = False
        self._world.loop.submit(partial(runtime.stop, task.id), partial(self._ended, task), name=f"stop {task.id}")

    def _ended(self, task: EcsTask, outcome: Outcome[dict[str, int]]) -> None:
        codes = outcome.value or {}
        if outcome.error is not None:
            log.warning("task %s: its containers did not stop cleanly: %s", task.id, outcome.error)
        for container in task.containers:
            if container.exit_code is None:
                container.exit_code = codes.get(container.name)
        self._deprovision(task)

    def _deprovision(self, task: EcsTask) -> None:
        task.execution_stopped_at = self._world.clock.now()
        for container in task.containers:
            container.last_status = "STOPPED"
            if container.flush_timer is not None:
                container.flush_timer.cancel()
            self._flush(task, container)
        self._move(task, "DEPROVISIONING")
        interface = task.interface
        if interface is None:
            self._stopped(task)
            return
        interface.status = "DELETED"
        ec2 = self._world.substrate.client("ec2", task.region)

        def work() -> None:
            ec2.delete_network_interface(NetworkInterfaceId=interface.id)

        def done(outcome: Outcome[None]) -> None:
            if outcome.error is not None:
                log.warning("network interface %s was not deleted: %s", interface.id, outcome.error)
            self._world.loop.call_later(
                self._settings.deprovisioning_seconds, partial(self._stopped, task), name=f"stopped {task.id}"
            )

        self._world.loop.submit(work, done, name=f"interface of {task.id}")

    def _stopped(self, task: EcsTask) -> None:
        task.stopped_at = self._world.clock.now()
        self._tasks.pop(task.id, None)
        self._task_credentials.pop(task.id, None)
        self._move(task, "STOPPED")
        self._changed(task, "stopped")

    # Telling --------------------------------------------------------------------------------------------------

    def draining(self, task: EcsTask) -> None:
        """The task's targets are being deregistered: DEACTIVATING."""
        if task.last_status == "RUNNING":
            self._move(task, "DEACTIVATING")

    def _move(self, task: EcsTask, status: str) -> None:
        task.last_status = status
        self._announce(task)

    def _announce(self, task: EcsTask) -> None:
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
        task.version += 1
        clock = self._world.clock
        detail: dict[str, Any] = {
            name: value if not hasattr(value, "isoformat") else iso(value)
            for name, value in task_shape(task, clock).items()
            if name not in ("tags", "healthStatus")
        }
        if task.health != "UNKNOWN":
            detail["healthStatus"] = task.health
        detail["updatedAt"] = iso(clock.stamp(clock.now()))
        self._world.events.publish("aws.ecs", "ECS Task State Change", detail, resources=[task.arn], region=task.region)


def _default_group(ec2: Any, subnet: str) -> list[str]:
    """The VPC's default security group, which a task without groups of its own belongs to.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    """
    vpc = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    wanted = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    return [one["GroupId"] for one in ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]]


def new_container(task_arn: str, definition: dict[str, Any], task_id: str) -> ContainerState:
    """A container's state before anything has happened to it."""
    options = log_options(definition)
    stream = None
    if options is not None:
        prefix = options.get("awslogs-stream-prefix")
        stream = f"{prefix}/{definition['name']}/{task_id}" if prefix else f"{definition['name']}/{task_id}"
    check = definition.get("healthCheck")
    return ContainerState(
        name=definition["name"],
        image=definition["image"],
        arn=f"{task_arn.replace(':task/', ':container/')}/{uuid.uuid4()}",
        essential=definition["essential"],
        check=HealthCheck.parse(check) if check else None,
        stream=stream,
        depends_on=dependencies(definition),
        start_timeout=definition.get("startTimeout"),
    )


def _overridden(definition: dict[str, Any], override: dict[str, Any] | None) -> dict[str, Any]:
    if not override:
        return definition
    changed: dict[str, Any] = {
        **definition,
        **{name: override[name] for name in ("command", "cpu", "memory") if name in override},
    }
    if override.get("environment"):
        names = {pair["name"] for pair in override["environment"]}
        kept = [pair for pair in definition.get("environment") or [] if pair["name"] not in names]
        changed["environment"] = kept + override["environment"]
    return changed
