"""`maxResults` and `nextToken`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

from pushproof.emulator.services.ecr import errors

T = TypeVar("T")


def page(items: Sequence[T], request: dict[str, Any], *, default: int = 100) -> tuple[list[T], dict[str, str]]:
    """A page of `items` as the request asks for, and `{"nextToken": …}` when there are more."""
    try:
        start = int(base64.b64decode(request["nextToken"])) if request.get("nextToken") else 0
    except ValueError:
        raise errors.invalid("nextToken", "must be a token of an earlier answer") from None
    end = start + int(request.get("maxResults") or default)
    more = {"nextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return list(items[start:end]), more
