"""Faults as text: `zone-lost:eu-west-1a`, `api-throttled:ecs,0.5`, `api-answers-lost:ecs,operations=RunTask+StopTask,times=1`.

Arguments come in the order of the fault's fields, or by name; `+` joins the words of a list. `@PHASE` says when the fault begins.
"""

from __future__ import annotations

import difflib
from dataclasses import Field, dataclass, fields

from .model import KINDS, Fault, FaultError

_BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault, and the phase that it accompanies."""

    fault: Fault
    phase: str


def parse(text: str) -> Fault:
    """Read a fault. Raises FaultError, naming what there is."""
    name, _, rest = text.strip().partition(":")
    kind = _BY_NAME.get(name)
    if kind is None:
        close = difflib.get_close_matches(name, _BY_NAME, 2)
        expected = f"did you mean {' or '.join(close)}?" if close else f"expected one of {', '.join(_BY_NAME)}"
        raise FaultError(f"{name!r} is no fault; {expected}")
    members = {member.name: member for member in fields(kind)}
    values: dict[str, object] = {}
    for number, word in enumerate(rest.split(",") if rest else ()):
        label, equals, value = word.partition("=")
        if not equals or label not in members:
            if number >= len(members):
                raise FaultError(f"{text}: {name} takes {_usage(kind)}; {word!r} is one argument too many")
            label, value = list(members)[number], word
        if label in values:
            raise FaultError(f"{text}: {label} is given twice; {name} takes {_usage(kind)}")
        values[label] = _value(text, members[label], value)
    try:
        return kind(**values)  # type: ignore[arg-type]
    except TypeError:
        raise FaultError(f"{text}: an argument is missing; {name} takes {_usage(kind)}") from None


def parse_planned(text: str) -> PlannedFault:
    """Read `FAULT@PHASE`. Raises FaultError."""
    fault, at, phase = text.rpartition("@")
    if not at or not fault or not phase:
        raise FaultError(f"{text!r} has no phase; write FAULT@PHASE, such as zone-lost:eu-west-1a@deploy")
    return PlannedFault(parse(fault), phase)


def text_of(fault: Fault) -> str:
    """Return a fault as text that `parse` reads as the same fault."""
    parts: list[str] = []
    for number, member in enumerate(fields(fault)):
        value = getattr(fault, member.name)
        if value == member.default:
            continue
        text = "+".join(value) if isinstance(value, tuple) else str(value)
        if isinstance(value, float) and float(f"{value:g}") == value:
            text = f"{value:g}"
        parts.append(text if number == len(parts) else f"{member.name}={text}")
    return ":".join(filter(None, (fault.name, ",".join(parts))))


def _usage(kind: type[Fault]) -> str:
    return ", ".join(member.name for member in fields(kind)) or "no arguments"


def _value(text: str, member: Field[object], word: str) -> object:
    kind = str(member.type)
    try:
        if kind == "float":
            return float(word)
        if kind == "int":
            return int(word)
    except ValueError:
        raise FaultError(f"{text}: {member.name} is {word!r}; expected a number") from None
    if kind.startswith("tuple"):
        return tuple(filter(None, word.split("+")))
    return word
