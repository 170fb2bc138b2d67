"""Errors that AWS's models list for the emulated operations of a service, and those among them that the code can raise."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from pushproof.emulator.coverage.code import code_of
from pushproof.emulator.coverage.operations import State, coverage
from pushproof.emulator.kernel.protocol import service_model

# Not every model marks the errors that are AWS's own failures.
_FAILURES = re.compile(
    r"Server(Exception|Error)|Internal|Service(Unavailable|Failure)|HealthUnavailable|InsufficientCapacity"
)


@dataclass(frozen=True, slots=True)
class ListedError:
    """An error of a service.

    Args:
        code: AWS's code of it.
        operations: the emulated operations that AWS lists it for.
        raised: whether the code that handles the service contains its code. This does not mean that it is raised in every case of
    AWS's.
        own_fault: whether it is AWS's own failure (5xx), which an emulator has no reason to answer.
    """

    code: str
    operations: tuple[str, ...]
    raised: bool
    own_fault: bool


@functools.cache
def errors(service: str) -> tuple[ListedError, ...]:
    """Return the errors listed for the emulated operations of a service of the plane, by code. Raises KeyError for others."""
    model = service_model(service)
    shapes: dict[str, Any] = {}
    operations: dict[str, list[str]] = {}
    for operation in coverage(service).of(State.EMULATED):
        for shape in model.operation_model(operation.name).error_shapes:
            code = shape.error_code or shape.name
            shapes[code] = shape
            operations.setdefault(code, []).append(operation.name)
    code_base = code_of(service)
    return tuple(
        ListedError(
            code=code,
            operations=tuple(operations[code]),
            raised=code_base.names(code) or code_base.names(shape.name),
            own_fault=bool(shape.metadata.get("fault")) or _FAILURES.match(code) is not None,
        )
        for code, shape in sorted(shapes.items())
    )
