"""The subject of a job's token, in every form that GitHub gives it.

Source: https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims and, for other keys than the usual,
#customizing-the-token-claims
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pushproof.engines.github.jobs import Job

#: The keys of `include_claim_keys` that are no claims of the token: the repository, and the usual subject's rest.
SPECIAL_KEYS: Final = ("repo", "context")


def subject_of(job: Job, claims: Mapping[str, str]) -> str:
    """Return the subject of a job's token; `claims` are the values that `subject_keys` may name.

    Raises ValueError for a key that is no claim.
    """
    if not job.subject_keys:
        return f"repo:{job.repository.in_subjects}:{_context(job)}"
    return ":".join(_part(key, job, claims) for key in job.subject_keys)


def _context(job: Job) -> str:
    """Return the usual subject's rest: an environment wins over everything, then the pull request, then the ref."""
    if job.environment:
        return f"environment:{_escaped(job.environment)}"
    return "pull_request" if job.event == "pull_request" else f"ref:{job.ref}"


def _part(key: str, job: Job, claims: Mapping[str, str]) -> str:
    if key == "repo":
        return f"repo:{job.repository.in_subjects}"
    if key == "context":
        return _context(job)
    if key not in claims:
        raise ValueError(
            f"include_claim_keys has {key!r}, which is no claim of the token: expected {', '.join((*SPECIAL_KEYS, *claims))}"
        )
    return f"{key}:{_escaped(claims[key])}"


def _escaped(value: str) -> str:
    """Return a value as subjects contain it: a colon separates parts, and is written `%3A` within one."""
    return value.replace(":", "%3A")
