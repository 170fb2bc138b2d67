"""The health of the service, which decides whether it gets requests."""

from __future__ import annotations

from webapp.settings import Settings


def status(settings: Settings) -> int:  # noqa: ARG001 - a service with dependencies asks them here
    """Return the HTTP status of `/health`: 200 for healthy; anything else takes the task out of service."""
    return 200
