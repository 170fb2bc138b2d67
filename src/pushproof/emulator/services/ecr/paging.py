"""`maxResults` and `nextToken`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict, TypeVar

from pushproof.emulator.kernel.paging import page_of
from pushproof.emulator.services.ecr import errors

T = TypeVar("T")


class Paged(TypedDict):
    """A request for a page."""

    nextToken: NotRequired[str]
    maxResults: NotRequired[int]


class More(TypedDict, total=False):
    """The token for the next page in an answer; empty on the last page."""

    nextToken: str


def page(items: Sequence[T], request: Paged, *, default: int = 100) -> tuple[list[T], More]:
    """Return the requested page of `items`, and `{"nextToken": …}` if there are more."""
    chosen, token = page_of(
        items,
        request.get("nextToken"),
        errors.invalid("nextToken", "must be a token of an earlier answer"),
        size=request.get("maxResults"),
        default=default,
    )
    return chosen, {"nextToken": token} if token else {}
