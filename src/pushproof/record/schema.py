"""The JSON Schema of records, made from the model."""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import is_dataclass
from typing import Any, Literal, Union

from pushproof.record.codec import members
from pushproof.record.model import FORMAT, VERSION, Record

_SIMPLE = {str: "string", float: "number", int: "integer", bool: "boolean"}


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of the version that this Pushproof writes."""
    definitions: dict[str, Any] = {}
    record = _object(Record, definitions)
    properties = {"format": {"const": FORMAT}, "version": {"const": VERSION}, **record["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pushproof:report:{VERSION}",
        "title": f"Record of a Pushproof run, version {VERSION}",
        **record,
        "required": ["format", "version", *record["required"]],
        "properties": properties,
        "$defs": dict(sorted(definitions.items())),
    }


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    known = members(kind)
    return {
        "description": inspect.cleandoc(kind.__doc__ or "").replace("\n", " "),
        "type": "object",
        "properties": {name: _of(hint, definitions) for name, hint, _ in known},
        "required": [name for name, _, needed in known if needed],
        "additionalProperties": False,
    }


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if is_dataclass(kind):
        name = kind.__name__  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not type(None))
        return {"anyOf": [_of(inner, definitions), {"type": "null"}]}
    return {"type": _SIMPLE[kind]}
