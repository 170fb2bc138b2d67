"""Errors of the task engine."""

from __future__ import annotations


class InvalidHealthCheck(ValueError):
    """A container's `healthCheck` is malformed; the message names the member, its value, and what is accepted."""

    def __init__(self, member: str, value: object, expected: str) -> None:
        self.member = member
        super().__init__(f"healthCheck.{member} is {value!r}; give {expected}.")
