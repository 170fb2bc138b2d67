"""The inside of a world in this process, as answers to record: permissions that were used, calls, and events of the bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from pushproof.base.clock import Clock

Answer = dict[str, Any]


class _Uses(Protocol):
    def all(self) -> list[Any]:
        """Return every use."""


class _Authority(Protocol):
    @property
    def uses(self) -> _Uses:
        """The permissions that roles used and lacked."""


class _Log(Protocol):
    @property
    def failed(self) -> Iterable[Any]:
        """The finished calls that failed."""


class _Bus(Protocol):
    @property
    def history(self) -> Iterable[Any]:
        """The events that were put on buses."""


class _World(Protocol):
    """The parts of a world that a record is made of."""

    @property
    def clock(self) -> Clock: ...
    @property
    def authority(self) -> _Authority: ...
    @property
    def log(self) -> _Log: ...
    @property
    def bus(self) -> _Bus: ...


def inside(world: _World) -> Mapping[str, list[Answer]]:
    """Return what only the world itself has, by the name under which `Observations` keeps it."""
    stamp = world.clock.stamp
    return {
        "uses": [asdict(use) for use in world.authority.uses.all()],
        "calls": [
            {"at": stamp(call.at), "call": call.name, "principal": call.context.principal.arn, "error": call.error_code}
            for call in list(world.log.failed)
        ],
        "events": [{"at": stamp(event.at), "envelope": event.envelope} for event in list(world.bus.history)],
    }
