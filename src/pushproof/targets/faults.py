"""The vocabulary of faults, for tests and the drill: `with faults.zone_lost("eu-west-1a"): …`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol, Self

import requests

from pushproof.engines.faults import (
    ApiAnswersLost,
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
    PortBlackholed,
    SecretUnavailable,
    SlowTarget,
    SpotInterruption,
    TaskKilled,
    ZoneLost,
    parse,
    text_of,
)

_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """A fault with its times in AWS seconds, and what it did at once, such as the ARNs of the tasks that it stopped."""

    id: str
    fault: str
    begun_at: float
    ended_at: float | None = None
    effects: tuple[str, ...] = ()


class Source(Protocol):
    """A world that has faults."""

    def begin(self, fault: Fault) -> FaultRecord:
        """Begin a fault. Raises FaultError if the world cannot have it."""

    def end(self, fault_id: str) -> None:
        """End a fault; does nothing if it has ended."""

    def journal(self) -> list[FaultRecord]:
        """Return every fault so far, oldest first."""


class Forked(Protocol):
    """A module in a world, perhaps in a fork of its own."""

    @property
    def control(self) -> tuple[str, tuple[str, str]] | None:
        """The endpoint of the fork, and its administrator's key and secret; None for a module that is no fork."""


class FaultRun:
    """A fault that has begun. It ends with its `with`, at `end()`, or with the fixture; one that happens once has ended already."""

    def __init__(self, source: Source, fault_id: str) -> None:
        self._source = source
        self.id = fault_id

    @property
    def record(self) -> FaultRecord:
        """The fault with its times."""
        return next(record for record in self._source.journal() if record.id == self.id)

    def end(self) -> None:
        """End the fault; safe to call twice."""
        self._source.end(self.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


class Faults:
    """The faults of a world, by name. Each method begins one and returns it; `with` ends it.

    `with faults.zone_lost("eu-west-1a"): …`
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._begun: list[FaultRun] = []
        self._forks: dict[str, Faults] = {}

    def of(self, module: Forked) -> Faults:
        """Return the faults of a fork's world: `with faults.of(fork).zone_lost("eu-west-1a"): …`. They end with these.

        Those of a module that is no fork are these.
        """
        if module.control is None:
            return self
        endpoint, keys = module.control
        return self._forks.setdefault(endpoint, Faults(OverControl(endpoint, keys)))

    def zone_lost(self, zone: str) -> FaultRun:
        """Lose an availability zone: its tasks, NAT gateways, endpoints, targets and nodes of load balancers."""
        return self.begin(ZoneLost(zone))

    def spot_interruption(self, service: str, *, count: int = 0) -> FaultRun:
        """Interrupt a service's tasks on Fargate Spot, `count` of them or all: warning and SIGTERM now."""
        return self.begin(SpotInterruption(service, count))

    def task_killed(self, service: str = "", *, count: int = 1) -> FaultRun:
        """Kill an essential container of a service's oldest tasks."""
        return self.begin(TaskKilled(service, count))

    def capacity_unavailable(self, provider: str = "", *, zone: str = "") -> FaultRun:
        """Let Fargate have no capacity for new tasks: of FARGATE, FARGATE_SPOT or both; in one zone or all."""
        return self.begin(CapacityUnavailable(provider, zone))

    def ecr_throttled(self, rate: float = 1.0) -> FaultRun:
        """Let ECR answer "Rate exceeded" to a share of pulls, pushes and calls."""
        return self.begin(EcrThrottled(rate))

    def slow_target(self, ms: float, *, service: str = "") -> FaultRun:
        """Let targets answer so many milliseconds later."""
        return self.begin(SlowTarget(ms, service))

    def dropped_connections(self, rate: float, *, service: str = "") -> FaultRun:
        """Break off a share of the connections from load balancers to targets."""
        return self.begin(DroppedConnections(rate, service))

    def port_blackholed(
        self, port: int, traffic: str = "ingress", *, protocol: str = "tcp", service: str = ""
    ) -> FaultRun:
        """Let packets to a port disappear: those that come to tasks ("ingress"), or those that tasks send to it ("egress")."""
        return self.begin(PortBlackholed(port, traffic, protocol, service))

    def packets_lost(self, rate: float, *, service: str = "") -> FaultRun:
        """Let a share of the packets that tasks send disappear."""
        return self.begin(PacketsLost(rate, service))

    def secret_unavailable(self, secret: str = "") -> FaultRun:
        """Let Secrets Manager and Parameter Store fail for secrets whose name contains a text, or for all."""
        return self.begin(SecretUnavailable(secret))

    def dns_fails(self, host: str = "") -> FaultRun:
        """Let names that contain a text not resolve inside of the VPC, or none."""
        return self.begin(DnsFails(host))

    def api_throttled(self, service: str, rate: float = 1.0, *, operations: Sequence[str] = ()) -> FaultRun:
        """Throttle a share of the calls to a service, in its own code."""
        return self.begin(ApiThrottled(service, rate, tuple(operations)))

    def api_answers_lost(
        self, service: str, rate: float = 1.0, *, operations: Sequence[str] = (), times: int = 0
    ) -> FaultRun:
        """Carry out a share of the calls to a service, and end the connection without an answer."""
        return self.begin(ApiAnswersLost(service, rate, tuple(operations), times))

    def disk_full(self, service: str = "") -> FaultRun:
        """Let new tasks have no room for their images."""
        return self.begin(DiskFull(service))

    def clock_skewed(self, seconds: float) -> FaultRun:
        """Let callers' clocks be ahead of AWS's by so many seconds; behind, if negative."""
        return self.begin(ClockSkewed(seconds))

    def named(self, text: str) -> FaultRun:
        """Begin a fault by its text, as `pushproof drill --fault` has it: "zone-lost:eu-west-1a"."""
        return self.begin(parse(text))

    def begin(self, fault: Fault) -> FaultRun:
        """Begin a fault. Raises FaultError if the world has not what it concerns."""
        run = FaultRun(self._source, self._source.begin(fault).id)
        self._begun.append(run)
        return run

    @property
    def journal(self) -> list[FaultRecord]:
        """Every fault of the world so far, oldest first, with its times."""
        return self._source.journal()

    def end(self) -> None:
        """End every fault that was begun here, and in forks through here."""
        for run in self._begun:
            run.end()
        self._begun.clear()
        for faults in self._forks.values():
            faults.end()


class Active(Protocol):
    """A fault as a world lists it."""

    @property
    def id(self) -> str: ...
    @property
    def fault(self) -> Fault: ...
    @property
    def begun_at(self) -> float: ...
    @property
    def ended_at(self) -> float | None: ...
    @property
    def effects(self) -> tuple[str, ...]: ...


class Injector(Protocol):
    """A world's own faults."""

    @property
    def journal(self) -> Sequence[Active]: ...

    def begin(self, fault: Fault) -> Active: ...

    def end(self, fault_id: str) -> object: ...


class WithinProcess:
    """The faults of a world of this process."""

    def __init__(self, injector: Callable[[], Injector], noted: Callable[[], None]) -> None:
        """Set up. `noted` is called before a fault begins, which changes the world without a call."""
        self._injector = injector
        self._noted = noted

    def begin(self, fault: Fault) -> FaultRecord:
        self._noted()
        return _record(self._injector().begin(fault))

    def end(self, fault_id: str) -> None:
        self._injector().end(fault_id)

    def journal(self) -> list[FaultRecord]:
        return [_record(active) for active in self._injector().journal]


class OverControl:
    """The faults of a world of another process, through its control endpoint."""

    def __init__(self, endpoint: str, keys: tuple[str, str]) -> None:
        self._url = f"{endpoint}/_pushproof/faults"
        self._keys = keys

    def begin(self, fault: Fault) -> FaultRecord:
        answer = requests.post(self._url, params={"fault": text_of(fault)}, auth=self._keys, timeout=_LIMIT)
        if not answer.ok:
            raise FaultError(f"{self._url} refuses {text_of(fault)}: {_words(answer)}")
        return _from_json(answer.json())

    def end(self, fault_id: str) -> None:
        # A world that has ended has no faults: a fork may end before the test does.
        with contextlib.suppress(requests.ConnectionError):
            requests.delete(f"{self._url}/{fault_id}", auth=self._keys, timeout=_LIMIT)

    def journal(self) -> list[FaultRecord]:
        answer = requests.get(self._url, auth=self._keys, timeout=_LIMIT)
        answer.raise_for_status()
        return [_from_json(entry) for entry in answer.json()]


def _record(active: Active) -> FaultRecord:
    return FaultRecord(active.id, text_of(active.fault), active.begun_at, active.ended_at, active.effects)


def _from_json(entry: dict[str, object]) -> FaultRecord:
    record = FaultRecord(str(entry["id"]), str(entry["fault"]), float(str(entry["begunAt"])))
    ended, effects = entry.get("endedAt"), entry.get("effects")
    return replace(
        record,
        ended_at=None if ended is None else float(str(ended)),
        effects=tuple(map(str, effects)) if isinstance(effects, list) else (),
    )


def _words(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]
