"""SNS's refusals as errors of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.notifications import NotificationError


@contextmanager
def refused() -> Iterator[None]:
    """Turn what the engine refuses into an error of the API."""
    try:
        yield
    except NotificationError as error:
        raise AwsError(error.code, error.message, 400) from error


def invalid(reason: str) -> AwsError:
    """An InvalidParameter error."""
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}", 400)


def absent(what: str) -> AwsError:
    """The error for a topic or a subscription that is not there."""
    return AwsError("NotFound", f"{what} does not exist", 404)
