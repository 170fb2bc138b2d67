"""The ways of tasks: security groups, network ACLs, routes and lost zones decide which task reaches which, and what else.

The reachability engine answers for each pair; the runtime lets pass what it says, but for the packets that faults take. Nothing
here runs where tasks are scripts. Where the network is not enforced, faults alone count.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from pushproof.emulator.kernel.guests import Guest
from pushproof.emulator.kernel.tasks import Caller, Neighbourhood, TaskRuntime
from pushproof.engines.reachability import Place

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import NetworkPaths, Site

    from .model import EcsTask, Interface
    from .naming import TaskNames


@dataclass(frozen=True, slots=True)
class Standing:
    """A task that runs, or a build or function in its place: its network interface, and its real address."""

    task_id: str
    region: str
    place: Place
    address: str


class Neighbours:
    """Keeps the runtime informed of who reaches whom. Safe to call from any thread.

    Requests that arrive while one is worked on are worked on once, afterwards.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(
        self, site: Site, runtime: TaskRuntime | None, tasks: Callable[[], Iterable[EcsTask]], names: TaskNames
    ) -> None:
        self._site = site
        self._names = names
        self._runtime = runtime
        self._tasks = tasks
        self._guard = threading.Lock()
        self._working = self._wanted = False
        if self._matters:
            site.paths.follow(self.renew)
            site.guests.follow(self.renew)

    @property
    def _matters(self) -> bool:
        return self._runtime is not None and self._runtime.endpoint != ""

    def renew(self) -> None:
        """Decide anew soon: a task has come or gone, or the network has changed."""
        if not self._matters:
            return
        with self._guard:
            self._wanted = True
            if self._working:
                return
            self._working = True
        self._site.loop.submit(self._work, name="ways between tasks")

    def _work(self) -> None:
        try:
            while self._next():
                self._decide()
        except BaseException:
            with self._guard:
                self._working = False
            raise

    def _next(self) -> bool:
        with self._guard:
            self._working, self._wanted = self._wanted, False
            return self._working

    def _decide(self) -> None:
        coming = {guest: self._vpc_of(guest) for guest in self._site.guests.present}
        with self._site.loop.lock:
            tasks = list(self._tasks())
            standing = [one for task in tasks if (one := standing_of(task)) is not None]
            around = {task.id: self._names.around(task, tasks) for task in tasks}
            guests = {
                guest: self._names.resolved(guest.region, vpc_id, guest.id, tasks) for guest, vpc_id in coming.items()
            }
        runtime = self._runtime
        assert runtime is not None
        paths = self._site.paths if self._site.settings.enforce_network else None
        visiting = [Standing(guest.id, guest.region, guest.place, guest.address) for guest in guests]
        ways = neighbourhoods(paths, standing, visiting)
        for task in standing:
            finding = around[task.task_id]
            way = replace(
                ways[task.task_id],
                impaired=self._site.faults.impairments(task.address),
                names=finding.names,
                upstreams=finding.upstreams,
            )
            runtime.admit(task.task_id, way)
        for guest, names in guests.items():
            guest.admit(replace(ways[guest.id], names=names))
        self._site.guests.admitted(guests)

    def _vpc_of(self, guest: Guest) -> str:
        return self._site.paths.vpc_of(region=guest.region, subnet_id=guest.place.subnet_id)


def standing_of(task: EcsTask) -> Standing | None:
    """Return a task's place and addresses; None if its containers do not run."""
    if task.address is None or task.interface is None or task.last_status in ("DEPROVISIONING", "STOPPED"):
        return None
    return Standing(task.id, task.region, place_of(task, task.interface), task.address)


def place_of(task: EcsTask, interface: Interface) -> Place:
    """Return a task's network interface as the engine knows it."""
    groups = tuple(task.network.get("securityGroups") or interface.groups)
    return Place(interface.subnet_id, groups, public_ip=task.public_ip, address=interface.private_ip)


def neighbourhoods(
    paths: NetworkPaths | None, standing: list[Standing], visiting: Sequence[Standing] = ()
) -> dict[str, Neighbourhood]:
    """Return the neighbourhood of every task; without paths to ask nobody is a neighbour.

    `visiting`: builds and functions, which reach tasks and are reached by none.
    """
    callers: dict[str, list[Caller]] = defaultdict(list)
    reached: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for source in (*standing, *visiting) if paths is not None else ():
        for target in standing:
            if source is target or source.region != target.region:
                continue
            assert paths is not None
            ports = paths.open_ports(region=source.region, source=source.place, target=target.place)
            if ports:
                callers[target.task_id].append(Caller(source.address, ports))
                reached[source.task_id].append((target.place.address or "", target.address))
    return {
        task.task_id: Neighbourhood(
            tuple(sorted(callers[task.task_id], key=lambda caller: caller.address)),
            tuple(sorted(reached[task.task_id])),
            outwards=None if paths is None else paths.open_outwards(region=task.region, source=task.place),
        )
        for task in (*standing, *visiting)
    }
