"""Refusals of SNS."""

from __future__ import annotations


class NotificationError(ValueError):
    """A request that SNS refuses: its error code, and its words."""

    def __init__(self, message: str, code: str = "InvalidParameter") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
