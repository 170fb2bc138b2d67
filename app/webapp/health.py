"""Whether the service is well enough to be sent requests."""

from __future__ import annotations

from webapp.settings import Settings


def status(settings: Settings) -> int:  # noqa: ARG001 - a service with dependencies asks them here
    """The HTTP status of `/health`: 200 for well, anything else takes the task out of service."""
    return 200
