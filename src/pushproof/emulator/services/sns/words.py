"""SNS's refusals as errors of the API."""

from __future__ import annotations

from pushproof.emulator.kernel.errors import AwsError


def invalid(reason: str) -> AwsError:
    """Return an InvalidParameter error."""
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}", 400)


def absent(what: str) -> AwsError:
    """Return the error for a missing topic or subscription."""
    return AwsError("NotFound", f"{what} does not exist", 404)
