"""A resource as the sweep sees it, and what it can do with resources of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class Found:
    """A resource. `id` is what the API takes, `name` what people and naming see.

    `part_of`: the (kind, id) of the resource it goes with. `going`: its removal is under way on AWS's side.
    `created_at`: seconds since the epoch, where the API tells.
    """

    kind: str
    id: str
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    part_of: tuple[str, str] | None = None
    going: bool = False
    created_at: float | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.id}"


class StillGoing(Exception):
    """Removal was asked for and takes its time, or waits for something else to be gone."""


class Account(Protocol):
    """The means that kinds work with."""

    region: str

    def client(self, service: str) -> Any: ...

    def keep(self, name: str, content: bytes) -> None:
        """Keep a copy of a Terraform state before it goes."""


Finder = Callable[[Account], Iterator[Found]]
Remover = Callable[[Account, Found], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: how its resources are found and removed. Removing one that is gone is no error."""

    name: str
    find: Finder
    remove: Remover


def pages(api: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """Every item of a listing, page by page."""
    if api.can_paginate(operation):
        for page in api.get_paginator(operation).paginate(**arguments):
            yield from page.get(key) or []
    else:
        yield from getattr(api, operation)(**arguments).get(key) or []


def tag_map(tags: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """AWS's list of tags as a mapping."""
    return {str(t[key]): str(t.get(value, "")) for t in tags or []}


_GONE = ("notfound", "nosuch", "doesnotexist", "resourcenotfound")
_GONE_EXACTLY = frozenset(
    {"ClusterNotFoundException", "ServiceNotActiveException", "404", "RepositoryNotFoundException"}
)


def is_gone(error: ClientError) -> bool:
    """Return whether an error says that the resource is not there (any more)."""
    code = str(error.response["Error"]["Code"])
    return code in _GONE_EXACTLY or any(part in code.lower().replace(".", "") for part in _GONE)


def gone_is_fine(call: Callable[..., Any], **arguments: Any) -> Any:
    """Make a call; None when what it is about is gone already."""
    try:
        return call(**arguments)
    except ClientError as error:
        if is_gone(error):
            return None
        raise


# A region without a feature has none of its resources.
_NOT_OFFERED = frozenset({"InvalidAction", "NotImplemented", "UnknownOperationException", "UnsupportedOperation"})


def pages_where_offered(api: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """`pages` of what not every region has; nothing where there is no such operation."""
    try:
        yield from pages(api, operation, key, **arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_OFFERED:
            raise
