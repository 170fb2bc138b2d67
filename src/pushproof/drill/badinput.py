"""The error for input that cannot be used."""

from __future__ import annotations


class BadInput(Exception):
    """Input cannot be used; the message names it, what was expected, and the next step."""
