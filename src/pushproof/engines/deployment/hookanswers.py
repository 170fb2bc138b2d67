"""Answers of lifecycle hooks' functions, read as ECS reads them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from .exchange import HookAnswered

_STATUSES = ("SUCCEEDED", "FAILED", "IN_PROGRESS")


def read_answer(hook_id: str, function: str, answer: object) -> HookAnswered:
    """Return the meaning of a function's answer. An answer without a valid hookStatus fails the hook."""

    def failed(problem: str) -> HookAnswered:
        return HookAnswered(hook_id, "FAILED", problem)

    def unreadable(why: str) -> HookAnswered:
        return failed(f"ECS was unable to parse the response from {function} due to {why}")

    if not isinstance(answer, Mapping) or answer.get("hookStatus") is None:
        return unreadable("HookStatus must not be null")
    status = answer["hookStatus"]
    if status not in _STATUSES:
        return unreadable(f"HookStatus {status} is none of {', '.join(_STATUSES)}")
    if status == "FAILED":
        return failed(returned_failed(function))
    delay, details = answer.get("callBackDelay"), answer.get("hookDetails")
    if delay is not None and (isinstance(delay, bool) or not isinstance(delay, int | float) or delay < 0):
        return unreadable("callBackDelay must be a number of seconds")
    if details is not None and not isinstance(details, Mapping):
        return unreadable("hookDetails must be an object")
    return HookAnswered(
        hook_id,
        cast(Literal["SUCCEEDED", "IN_PROGRESS"], status),
        call_back_seconds=None if delay is None else float(delay),
        details=dict(details or {}),
    )


def not_assumed(hook_id: str, role: str) -> HookAnswered:
    """Return the failure of a hook whose role does not let ECS in."""
    return HookAnswered(hook_id, "FAILED", f"ECS was unable to assume role {role}")


def not_invoked(hook_id: str, function: str, why: str) -> HookAnswered:
    """Return the failure of a hook whose function could not be invoked, or raised an exception; AWS's words are not on record."""
    return HookAnswered(hook_id, "FAILED", f"ECS was unable to invoke {function} due to {why}")


def returned_failed(function: str) -> str:
    """Return the words for a function that said FAILED."""
    return f"Lifecycle hook target {function} returned FAILED status."


def function_timed_out(function: str) -> str:
    """Return the words for a function that never came to an end; AWS's are not on record."""
    return f"Lifecycle hook target {function} timed out."
