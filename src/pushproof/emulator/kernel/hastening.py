"""Faster and leaner equivalents of parts of moto: its reader of values, its XML, its random names, its list of instances.

Each returns what moto's own returns, in a third of the time or less (`tests/unit/emulator/test_hastening.py` compares them).
Where an input is out of the ordinary, moto's own is called.
"""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Mapping
from types import ModuleType
from xml.sax.saxutils import escape, quoteattr

from moto.core import serialize
from moto.core.common_models import BaseModel
from moto.core.model import OperationModel, Shape
from moto.core.serialize import (
    AttributePickerContext,
    DefaultAttributePicker,
    ResponseSerializer,
    SerializationContext,
    XFormedAttributePicker,
    get_serializer_class,
)
from moto.core.utils import get_value as value_of
from moto.moto_api._internal.moto_random import MotoRandom

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_TEXT, _COMMENT = "#text", "#comment"
_LETTERS = string.ascii_letters
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
# The attribute of a shape with the names that its value may have, by its name in the model and its owner's type.
_NAMES = "pushproof_names"


@functools.cache
def hasten() -> None:
    """Put the equivalents in place, once in a process."""
    setattr(ResponseSerializer, "get_value", _get_value)  # noqa: B010
    setattr(serialize, "xmltodict", Xml(getattr(serialize, "xmltodict")))  # noqa: B009, B010
    setattr(MotoRandom, "get_random_string", _random_string)  # noqa: B010
    setattr(BaseModel, "__new__", staticmethod(_new_model))  # noqa: B010


def _new_model(cls: type[BaseModel], *_: object, **__: object) -> BaseModel:
    """Make an instance. moto's own also adds it to a list that outlives what is deleted; only S3 reads that, to close files."""
    instance: BaseModel = object.__new__(cls)
    if cls.__module__ == "moto.s3.models":
        vars(cls)["instances_tracked"].append(instance)
    return instance


def _random_string(self: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    chosen = "".join(self.choices(_LETTERS_AND_DIGITS if include_digits else _LETTERS, k=length))
    return chosen.lower() if lower_case else chosen


# Reading of values.

_MISSING = object()
_original = ResponseSerializer.get_value


def _get_value(self: ResponseSerializer, value: object, key: str, shape: Shape) -> object:
    """Return the value of a member, as `ResponseSerializer.get_value` does; what it may be called is worked out once."""
    picker = self._value_picker
    if type(picker) is DefaultAttributePicker:
        return value_of(value, key, None)
    if type(picker) is not XFormedAttributePicker:
        return _original(self, value, key, shape)
    known: dict[tuple[str, type], tuple[_Read, tuple[str, ...]]] | None = shape.__dict__.get(_NAMES)
    if known is None:
        known = shape.__dict__[_NAMES] = {}
    owner = type(value)
    way = known.get((key, owner))
    if way is None:
        context = AttributePickerContext(obj=value, key=key, shape=shape)
        names = tuple(dict.fromkeys(picker.get_possible_keys(context)))
        way = known[key, owner] = _read_of(owner, names), names
    read = way[0](value, way[1])
    transformers = picker.response_transformers
    ends = _ends(tuple(transformers), key) if transformers else ()
    if ends:
        path = f"{'.'.join(self.path)}.{key}"
        for end in ends:
            if path.endswith(end):
                transformed: object = transformers[end](read)
                return transformed
    return read


# Reads the first of some names that a value has; None if it has none.
_Read = Callable[[object, tuple[str, ...]], object]


def _read_of(owner: type, names: tuple[str, ...]) -> _Read:
    """Return the quickest way to read names of values of a type."""
    if any("." in name for name in names):
        return _any_item
    if owner is dict:
        return _item
    return _any_item if hasattr(owner, "__getitem__") else _attribute


def _item(value: object, names: tuple[str, ...]) -> object:
    assert isinstance(value, dict)
    for name in names:
        if name in value:
            read: object = value[name]
            return read
    return None


def _attribute(value: object, names: tuple[str, ...]) -> object:
    for name in names:
        read: object = getattr(value, name, _MISSING)
        if read is not _MISSING:
            return read
    return None


def _any_item(value: object, names: tuple[str, ...]) -> object:
    for name in names:
        read: object = value_of(value, name, _MISSING)
        if read is not _MISSING:
            return read
    return None


@functools.lru_cache(maxsize=20_000)
def _ends(paths: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Return the ends of paths, in their order, that a path to this key may have."""
    return tuple(path for path in paths if key.endswith(path.rpartition(".")[2]))


# Serialisers.


def serializer_of(
    service: str, protocol: str, operation: OperationModel, context: SerializationContext
) -> ResponseSerializer:
    """Return a new serialiser for an operation's answer, of which only the state of this answer is new."""
    model = _prototype(service, protocol, operation)
    made = model.__class__.__new__(model.__class__)
    made.__dict__.update(model.__dict__)
    made.context, made.path = context, [made.operation_name]
    return made


@functools.lru_cache(maxsize=5000)
def _prototype(service: str, protocol: str, operation: OperationModel) -> ResponseSerializer:
    return get_serializer_class(service, protocol)(operation)


# XML.


class _Unusual(Exception):
    """A part of a document that moto's own writer is to write."""


class Xml:
    """The module `xmltodict`, with a faster `unparse`."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)

    def unparse(self, content: Mapping[str, object], **options: bool) -> object:
        """Return a document, as `xmltodict.unparse` does."""
        short = options.get("short_empty_elements", False)
        if not options.get("pretty") and options.keys() <= {"pretty", "short_empty_elements", "full_document"}:
            whole = options.get("full_document", True)
            parts = [_DECLARATION] if whole else []
            try:
                if whole and (len(content) != 1 or isinstance(next(iter(content.values())), list | tuple)):
                    raise _Unusual
                for name, value in content.items():
                    _write(parts, name, value, short)
            except _Unusual:
                pass
            else:
                return "".join(parts)
        written: object = self._module.unparse(content, **options)
        return written


def _write(parts: list[str], name: str, value: object, short: bool) -> None:
    """Write an element, or one for each item of a list."""
    if not _is_plain(name):
        raise _Unusual
    if type(value) is str:
        parts.append(f"<{name}>{escape(value)}</{name}>" if value or not short else f"<{name}/>")
    elif type(value) is dict:
        _write_structure(parts, name, value, short)
    elif type(value) is list or type(value) is tuple:
        for item in value:
            if isinstance(item, list | tuple):
                raise _Unusual
            _write(parts, name, item, short)
    elif value is None:
        parts.append(f"<{name}/>" if short else f"<{name}></{name}>")
    elif value is True or value is False:
        parts.append(f"<{name}>{'true' if value else 'false'}</{name}>")
    elif type(value) is int or type(value) is float:
        parts.append(f"<{name}>{value}</{name}>")
    else:
        raise _Unusual


def _write_structure(parts: list[str], name: str, members: Mapping[str, object], short: bool) -> None:
    attributes = ""
    text: str | None = None
    children: list[tuple[str, object]] = []
    for key, value in members.items():
        if key == _TEXT:
            if value is None:
                text = None
            elif type(value) is str:
                text = value
            else:
                raise _Unusual
        elif key[:1] == "@":
            if type(value) is not str or not _is_plain(key[1:]):
                raise _Unusual
            attributes += f" {key[1:]}={quoteattr(value)}"
        elif value != [] or type(value) is not list:
            children.append((key, value))
    at = len(parts)
    parts.append(f"<{name}{attributes}>")
    for key, value in children:
        _write(parts, key, value, short)
    if text:
        parts.append(escape(text))
    if len(parts) == at + 1 and short:
        parts[at] = f"<{name}{attributes}/>"
    else:
        parts.append(f"</{name}>")


@functools.lru_cache(maxsize=20_000)
def _is_plain(name: str) -> bool:
    """Return whether a name needs no second look: letters, digits and the signs that AWS's models use in names."""
    return isinstance(name, str) and name[:1].isalpha() and name.isascii() and set(name) <= _OF_NAMES


_OF_NAMES = frozenset(f"{_LETTERS_AND_DIGITS}_-.:")
