"""SNS's refusals as errors of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.notifications import NotificationError


@contextmanager
def refused() -> Iterator[None]:
    """Convert the engine's refusals to errors of the API."""
    try:
        yield
    except NotificationError as error:
        raise AwsError(error.code, error.message, 400) from error


def invalid(reason: str) -> AwsError:
    """Return an InvalidParameter error."""
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}", 400)


def absent(what: str) -> AwsError:
    """Return the error for a missing topic or subscription."""
    return AwsError("NotFound", f"{what} does not exist", 404)
