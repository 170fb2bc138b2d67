"""Failures of phases: the status code and message of a phase's context."""

from __future__ import annotations

from botocore.exceptions import ClientError

ACCESS_DENIED = ("AccessDenied", "AccessDeniedException", "AccessDeniedError")


class PhaseFailure(Exception):
    """Ends a phase as FAILED with a context."""

    def __init__(self, status_code: str, message: str) -> None:
        super().__init__(f"{status_code}: {message}")
        self.status_code = status_code
        self.message = message


def words(error: ClientError) -> str:
    """Return a client error as CodeBuild quotes it: code and message."""
    body = error.response["Error"]
    return f"{body.get('Code')}: {body.get('Message')}"
