"""The faults of a world, from outside: begun by name and in time, ended, and listed with their times."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pushproof.emulator.kernel import protocol
from pushproof.emulator.kernel.faults import ActiveFault
from pushproof.engines.faults import (
    ApiAnswersLost,
    ApiFails,
    ApiThrottled,
    DnsFails,
    Fault,
    FaultError,
    PacketsLost,
    PortBlackholed,
    SpotInterruption,
    SubnetsCut,
    TaskKilled,
    ZoneLost,
)

if TYPE_CHECKING:
    from pushproof.emulator.kernel.loop import Timer
    from pushproof.emulator.kernel.site import Ground
    from pushproof.emulator.network.paths import Paths
    from pushproof.emulator.services.ecs import EcsApi
    from pushproof.emulator.services.ecs.model import EcsService, EcsTask


# Faults that change who reaches whom, or which packets arrive.
_OF_NETWORKS = (DnsFails, SubnetsCut, PortBlackholed, PacketsLost)


class WorldFaults:
    """Begins and ends the faults of a world. Safe to call from any thread.

    Nothing of it is kept: a world with an active fault cannot be kept, and one that continues has none.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, ground: Ground, paths: Paths, ecs: Callable[[], EcsApi]) -> None:
        """Set up. `ecs` returns the world's ECS, which is made later."""
        self._ground = ground
        self._paths = paths
        self._ecs = ecs
        self._timers: dict[str, Timer] = {}
        #: Every fault of the world so far, oldest first.
        self.journal: list[ActiveFault] = []

    @property
    def active(self) -> list[ActiveFault]:
        """Return the faults that are active now."""
        return self._ground.faults.all

    @contextmanager
    def during(self, fault: Fault) -> Iterator[ActiveFault]:
        """Have a fault for the time of a `with`."""
        active = self.begin(fault)
        try:
            yield active
        finally:
            self.end(active.id)

    def begin(self, fault: Fault) -> ActiveFault:
        """Begin a fault. One that happens once has ended when this returns.

        Raises FaultError if the world has not what the fault concerns, naming what it has.
        """
        with self._ground.loop.lock:
            self._check(fault)
            if isinstance(fault, SpotInterruption | TaskKilled):
                return self._happen(fault)
            active = self._ground.faults.begin(fault)
            self.journal.append(active)
            if isinstance(fault, ZoneLost):
                self._lose(active, fault)
            if isinstance(fault, _OF_NETWORKS):
                self._paths.renew()
            return active

    def end(self, fault_id: str) -> ActiveFault | None:
        """End a fault; None if it is not active."""
        with self._ground.loop.lock:
            ended = self._ground.faults.end(fault_id)
            if ended is None:
                return None
            self.journal = [ended if entry.id == fault_id else entry for entry in self.journal]
            timer = self._timers.pop(fault_id, None)
            if timer is not None:
                timer.cancel()
            if isinstance(ended.fault, ZoneLost):
                self._restore(ended.fault.zone)
            if isinstance(ended.fault, _OF_NETWORKS):
                self._paths.renew()
            return ended

    def close(self) -> None:
        """End every fault."""
        for active in self.active:
            self.end(active.id)

    # What the world has.

    def _check(self, fault: Fault) -> None:
        if isinstance(fault, ZoneLost):
            zones = self._zones()
            if fault.zone not in zones:
                raise FaultError(
                    f"{fault.name}: there is no zone {fault.zone!r} here; expected one of {', '.join(zones)}"
                )
            if fault.zone in self._ground.faults.zones_lost:
                raise FaultError(f"{fault.name}: {fault.zone} is lost already")
        if isinstance(fault, ApiThrottled | ApiAnswersLost | ApiFails):
            _check_calls(fault)

    def _zones(self) -> list[str]:
        ec2 = self._ground.substrate.client("ec2", self._ground.region)
        return sorted(zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"])

    def _service(self, fault: SpotInterruption | TaskKilled) -> list[EcsTask]:
        """Return the running tasks of a fault's service, oldest first. Raises FaultError."""
        running = [task for task in self._ecs().life.tasks() if task.last_status == "RUNNING"]
        running = [task for task in running if task.desired_status == "RUNNING"]
        if not fault.service:
            return running
        named = [task for task in running if task.service is not None and task.service.name == fault.service]
        if not named:
            names = sorted({task.service.name for task in running if task.service is not None})
            raise FaultError(
                f"{fault.name}: no task of a service {fault.service!r} runs; tasks run of: {', '.join(names) or 'none'}"
            )
        return named

    # Faults that happen once.

    def _happen(self, fault: SpotInterruption | TaskKilled) -> ActiveFault:
        tasks = self._service(fault)
        ecs = self._ecs()
        if isinstance(fault, SpotInterruption):
            spot = [task for task in tasks if task.capacity_provider == "FARGATE_SPOT"]
            if not spot:
                raise FaultError(
                    f"{fault.name}: no task of {fault.service} runs on FARGATE_SPOT; give the service a "
                    "capacity_provider_strategy with FARGATE_SPOT"
                )
            chosen = spot[: fault.count or len(spot)]
        else:
            chosen = tasks[: fault.count]
            if not chosen:
                raise FaultError(f"{fault.name}: no task runs; start one first")
        active = self._ground.faults.begin(fault)
        self._ground.faults.end(active.id)
        active = replace(active, ended_at=active.begun_at, effects=tuple(task.arn for task in chosen))
        self.journal.append(active)
        for task in chosen:
            service: EcsService | None = task.service
            if isinstance(fault, TaskKilled):
                ecs.life.kill(task)
            elif service is None:
                ecs.life.interrupt(task)
            else:
                ecs.controller.interrupt(service, task)
        return active

    # The loss of a zone.

    def _in_zone(self, zone: str) -> list[EcsTask]:
        return [task for task in self._ecs().life.tasks() if task.interface is not None and task.interface.zone == zone]

    def _lose(self, active: ActiveFault, fault: ZoneLost) -> None:
        self._paths.set_zone_down(fault.zone)
        for task in self._in_zone(fault.zone):
            self._ecs().life.freeze(task)
        self._timers[active.id] = self._ground.loop.call_later(
            self._ground.settings.faults.lost_task_seconds,
            partial(self._terminate, fault.zone),
            name=f"tasks in {fault.zone}",
        )

    def _terminate(self, zone: str) -> None:
        """Stop the tasks of a zone that is lost, which no health check has shown until now."""
        for task in self._in_zone(zone):
            self._ecs().life.terminate(task)

    def _restore(self, zone: str) -> None:
        self._paths.set_zone_down(zone, False)
        for task in self._in_zone(zone):
            self._ecs().life.freeze(task, False)


def _check_calls(fault: ApiThrottled | ApiAnswersLost | ApiFails) -> None:
    """Raise FaultError for a service or an operation that botocore does not have."""
    try:
        operations = protocol.service_model(fault.service).operation_names
    except protocol.UnknownService:
        raise FaultError(
            f"{fault.name}: there is no service {fault.service!r}; name it as boto3 does, such as ecs or secretsmanager"
        ) from None
    for operation in fault.operations:
        if operation not in operations:
            close = difflib.get_close_matches(operation, operations, 2)
            meant = (
                f"; did you mean {' or '.join(close)}?"
                if close
                else "; name it as in AWS's API reference, such as RunTask"
            )
            raise FaultError(f"{fault.name}: {fault.service} has no operation {operation!r}{meant}")
