"""Flaws of policy documents."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pushproof.engines.policy.errors import Position


class Fault(StrEnum):
    """A kind of flaw, for services that have an answer of their own for it."""

    JSON = "json"
    SYNTAX = "syntax"
    VERSION = "version"
    EMPTY = "empty"
    SID = "sid"
    EFFECT = "effect"
    ACTION = "action"
    RESOURCE = "resource"
    PRINCIPAL = "principal"
    """The Principal element is missing, or is present where it must not be."""
    NOBODY = "nobody"
    """A principal that does not exist, or that does not have the form of a principal."""
    NO_SERVICE = "no service"
    """A service principal that does not exist."""
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first fault that AWS finds in a document. `message` is in the words of IAM, or of S3 for buckets."""

    fault: Fault
    message: str
    position: Position | None = None


class Flawed(Exception):
    """Ends the reading of a document at its first flaw."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.flaw = Flaw(fault, message)
