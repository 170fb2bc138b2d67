"""Pages of lists: every service cuts its lists here, and keeps its own names, sizes and errors.

A token is a position in the list. Clients hand it back as it is; one that was never answered is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from .errors import AwsError

T = TypeVar("T")
_LONGEST_TOKEN = 9


def page_of(
    items: Iterable[T],
    token: str | None,
    refusal: AwsError,
    *,
    size: int | None = None,
    default: int = 100,
    most: int | None = None,
) -> tuple[list[T], str | None]:
    """One page of a list, and the token of the next page; None on the last.

    Args:
        items: The whole list.
        token: The token of the request; None or "" for the first page.
        refusal: The service's error for a token that was never answered.
        size: The size that the request asks for; None or 0 for the default.
        default: The service's default size.
        most: The largest size that the service answers; None where its model refuses larger ones.
    """
    everything = list(items)
    if token and not (token.isascii() and token.isdecimal() and len(token) <= _LONGEST_TOKEN):
        raise refusal
    start = int(token or 0)
    end = start + min(size or default, most or len(everything) + 1)
    return everything[start:end], str(end) if end < len(everything) else None
