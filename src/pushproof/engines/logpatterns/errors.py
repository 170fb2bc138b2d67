"""The error for a filter pattern that CloudWatch Logs refuses."""

from __future__ import annotations


class InvalidFilterPattern(ValueError):
    """A pattern that CloudWatch Logs refuses.

    `message` is None where the operation says only that the pattern is invalid, each in its own words.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "Invalid filter pattern")
        self.message = message


def invalid_characters(term: str) -> InvalidFilterPattern:
    """The error for text that no term may hold."""
    return InvalidFilterPattern(f"Invalid character(s) in term '{term}'")
