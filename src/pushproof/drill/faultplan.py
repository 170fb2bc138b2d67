"""Faults that accompany a drill: begun at a step or at a moment of its rollout, ended with the step, and borne in its judgement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pushproof.drill.settings import BadInput, ProofFailed
from pushproof.engines.faults import (
    ApiAnswersLost,
    ApiFails,
    ApiThrottled,
    CapacityUnavailable,
    ClockSkewed,
    DiskFull,
    DnsFails,
    DroppedConnections,
    EcrThrottled,
    Fault,
    FaultError,
    PacketsLost,
    PlannedFault,
    PortBlackholed,
    SecretUnavailable,
    SlowTarget,
    SpotInterruption,
    SubnetsCut,
    TaskKilled,
    ZoneLost,
    text_of,
)

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ServiceTypeDef

    from pushproof.drill.narration import Narrator
    from pushproof.targets.faults import FaultRun, Faults

#: The step of each moment of a rollout.
MOMENTS: Mapping[str, str] = {
    "deploy": "second-deployment",
    "scale-up": "second-deployment",
    "shift": "second-deployment",
    "drain": "second-deployment",
    "rollback": "broken-deployment",
}
# The real seconds that a load balancer waits for a target that is gone, and the drill's clients for a node that is, and one more.
_CONNECTING = 11.0
# The time to live of a load balancer's DNS records, in AWS seconds.
_DNS = 60.0
_INDIFFERENT = (
    ApiThrottled,
    ApiAnswersLost,
    ApiFails,
    CapacityUnavailable,
    EcrThrottled,
    SecretUnavailable,
    DnsFails,
    DiskFull,
    ClockSkewed,
)


class Place(Protocol):
    """The service that a drill looks at, and its load balancer."""

    def service(self) -> ServiceTypeDef:
        """Return the service as DescribeServices shows it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which requests may fail, in monotonic seconds: `until` None lasts as long as its fault."""

    fault: str
    begun: float
    until: float

    def covers(self, at: float) -> bool:
        return self.begun <= at <= self.until


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The failures that faults of a step explain: in these windows, and answers that are this much slower."""

    windows: tuple[Window, ...] = ()
    slower: float = 0.0

    def covers(self, at: float) -> bool:
        """Return whether a request that ended then may have failed."""
        return any(window.covers(at) for window in self.windows)

    @property
    def gap(self) -> float:
        """Return the longest time without a good answer that the faults explain."""
        return max((window.until - window.begun for window in self.windows), default=0.0)

    def __str__(self) -> str:
        return ", ".join(f"{window.until - window.begun:.1f} s after {window.fault}" for window in self.windows)


def moments_of(service: ServiceTypeDef, desired: int) -> frozenset[str]:
    """Return the moments that the rollout of a service has reached. `desired`: the tasks that it had before."""
    deployments = service["deployments"]
    if any("rolling back" in str(each.get("rolloutStateReason")) for each in deployments):
        return frozenset({"rollback"})
    if len(deployments) < 2:
        return frozenset()
    primary = next(each for each in deployments if each["status"] == "PRIMARY")
    reached = {"deploy", "scale-up"}
    if primary.get("runningCount", 0):
        reached.add("shift")
    older = [each for each in deployments if each is not primary]
    if sum(each.get("runningCount", 0) for each in older) < desired and primary.get("runningCount", 0):
        reached.add("drain")
    return frozenset(reached)


def require_phases(planned: Sequence[PlannedFault], steps: Sequence[str]) -> None:
    """Raise BadInput for a phase that is neither a step that is performed nor a moment of one."""
    for fault in planned:
        if MOMENTS.get(fault.phase, fault.phase) not in steps:
            raise BadInput(
                f"--fault {text_of(fault.fault)}@{fault.phase}: {fault.phase} is no phase of this drill; "
                f"there are: {', '.join(steps)}, and within rollouts {', '.join(MOMENTS)}"
            )


@dataclass(slots=True)
class FaultPlan:
    """The planned faults of a drill, and those of the step that is performed.

    `real` converts AWS seconds to real ones; `checks` returns the AWS seconds after which health checks show a target that is gone.
    """

    planned: tuple[PlannedFault, ...]
    faults: Callable[[], Faults]
    narrator: Narrator
    real: Callable[[float], float]
    checks: Callable[[], float]
    _step: str = ""
    _waiting: list[PlannedFault] = field(default_factory=list)
    _running: list[tuple[FaultRun, Fault, float]] = field(default_factory=list)
    _desired: int = 0

    @contextmanager
    def during(self, step: str) -> Iterator[None]:
        """Have the faults of a step while it is performed. Raises ProofFailed if a moment of its rollout did not come."""
        self._step, self._desired = step, 0
        mine = [fault for fault in self.planned if MOMENTS.get(fault.phase, fault.phase) == step]
        self._waiting = [fault for fault in mine if fault.phase in MOMENTS]
        self._running = []
        try:
            for fault in mine:
                if fault.phase not in MOMENTS:
                    self._begin(fault)
            yield
        finally:
            for run, _, _ in self._running:
                run.end()
            self._running, missed, self._waiting = [], self._waiting, []
        if missed:
            names = ", ".join(f"{text_of(fault.fault)}@{fault.phase}" for fault in missed)
            raise ProofFailed(f"the step {step} ended, and its rollout never came to the phase of {names}")

    def look(self, place: Place) -> None:
        """Begin the faults whose moment has come. Costs a call only while one waits."""
        if not self._waiting:
            return
        service = place.service()
        if not self._desired:
            self._desired = service["desiredCount"]
        reached = moments_of(service, self._desired)
        for fault in [fault for fault in self._waiting if fault.phase in reached]:
            self._waiting.remove(fault)
            self._begin(fault)

    def _begin(self, planned: PlannedFault) -> None:
        fault = planned.fault
        try:
            run = self.faults().begin(fault)
        except FaultError as error:
            raise BadInput(f"--fault {text_of(fault)}@{planned.phase}: {error}") from None
        self._running.append((run, fault, time.monotonic()))
        self.narrator.moment("fault", f"{text_of(fault)} begins at {planned.phase}")

    def tolerance(self) -> Tolerance:
        """Return the failures that the faults of the present step explain, until now."""
        windows, slower = [], 0.0
        for _, fault, begun in self._running:
            match fault:
                case ZoneLost() | SubnetsCut():
                    lasting = self.real(max(self.checks(), _DNS)) + _CONNECTING
                    windows.append(Window(text_of(fault), begun, begun + lasting))
                case SpotInterruption() | TaskKilled():
                    windows.append(Window(text_of(fault), begun, begun + self.real(self.checks()) + _CONNECTING))
                case DroppedConnections() | PortBlackholed() | PacketsLost():
                    windows.append(Window(text_of(fault), begun, time.monotonic()))
                case SlowTarget():
                    slower += fault.milliseconds / 1000
                case _:
                    assert isinstance(fault, _INDIFFERENT)
        return Tolerance(tuple(windows), slower)
