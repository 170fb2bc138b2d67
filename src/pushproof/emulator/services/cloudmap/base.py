"""Base of Cloud Map's groups of operations: look-ups that raise AWS's errors, filters, and operations."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pushproof.aws.arns import last
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import PascalMore, PascalPaged, pascal_page
from pushproof.emulator.services import Service

from .model import Directory, DiscoveryService, Namespace, Operation

if TYPE_CHECKING:
    from types_boto3_servicediscovery.literals import OperationTargetTypeType, OperationTypeType

    from pushproof.emulator.kernel.shapes.servicediscovery import (
        NamespaceFilterInput,
        OperationFilterInput,
        ServiceFilterInput,
    )
    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")
_LETTERS = string.ascii_lowercase + string.digits
# The longest memory of operations; the oldest ones are the first to be forgotten.
_OPERATIONS = 1000
# What a filter looks at, by the filter's name.
Looks = Mapping[str, Callable[[T], str]]


class CloudMapBase(Service):
    """State of each region. Followers are called after each change of an instance, a service or a namespace."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_followers",)

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.directories: dict[tuple[str, str], Directory] = {}
        self._followers: list[Callable[[], None]] = []

    def directory(self, account_id: str, region: str) -> Directory:
        """Return the records of an account and region."""
        return self.directories.setdefault((account_id, region), Directory(account_id, region))

    def directory_of(self, context: RequestContext) -> Directory:
        """Return the records that a call is about."""
        return self.directory(context.account_id, context.region)

    def changed(self) -> None:
        """Tell the followers."""
        for follower in self._followers:
            follower()

    def done(
        self, directory: Directory, kind: OperationTypeType, target: OperationTargetTypeType, identifier: str
    ) -> Operation:
        """Note an operation that has succeeded."""
        operation = Operation(new_id("", 32), kind, {target: identifier}, self.site.clock.now())
        directory.operations[operation.id] = operation
        while len(directory.operations) > _OPERATIONS:
            del directory.operations[next(iter(directory.operations))]
        return operation


def new_id(prefix: str, length: int = 16) -> str:
    """Return a new identifier, such as `ns-…` or `srv-…`."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))


def find_namespace(directory: Directory, reference: str) -> Namespace:
    """Return a namespace by its id or ARN. Raises NamespaceNotFound."""
    record = directory.namespaces.get(last(reference))
    if record is None:
        raise AwsError("NamespaceNotFound", f"{reference}")
    return record


def find_service(directory: Directory, reference: str) -> DiscoveryService:
    """Return a service by its id or ARN. Raises ServiceNotFound."""
    record = directory.services.get(last(reference))
    if record is None:
        raise AwsError("ServiceNotFound", f"{reference}")
    return record


def invalid(words: str) -> AwsError:
    """Return the error for a request that cannot be."""
    return AwsError("InvalidInput", words)


def filtered(
    items: Iterable[T],
    filters: Sequence[NamespaceFilterInput | ServiceFilterInput | OperationFilterInput],
    looks: Looks[T],
) -> list[T]:
    """Return the items that pass every filter. Raises InvalidInput for a filter without such a name, or such a condition."""
    chosen = list(items)
    for each in filters:
        name, values, condition = str(each["Name"]), [str(value) for value in each["Values"]], each.get("Condition")
        look = looks.get(name)
        if look is None:
            raise invalid(f"Filter {name} is not one of {', '.join(sorted(looks))}.")
        if condition in (None, "EQ", "IN"):
            chosen = [item for item in chosen if look(item) in values]
        elif condition == "BEGINS_WITH":
            chosen = [item for item in chosen if look(item).startswith(tuple(values))]
        else:
            raise invalid(f"Filter {name} does not take the condition {condition}.")
    return chosen


def page(items: Iterable[T], request: PascalPaged) -> tuple[list[T], PascalMore]:
    """Return one page of a list, and the token of the next."""
    return pascal_page(items, request, invalid("Invalid token"), size=request.get("MaxResults"), default=100)
