"""A resource in a sweep, and what the sweep can do with resources of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from pushproof.aws.clients import Clients

if TYPE_CHECKING:
    from botocore.client import BaseClient


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource. `id` is the identifier for the API, `name` the one for people and naming rules.

    `part_of`: the (kind, id) of the resource that it is deleted with. `going`: AWS is already removing it.
    `created_at`: seconds since the epoch, if the API reports it.
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
    """AWS has accepted a removal that takes time, or that waits for another resource to be gone."""


class Account(Protocol):
    """The clients and storage that kinds work with."""

    region: str

    @property
    def client(self) -> Clients:
        """Return the maker of boto3 clients."""

    def keep(self, name: str, content: bytes) -> None:
        """Keep a copy of a Terraform state before it is deleted."""


Finder = Callable[[Account], Iterator[Resource]]
Remover = Callable[[Account, Resource], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: how to list its resources, and how to remove one. Removing a resource that is gone is no error."""

    name: str
    find: Finder
    remove: Remover


def pages(api: BaseClient, operation: str, key: str, **arguments: object) -> Iterator[Any]:
    """Return every item of a listing, page by page."""
    if api.can_paginate(operation):
        for page in api.get_paginator(operation).paginate(**arguments):
            yield from page.get(key) or []
    else:
        yield from getattr(api, operation)(**arguments).get(key) or []


def epoch(at: object) -> float | None:
    """Return a time of an answer as seconds; None if it has none."""
    return at.timestamp() if isinstance(at, datetime) else None


_GONE = ("notfound", "nosuch", "doesnotexist", "resourcenotfound")
_GONE_EXACTLY = frozenset(
    {"ClusterNotFoundException", "ServiceNotActiveException", "404", "RepositoryNotFoundException"}
)


def is_gone(error: ClientError) -> bool:
    """Return whether an error says that the resource does not exist (any more)."""
    code = str(error.response["Error"]["Code"])
    return code in _GONE_EXACTLY or any(part in code.lower().replace(".", "") for part in _GONE)


def gone_is_fine(call: Callable[..., Any], **arguments: object) -> Any:
    """Make a call, and return its answer; None if the resource is already gone."""
    try:
        return call(**arguments)
    except ClientError as error:
        if is_gone(error):
            return None
        raise


# A region without a feature has none of its resources.
_NOT_OFFERED = frozenset({"InvalidAction", "NotImplemented", "UnknownOperationException", "UnsupportedOperation"})


def pages_where_offered(api: BaseClient, operation: str, key: str, **arguments: object) -> Iterator[Any]:
    """Return the `pages` of a feature that not every region has; nothing where there is no such operation."""
    try:
        yield from pages(api, operation, key, **arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_OFFERED:
            raise
