"""The one error a policy text can cause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the text: a JSON pointer ("" is the whole document), and line and column (from 1) where known."""

    pointer: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = self.pointer or "/"
        return where if self.line is None else f"{where} (line {self.line}, column {self.column})"


class LifecyclePolicyError(ValueError):
    """A policy text that ECR refuses.

    `reason` is in ECR's words, `position` says where, `hint` what to write instead, and `message` is what
    PutLifecyclePolicy answers with code InvalidParameterException.
    """

    def __init__(self, reason: str, position: Position, hint: str, *, constraint: bool = True) -> None:
        self.reason = reason
        self.position = position
        self.hint = hint
        self.message = (
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
            f"'Lifecycle policy validation failure: {reason}'"
            if constraint
            else reason
        )
        super().__init__(f"{self.message} At {position}. {hint}")
