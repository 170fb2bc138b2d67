"""Pages of lists. Every service cuts its lists here, with its own names, sizes and errors.

A token is a position in the list. Clients return it unchanged; a token that no answer contained is refused.
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
    """Return one page of a list, and the token of the next page; None on the last.

    Args:
        items: The whole list.
        token: The token of the request; None or "" for the first page.
        refusal: The service's error for a token that no answer contained.
        size: The page size of the request; None or 0 for the default.
        default: The service's default size.
        most: The largest size that the service answers; None if its model refuses larger ones.
    """
    everything = list(items)
    if token and not (token.isascii() and token.isdecimal() and len(token) <= _LONGEST_TOKEN):
        raise refusal
    start = int(token or 0)
    end = start + min(size or default, most or len(everything) + 1)
    return everything[start:end], str(end) if end < len(everything) else None
