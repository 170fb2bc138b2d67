"""`maxResults` and `nextToken`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NotRequired, TypedDict, TypeVar

from pushproof.emulator.services.ecr import errors

T = TypeVar("T")


class Paged(TypedDict):
    """A request for a page."""

    nextToken: NotRequired[str]
    maxResults: NotRequired[int]


class More(TypedDict, total=False):
    """An answer's token for the next page; empty on the last."""

    nextToken: str


def page(items: Sequence[T], request: Paged, *, default: int = 100) -> tuple[list[T], More]:
    """A page of `items` as the request asks for, and `{"nextToken": …}` when there are more."""
    try:
        start = int(base64.b64decode(request["nextToken"])) if request.get("nextToken") else 0
    except ValueError:
        raise errors.invalid("nextToken", "must be a token of an earlier answer") from None
    end = start + int(request.get("maxResults") or default)
    more: More = {"nextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return list(items[start:end]), more
