"""Records as JSON and back: whatever is read has the form of this version, or is refused with the place where it differs."""

from __future__ import annotations

import json
import math
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union

from pushproof.record.model import FORMAT, VERSION, Record

T = TypeVar("T")

#: What a record may be long; a longer one is no record, but something that fills the memory.
LONGEST = 64 * 1024 * 1024


class Unreadable(Exception):
    """A text is no record of this version; the message says where it differs."""


def to_json(record: Record) -> str:
    """Return a record as JSON text."""
    content = {"format": FORMAT, "version": VERSION, **_object(record)}
    return json.dumps(content, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def to_plain(value: Any) -> Any:
    """Return a part of a record as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, tuple | list):
        return [to_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: to_plain(entry) for key, entry in value.items()}
    if isinstance(value, float):
        # Milliseconds are as exact as anything here is, and a page of a thousand tasks is shorter by half.
        return round(value, 3) if math.isfinite(value) else None
    return value


def from_json(text: str) -> Record:
    """Parse what `to_json` wrote. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST // 1024 // 1024} MB")
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise Unreadable(f"it is no whole JSON text: {error}") from error
    except RecursionError:
        raise Unreadable("it is nested too deep") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Unreadable(f'it is no record of a run: expected an object with "format": "{FORMAT}"')
    version = content.get("version")
    if version != VERSION or type(version) is not int:
        raise Unreadable(
            f"it is a record of version {str(version)[:40]}; this Pushproof reads version {VERSION}. "
            "Read it with the Pushproof that wrote it"
        )
    plain = {key: value for key, value in content.items() if key not in ("format", "version")}
    return read(Record, plain, "record")


def read(kind: type[T], plain: object, where: str) -> T:
    """Return a part of a record from plain values. Raises Unreadable, naming the place."""
    value: T = _read(kind, plain, where)
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _object(value: Any) -> dict[str, Any]:
    return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}


@cache
def members(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    """Return the members of a class of the model: name, type, and whether it must be there."""
    hints = typing.get_type_hints(kind)
    return tuple((f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind))


def _read(kind: Any, plain: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _read_object(kind, plain, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(plain, list):
            raise _differs(where, "a list", plain)
        return tuple(_read(arguments[0], entry, f"{where}[{index}]") for index, entry in enumerate(plain))
    if origin is dict:
        if not isinstance(plain, dict):
            raise _differs(where, "an object", plain)
        return {key: _read(arguments[1], entry, f"{where}.{key[:40]}") for key, entry in plain.items()}
    if origin is Literal:
        if plain not in arguments:
            raise _differs(where, f"one of {', '.join(arguments)}", plain)
        return plain
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if plain is None else _read(inner, plain, where)
    if kind is float and type(plain) in (int, float):
        try:
            number = float(plain)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise _differs(where, "a number", plain)
        return number
    if type(plain) is not kind:
        raise _differs(
            where, {str: "a text", float: "a number", int: "a whole number", bool: "true or false"}[kind], plain
        )
    return plain


def _read_object(kind: Any, plain: Any, where: str) -> Any:
    if not isinstance(plain, dict):
        raise _differs(where, "an object", plain)
    known = members(kind)
    strange = sorted(plain.keys() - {name for name, _, _ in known})
    if strange:
        raise Unreadable(f"{where} has {strange[0][:40]!r}, which version {VERSION} does not have")
    missing = [name for name, _, needed in known if needed and name not in plain]
    if missing:
        raise Unreadable(f"{where} lacks {missing[0]!r}")
    return kind(**{
        name: _read(hint, plain[name], f"{where}.{name}") for name, hint, _ in known if name in plain
    })  # fmt: skip


def _differs(where: str, expected: str, plain: Any) -> Unreadable:
    return Unreadable(f"{where} is {str(plain)[:40]!r}; expected {expected}")
