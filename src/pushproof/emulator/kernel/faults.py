"""The faults that are active in a world, and the questions that its parts ask about them.

Parts ask while they work: at a call, a pull, a probe, a placement. `emulator/faults` begins and ends faults.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, TypeVar

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.tasks import Impairment
from pushproof.engines.faults import (
    ApiCall,
    CapacityUnavailable,
    ClockSkewed,
    DiskFull,
    DnsFails,
    Draws,
    DroppedConnections,
    EcrThrottled,
    Fault,
    PacketsLost,
    PortBlackholed,
    SlowTarget,
    SubnetsCut,
    ZoneLost,
    chance,
    loss,
)

F = TypeVar("F", bound=Fault)

CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone."
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html"""

# Pulls are tried six times: "has been retried 5 time(s)".
_PULLS = 6


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault of a world with its times, in AWS seconds. `effects` says what it did at once, such as the tasks that it stopped."""

    id: str
    fault: Fault
    begun_at: float
    ended_at: float | None = None
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetCondition:
    """The state of the way to a target. `delay` is in seconds; `drops`: the connection breaks off."""

    reachable: bool = True
    delay: float = 0.0
    drops: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a task: its zone, its subnet, the name of its service, and its ARN."""

    zone: str
    subnet: str
    service: str
    task: str

    def concerned(self, fault: SlowTarget | PortBlackholed | PacketsLost) -> bool:
        """Return whether a fault of some tasks, or of a service, is one of this task."""
        return fault.service in ("", self.service) and (not fault.tasks or self.task in fault.tasks)


_NOWHERE = _Place("", "", "", "")


_FINE = TargetCondition()


class ActiveFaults:
    """The faults that are active now. Safe to use from any thread.

    Args:
        seed: Decides rates, so that a run with the same seed and the same calls has the same faults.
        now: AWS time.
        node_seconds: The time for which clients still go to a load balancer's node in a zone that is lost.
        silence: The real seconds for which such a node gives no answer before the connection ends.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(
        self,
        seed: int = 0,
        now: Callable[[], float] = lambda: 0.0,
        *,
        node_seconds: float = 60.0,
        silence: float = 5.0,
    ) -> None:
        self._now = now
        self.silence = silence
        #: Whether no packet really gets lost, so that connections to targets break off in place of them.
        self.simulates_loss = True
        self._node_seconds = node_seconds
        self._guard = threading.Lock()
        self._draws = Draws(seed)
        self._lost: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._active: dict[str, ActiveFault] = {}
        self._places: dict[str, _Place] = {}

    # What begins and ends.

    def begin(self, fault: Fault) -> ActiveFault:
        """Note that a fault begins."""
        with self._guard:
            active = ActiveFault(f"fault-{next(self._numbers)}", fault, self._now())
            self._active[active.id] = active
        return active

    def end(self, fault_id: str) -> ActiveFault | None:
        """Note that a fault ends; None if it is not active."""
        with self._guard:
            active = self._active.pop(fault_id, None)
        return None if active is None else replace(active, ended_at=self._now())

    @property
    def all(self) -> list[ActiveFault]:
        """Return the faults that are active, oldest first."""
        with self._guard:
            return list(self._active.values())

    def of(self, kind: type[F]) -> list[F]:
        """Return the active faults of a kind."""
        if not self._active:
            return []
        return [active.fault for active in self.all if isinstance(active.fault, kind)]

    # Calls.

    def refuse(self, context: RequestContext, parameters: Mapping[str, object]) -> None:
        """Raise AwsError, in the words of the service, for a call that a fault refuses."""
        if not self._active:
            return
        call = _call(context, parameters)
        for active in self.all:
            risk = chance(active.fault, call)
            if risk is not None and self._strikes((active.id, risk.thing), risk.rate):
                raise AwsError(risk.refusal.code, risk.refusal.message, risk.refusal.status)

    def loses_answer(self, context: RequestContext) -> bool:
        """Return whether the answer to a call that was carried out does not arrive."""
        for active in self.all if self._active else ():
            risk = loss(active.fault, _call(context, {}))
            if risk is None:
                continue
            thing, rate, times = risk
            if self._strikes((active.id, thing), rate) and (not times or self._lost[active.id] < times):
                self._lost[active.id] += 1
                return True
        return False

    def resolves(self, host: str) -> bool:
        """Return whether a name resolves inside of a VPC."""
        return not any(fault.host in host for fault in self.of(DnsFails))

    @property
    def skew(self) -> float:
        """Return the seconds by which callers' clocks are ahead of AWS's."""
        return sum(fault.seconds for fault in self.of(ClockSkewed))

    # Tasks.

    @property
    def zones_lost(self) -> frozenset[str]:
        """Return the zones that are lost."""
        return frozenset(fault.zone for fault in self.of(ZoneLost))

    @property
    def limits_placement(self) -> bool:
        """Return whether the zone of a new task matters."""
        return bool(self._active) and bool(self.of(ZoneLost) or self.of(CapacityUnavailable))

    def places(self, zone: str, provider: str | None) -> bool:
        """Return whether a zone has room for a new task."""
        short = any(
            fault.provider in ("", provider or "FARGATE") and fault.zone in ("", zone)
            for fault in self.of(CapacityUnavailable)
        )
        return not short and zone not in self.zones_lost

    def pull_is_throttled(self, image: str) -> bool:
        """Return whether ECR refuses a pull, however often it is tried."""
        return any(
            all(self._strikes(("pull", image), fault.rate) for _ in range(_PULLS)) for fault in self.of(EcrThrottled)
        )

    def disk_is_full(self, service: str) -> bool:
        """Return whether a new task of a service has no room for its images; "" for a task of no service."""
        return any(fault.service in ("", service) for fault in self.of(DiskFull))

    def cuts(self, subnet: str) -> bool:
        """Return whether a subnet is cut off."""
        return any(subnet in fault.subnets for fault in self.of(SubnetsCut))

    # Targets.

    def settle(self, address: str, *, zone: str, subnet: str, service: str, task: str = "") -> None:
        """Note the place of the task behind a real address; `task` is its ARN."""
        with self._guard:
            self._places[address] = _Place(zone, subnet, service, task)

    def vacate(self, address: str) -> None:
        """Forget a real address, which another task may get."""
        with self._guard:
            self._places.pop(address, None)

    def condition(self, address: str, port: int) -> TargetCondition:
        """Return the state of the way from a load balancer to a target."""
        if not self._active:
            return _FINE
        place = self._places.get(address, _NOWHERE)
        if place.zone in self.zones_lost or self.cuts(place.subnet):
            return TargetCondition(reachable=False)
        taken = Impairment("ingress", "tcp", port)
        if place is not _NOWHERE and taken in self.impairments(address):
            return TargetCondition(reachable=False)
        delay = sum(fault.milliseconds for fault in self.of(SlowTarget) if place.concerned(fault)) / 1000
        rates = [fault.rate for fault in self.of(DroppedConnections) if fault.service in ("", place.service)]
        if self.simulates_loss:
            rates += [fault.rate for fault in self.of(PacketsLost) if place.concerned(fault)]
        drops = any(self._strikes(("drop", place.service), rate) for rate in rates)
        return TargetCondition(delay=delay, drops=drops)

    def impairments(self, address: str) -> tuple[Impairment, ...]:
        """Return the packets that faults take from the task behind a real address."""
        if not self._active:
            return ()
        place = self._places.get(address, _NOWHERE)
        ports = [fault for fault in self.of(PortBlackholed) if place.concerned(fault)]
        lost = [fault for fault in self.of(PacketsLost) if place.concerned(fault)]
        return (
            *(Impairment(fault.traffic, fault.protocol, fault.port) for fault in ports),
            *(Impairment("egress", rate=fault.rate) for fault in lost),
        )

    def node_is_lost(self, zones: tuple[str, ...]) -> bool:
        """Return whether a client's connection goes to a node of a load balancer in a zone that is lost.

        Clients spread over the nodes, one in each zone, until DNS does not name the lost one any more; without another node they
        reach none.
        """
        if not self._active or not zones:
            return False
        lost = [active for active in self.all if isinstance(active.fault, ZoneLost) and active.fault.zone in zones]
        if len({active.fault.zone for active in lost if isinstance(active.fault, ZoneLost)}) == len(set(zones)):
            return True
        fresh = [active for active in lost if self._now() < active.begun_at + self._node_seconds]
        return bool(fresh) and self._strikes(("node", zones), len(fresh) / len(set(zones)))

    def _strikes(self, thing: Hashable, rate: float) -> bool:
        with self._guard:
            return self._draws.strike(thing, rate)


class FaultInjector(Protocol):
    """Begins and ends faults of the world, for services and fronts."""

    def begin(self, fault: Fault) -> ActiveFault:
        """Begin a fault. Raises FaultError if this world cannot have it."""

    def end(self, fault_id: str) -> ActiveFault | None:
        """End a fault; None if it is not active."""


def _call(context: RequestContext, parameters: Mapping[str, object]) -> ApiCall:
    secrets: list[str] = []
    for member in ("SecretId", "Name", "Names", "Path"):
        value = parameters.get(member)
        secrets += [value] if isinstance(value, str) else map(str, value) if isinstance(value, list) else []
    return ApiCall(context.service, context.operation, context.principal.role_arn or "", tuple(secrets))
