"""Constraints of AWS's models on a request's members, and AWS's words for violations.

Services check requests against their models before anything else, and report all violations at once. The words are
those of https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/4014 and of
https://docs.aws.amazon.com/codepipeline/latest/APIReference/CommonErrors.html (ValidationException).
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Collection, Iterator
from typing import Any


class Kind(enum.Flag):
    """Kinds of constraints."""

    REQUIRED = enum.auto()
    LIMITS = enum.auto()


def violations(
    shape: Any, value: Any, path: str = "", *, kinds: Kind = Kind.REQUIRED | Kind.LIMITS, echo: bool = True
) -> Iterator[str]:
    """Yield each constraint of the model that a value violates, in AWS's words.

    `kinds`: required members, limits (lengths, ranges, patterns, enumerations), or both. `echo`: whether the
    service repeats the value and lists an enumeration, as most services do and IAM does not.
    """
    yield from _Walk(kinds, echo).violations(shape, value, path)


# Codes of services for a request that does not match its model, if it is not the usual one (see `code_of`).
_CODES = {
    "codebuild": "InvalidInputException",
    "codeconnections": "ValidationException",
    "codepipeline": "ValidationException",
    "codestar-connections": "ValidationException",
}
# Codes of services for a value that breaks a limit, if it is not the one for a missing value.
_LIMIT_CODES = {
    "acm": "ValidationException",
    "cloudwatch": "ValidationError",
    "dynamodb": "ValidationException",
    "kms": "ValidationException",
    "logs": "InvalidParameterException",
    "secretsmanager": "ValidationException",
    "ssm": "ValidationException",
}
# Names that services with an error of their own use for a request that does not match the model.
_USUAL = ("InvalidParameterException", "ValidationException")


def code_of(service: str, protocol: str, modelled: Collection[str], *, limit: bool = False) -> str:
    """Return the error code with which a service refuses a request that does not match its model.

    Args:
        service: The service.
        protocol: The protocol of the request.
        modelled: The codes of the operation's errors.
        limit: Whether a value breaks a limit; else one is missing.
    """
    if limit and service in _LIMIT_CODES:
        return _LIMIT_CODES[service]
    if protocol == "query":
        return "ValidationError"
    return _CODES.get(service) or next((code for code in _USUAL if code in modelled), "ValidationException")


def unsatisfied(value: object, path: str, demand: str, *, echo: bool = True) -> str:
    """Return AWS's words for one value that does not satisfy a constraint ("have length less than or equal to 1").

    `echo`: whether the service repeats the value, as most services do and IAM does not. Numbers are always repeated.
    """
    shown = f"[{', '.join(str(item) for item in value)}]" if isinstance(value, list) else value
    quoted = f"Value '{shown}'" if echo or isinstance(value, int | float) else "Value"
    return f"{quoted} at '{path}' failed to satisfy constraint: Member must {demand}"


def worded(messages: list[str]) -> str:
    """Join violations to one message."""
    return f"{len(messages)} validation error{'s' if len(messages) > 1 else ''} detected: {'; '.join(messages)}"


class _Walk:
    """A walk through a value and its shape."""

    def __init__(self, kinds: Kind, echo: bool) -> None:
        self.required = bool(kinds & Kind.REQUIRED)
        self.limits = bool(kinds & Kind.LIMITS)
        self.echo = echo

    def violations(self, shape: Any, value: Any, path: str) -> Iterator[str]:
        match shape.type_name:
            case "structure":
                yield from self._of_structure(shape, value, path)
            case "list":
                yield from self._of_length(shape, value, path)
                for number, item in enumerate(value, 1):
                    yield from self.violations(shape.member, item, f"{path}.{number}.member")
            case "map":
                yield from self._of_length(shape, value, path)
                yield from self._of_map(shape, value, path)
            case _ if not self.limits:
                return
            case "string":
                yield from self._of_text(shape, value, path)
            case "blob":
                yield from self._of_length(shape, value, path)
            case "integer" | "long" | "float" | "double":
                yield from self._of_number(shape, value, path)

    def _of_structure(self, shape: Any, value: Any, path: str) -> Iterator[str]:
        if getattr(shape, "is_document_type", False) or not isinstance(value, dict):
            return
        prefix = f"{path}." if path else ""
        if self.required:
            for name in shape.required_members:
                if value.get(name) is None:
                    yield f"Value null at '{prefix}{_lowered(name)}' failed to satisfy constraint: Member must not be null"
        members = shape.members
        for name, item in value.items():
            if item is not None and name in members:
                yield from self.violations(members[name], item, prefix + _lowered(name))

    def _of_map(self, shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
        for key, item in value.items():
            if self.limits and any(self._of_text(shape.key, key, path)):
                yield _of_member("keys", shape.key, path)
            if shape.value.type_name != "string":
                yield from self.violations(shape.value, item, f"{path}.{key}.member")
            elif self.limits and any(self._of_text(shape.value, item, path)):
                yield _of_member("value", shape.value, path)

    def _of_text(self, shape: Any, value: str, path: str) -> Iterator[str]:
        if shape.enum:
            if value not in shape.enum:
                values = f": [{', '.join(shape.enum)}]" if self.echo else ""
                yield self._failed(value, path, f"satisfy enum value set{values}")
            return
        pattern = shape.metadata.get("pattern")
        if pattern:
            compiled = _compiled(pattern)
            if compiled is not None and not compiled.fullmatch(value):
                yield self._failed(value, path, f"satisfy regular expression pattern: {pattern}")
        yield from self._of_length(shape, value, path)

    def _of_length(self, shape: Any, value: Any, path: str) -> Iterator[str]:
        if not self.limits:
            return
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and len(value) < low:
            yield self._failed(value, path, f"have length greater than or equal to {low}")
        if high is not None and len(value) > high:
            yield self._failed(value, path, f"have length less than or equal to {high}")

    def _of_number(self, shape: Any, value: float, path: str) -> Iterator[str]:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            yield self._failed(value, path, f"have value greater than or equal to {low}")
        if high is not None and value > high:
            yield self._failed(value, path, f"have value less than or equal to {high}")

    def _failed(self, value: object, path: str, demand: str) -> str:
        return unsatisfied(value, path, demand, echo=self.echo)


def _of_member(part: str, shape: Any, path: str) -> str:
    """Word all constraints on a map's keys and values, without repeating these: values may be secrets."""
    limits = shape.metadata
    demands = [
        f"Member must have length {word} {limits[limit]}"
        for limit, word in (("max", "less than or equal to"), ("min", "greater than or equal to"))
        if limit in limits
    ]
    if "pattern" in limits:
        demands.append(f"Member must satisfy regular expression pattern: {limits['pattern']}")
    return f"Value at '{path}' failed to satisfy constraint: Map {part} must satisfy constraint: [{', '.join(demands)}]"


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Compile a pattern of the models, which are Java's; None if Python has other rules."""
    try:
        return re.compile(pattern)
    except re.error:
        return None
