"""Operations of the plane's services: emulated, stored only, or refused."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum

import botocore.session

from pushproof.emulator.coverage.code import code_of
from pushproof.emulator.coverage.members import member_paths
from pushproof.emulator.services import PLANE, service_class
from pushproof.emulator.substrate.moto_lacks import moto_has


class State(StrEnum):
    """The handling of a call."""

    EMULATED = "emulated"
    STORED = "stored only"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a service of the plane.

    Args:
        service: botocore's name of the service.
        name: AWS's name of the operation.
        state: emulated by a method of the plane; only stored and read back, usually by the substrate; or refused with 501.
        members: the number of members of its request, nested ones included.
        unread: the members that no code mentions, by path; a structure represents everything in it. Of emulated operations only.
    """

    service: str
    name: str
    state: State
    members: int = 0
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every operation in AWS's model of a service."""

    service: str
    operations: tuple[Operation, ...]

    def of(self, state: State) -> list[Operation]:
        """Return the operations of one state."""
        return [operation for operation in self.operations if operation.state is state]


@functools.cache
def coverage(service: str) -> Coverage:
    """Return the coverage of a service of the plane. Raises KeyError for others."""
    if service not in PLANE:
        raise KeyError(service)
    # botocore's own list: moto's has a few more that are no operations.
    names = sorted(botocore.session.get_session().get_service_model(service).operation_names)
    return Coverage(service, tuple(_operation(service, name) for name in names))


def operation(service: str, name: str) -> Operation:
    """Return one operation of a service of the plane. Raises KeyError if AWS's model has none of that name."""
    for candidate in coverage(service).operations:
        if candidate.name == name:
            return candidate
    raise KeyError(f"{service}.{name}")


def _operation(service: str, name: str) -> Operation:
    state = _state(service, name)
    if state is not State.EMULATED:
        return Operation(service, name, state)
    paths = member_paths(service, name)
    words = code_of(service).words
    unread = [path for path in paths if path.name not in words]
    topmost = [path.text for path in unread if not any(path.is_in(other) for other in unread)]
    return Operation(service, name, state, members=len(paths), unread=tuple(topmost))


def _state(service: str, name: str) -> State:
    answering = service_class(service)
    if name in answering.refused:
        return State.REFUSED
    if answering.answers(name):
        return State.STORED if name in answering.kept else State.EMULATED
    if answering.overlay and moto_has(service, name):
        return State.STORED
    return State.REFUSED
