"""The limits that a service's model puts on its parameters: lengths, ranges, patterns, enumerations.

AWS checks them before anything else, and answers all of them at once. Texts are AWS's:
"2 validation errors detected: Value 'x' at 'targets.1.member.id' failed to satisfy constraint: Member must …; Value …"
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import service_model


def check_constraints(
    service: str,
    operation: str,
    parameters: dict[str, Any],
    code: str = "ValidationException",
    *,
    echo: bool = True,
) -> None:
    """Raise AwsError with every constraint that parameters of an operation break.

    `echo`: whether the service repeats the value and lists an enumeration, as most do and IAM does not.
    """
    shape = service_model(service).operation_model(operation).input_shape
    found = list(_broken(shape, parameters, "", echo)) if shape is not None else []
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        raise AwsError(code, count + "; ".join(found))


def _broken(shape: Any, value: Any, path: str, echo: bool) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _broken(member, value[name], f"{path}.{name[0].lower()}{name[1:]}".lstrip("."), echo)
        return
    yield from (_said(value, path, reason, echo) for reason in _reasons(shape, value, echo))
    if shape.type_name == "list" and isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _broken(shape.member, item, f"{path}.{number}.member", echo)
    elif shape.type_name == "map" and isinstance(value, dict):
        for key, item in value.items():
            if any(_reasons(shape.key, key, echo)):
                yield _map_said(path, "keys", shape.key)
            if shape.value.type_name == "string":
                if any(_reasons(shape.value, item, echo)):
                    yield _map_said(path, "value", shape.value)
            else:
                yield from _broken(shape.value, item, f"{path}.{key}.member", echo)


def _said(value: Any, path: str, reason: str, echo: bool) -> str:
    shown = f"Value '{value}' at" if echo or isinstance(value, int) else "Value at"
    return f"{shown} '{path}' failed to satisfy constraint: {reason}"


def _map_said(path: str, part: str, shape: Any) -> str:
    """A map's keys and values are not repeated (values may be secrets); all that is asked of them is."""
    limits = shape.metadata
    asked = [
        f"Member must have length {word} {limits[limit]}"
        for limit, word in (("max", "less than or equal to"), ("min", "greater than or equal to"))
        if limit in limits
    ]
    if "pattern" in limits:
        asked.append(f"Member must satisfy regular expression pattern: {limits['pattern']}")
    return f"Value at '{path}' failed to satisfy constraint: Map {part} must satisfy constraint: [{', '.join(asked)}]"


def _reasons(shape: Any, value: Any, echo: bool) -> Iterator[str]:
    limits = shape.metadata
    if isinstance(value, str):
        pattern = limits.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {pattern}"
        if limits.get("enum") and value not in limits["enum"]:
            values = f": [{', '.join(limits['enum'])}]" if echo else ""
            yield f"Member must satisfy enum value set{values}"
    if isinstance(value, bool):
        return
    is_number = isinstance(value, int | float)
    size = value if is_number else len(value) if isinstance(value, str | list | dict | bytes) else None
    what = "value" if is_number else "length"
    if size is not None and size < limits.get("min", size):
        yield f"Member must have {what} greater than or equal to {limits['min']}"
    if size is not None and size > limits.get("max", size):
        yield f"Member must have {what} less than or equal to {limits['max']}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:
        # A few models use classes that only Java knows.
        return re.compile(".*", re.DOTALL)
