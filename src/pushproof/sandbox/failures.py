"""Explanations of failed runs: the step, the resource, the cause, and the effect of repeated calls."""

from __future__ import annotations

import re

from pushproof.terraform.errors import CommandFailed

_ERROR = re.compile(r"^Error: (.+?)(?=\n\s*\n|\nError: |\Z)", re.MULTILINE | re.DOTALL)
_RESOURCE = re.compile(r"^\s+with ([^\s,]+),$", re.MULTILINE)
_HINTS = (
    (
        # https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
        re.compile(r"acquiring the state lock", re.IGNORECASE),
        "another command holds the state's lock, or AWS's answer to an earlier lock request was lost; the sweep "
        "removes state and lock",
    ),
    (
        re.compile(r"already ?exists|AlreadyOwnedByYou|DuplicateRequest|\.Duplicate\b|InvalidPermission\.Duplicate", re.IGNORECASE),
        "the name carries the run's id, so it is the run's own: AWS carried out an earlier attempt whose answer was "
        "lost, and the "
        "repeated call found the result. Run again; a new run has new names",
    ),
    (
        re.compile(r"StatusCode: 429|Throttl|SlowDown|RequestLimitExceeded|TooManyRequests|rate exceeded", re.IGNORECASE),
        "AWS throttles this account. Run again later, or with fewer runs side by side",
    ),
    (
        re.compile(r"StatusCode: 5\d\d|InternalFailure|InternalError|ServiceUnavailable|EOF|connection (reset|was closed)"),
        "AWS did not answer as it should, and repeating did not help. Run again",
    ),
)  # fmt: skip


def explain(error: BaseException) -> str:
    """Return one line on a failed run.

    Example: `terraform apply: module.iam.aws_iam_role.task: creating IAM Role …: EntityAlreadyExists …`.
    """
    if not isinstance(error, CommandFailed):
        text, where = " ".join(str(error).split()), type(error).__name__
    else:
        words = error.errors.strip() or error.output.strip()
        messages = [" ".join(message.split()) for message in _ERROR.findall(words)] or [words[-600:]]
        resources = _RESOURCE.findall(words)
        text = "; ".join(dict.fromkeys(messages[:3]))
        if len(messages) > 3:
            text += f"; and {len(messages) - 3} more"
        where = f"terraform {error.command.split()[0]}"
        if resources:
            where += f": {', '.join(dict.fromkeys(resources[:3]))}"
    hints = [hint for pattern, hint in _HINTS if pattern.search(text)]
    return f"{where}: {text}" + (f" ({hints[0]})" if hints else "")
