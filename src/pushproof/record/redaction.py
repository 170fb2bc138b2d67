"""Redaction: no text of a record holds a secret.

Two nets. Values that are known to be secret (keys of the world, the webhook's address, secret values, Terraform variables) go
wherever they stand. What looks like a secret goes too, since builds, commit messages and AWS's errors quote what nobody listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

T = TypeVar("T")

REDACTED = "[redacted]"
#: A value that is shorter is found in ordinary words: it is redacted as a pattern only.
SHORTEST = 6

_NAMES = (
    r"passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|signature|webhook"
)
_PATTERNS = (
    # PEM: https://www.rfc-editor.org/rfc/rfc7468
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    # AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
    re.compile(r"\b(?:AKIA|ASIA|LKIA|PLANE)[A-Z0-9]{12,}\b"),
    re.compile(r"https://hooks\.slack\.com/[^\s\"'<>]+"),
    # GitHub, GitLab, Slack, npm, PyPI.
    re.compile(
        r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|npm_\w{20,}|pypi-[\w-]{20,})"
    ),
    # JSON web tokens: https://www.rfc-editor.org/rfc/rfc7519
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9+/_.=-]{12,}"),
)
# A login in a URL, and `name=value` where the name says that the value is secret.
_USERINFO = re.compile(r"(?<=://)[^\s/@:\"']*:[^\s/@\"']+(?=@)")
_ASSIGNED = re.compile(
    rf"(?i)((?:[\w-]|%5B|\.)*(?:{_NAMES})[\w-]*[\"']?\s*(?:=|:\s|:(?=[\"'])|=>)\s*)(\"[^\"]*\"|'[^']*'|[^\s\"',;&)]+)"
)
_SECRET_NAME = re.compile(rf"(?i)(?:{_NAMES})")
# What such names stand before and is no secret: references to a secret, not its value.
_REFERENCE = re.compile(r"^[\"']?(?:arn:|\[redacted\]|\$|null\b|true\b|false\b|none\b)", re.IGNORECASE)


class Redactor:
    """Takes secrets out of texts, and of whole records."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: a secret may be a part of another.
        listed = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._known = re.compile(listed) if listed else None

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for pattern in _PATTERNS:
            text = pattern.sub(REDACTED, text)
        text = _USERINFO.sub(REDACTED, text)
        return _ASSIGNED.sub(lambda m: m[0] if _REFERENCE.match(m[2]) else m[1] + REDACTED, text)

    def record(self, value: T) -> T:
        """Return a record, or a part of one, without secrets in any of its texts."""
        cleaned: T = self._walk(value)
        return cleaned

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if is_dataclass(value) and not isinstance(value, type):
            changes = {f.name: self._walk(getattr(value, f.name)) for f in fields(value)}
            return replace(value, **changes)
        if isinstance(value, tuple):
            return tuple(self._walk(entry) for entry in value)
        if isinstance(value, dict):
            return {self.text(key): self._walk(entry) for key, entry in value.items()}
        return value


def secret_variables(variables: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of Terraform variables that may be secret: those named so, and everything that came by the environment.

    What comes by `TF_VAR_…` is kept off the command line on purpose.
    """
    for name, value in environment.items():
        if name.startswith("TF_VAR_") or (_SECRET_NAME.search(name) and "ARN" not in name):
            yield from _leaves(value)
    for name, value in variables.items():
        if _SECRET_NAME.search(name) and not name.endswith(("_arn", "_name")):
            yield from _leaves(value)


def secret_values(text: str) -> Iterator[str]:
    """Yield a secret's value and, where it is JSON, the values inside of it."""
    yield text
    yield from _leaves(text)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value[:1] in "{[":
            try:
                yield from _leaves(json.loads(value))
            except ValueError:
                return
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _leaves(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _leaves(entry)


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may be written: as it is, in JSON, in a URL."""
    for form in (secret, secret.strip(), json.dumps(secret)[1:-1], quote(secret, safe="")):
        if len(form) >= SHORTEST and not form.isdigit() and form.lower() not in ("true", "false", "default"):
            yield form
