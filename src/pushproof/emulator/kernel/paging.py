"""Pages of lists. Every service cuts its lists here, with its own names, sizes and errors.

A token is a position: a number in a list that keeps its order, or the place of the last item in one that may change between pages.
Clients hand it back as it is; one that was never answered is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict, TypeVar

from .errors import AwsError

T = TypeVar("T")
_LONGEST_NUMBER = 9


class CamelToken(TypedDict):
    """A request for the page of a token, in the member names of ECS, ECR and the Code services."""

    nextToken: NotRequired[str]


class CamelPaged(CamelToken):
    """A request that may name the page's size too."""

    maxResults: NotRequired[int]


class CamelMore(TypedDict, total=False):
    """An answer's token for the next page; empty on the last."""

    nextToken: str


class PascalToken(TypedDict):
    """A request for the page of a token, in the member names of most services."""

    NextToken: NotRequired[str]


class PascalPaged(PascalToken):
    """A request that may name the page's size too."""

    MaxResults: NotRequired[int]


class PascalMore(TypedDict, total=False):
    """An answer's token for the next page; empty on the last."""

    NextToken: str


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
    start = number_of(token) if token else 0
    if start is None:
        raise refusal
    end = start + min(size or default, most or len(everything) + 1)
    return everything[start:end], str(end) if end < len(everything) else None


def camel_page(
    items: Iterable[T],
    request: CamelToken,
    refusal: AwsError,
    *,
    size: int | None = None,
    default: int = 100,
    most: int | None = None,
) -> tuple[list[T], CamelMore]:
    """`page_of` for `nextToken`: the token comes from a request, and goes into an answer."""
    shown, token = page_of(items, request.get("nextToken"), refusal, size=size, default=default, most=most)
    return shown, {"nextToken": token} if token else {}


def pascal_page(
    items: Iterable[T],
    request: PascalToken,
    refusal: AwsError,
    *,
    size: int | None = None,
    default: int = 100,
    most: int | None = None,
) -> tuple[list[T], PascalMore]:
    """`page_of` for `NextToken`: the token comes from a request, and goes into an answer."""
    shown, token = page_of(items, request.get("NextToken"), refusal, size=size, default=default, most=most)
    return shown, {"NextToken": token} if token else {}


def number_of(text: str) -> int | None:
    """The number that a text of a few plain digits says; None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else None


def token_after(*place: str | int) -> str:
    """A token for the page after the item of that place."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def place_before(token: str, form: Sequence[type], refusal: AwsError) -> list[str | int]:
    """The place that a token says. Raises `refusal` for a token that was never answered.

    Args:
        token: The token of the request.
        form: The types of the parts of a place.
        refusal: The service's error.
    """
    try:
        place: object = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error):
        raise refusal from None
    if not isinstance(place, list) or [type(part) for part in place] != list(form):
        raise refusal
    return place
