"""Errors of policy documents, with the place of the fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a policy's text: one-based line and column."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


class PolicyError(ValueError):
    """A policy document, or a request to evaluate, that cannot be read.

    Attributes:
        code: the error code AWS answers (``MalformedPolicyDocument``, ``InvalidInput``).
        message: the fault, in AWS's words where they are known.
        path: the place in the document, as a JSON path (``$.Statement[0].Condition``).
        position: line and column in the text, when the document came as text.
    """

    def __init__(
        self, message: str, *, path: str = "$", position: Position | None = None, code: str = "MalformedPolicyDocument"
    ) -> None:
        where = path if position is None else f"{path} ({position})"
        super().__init__(f"{code}: {message} At {where}.")
        self.code = code
        self.message = message
        self.path = path
        self.position = position
