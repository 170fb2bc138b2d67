"""The claims of a job's token, and the condition keys that STS reads from them.

Sources: https://docs.github.com/en/actions/reference/security/oidc (claims) and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif (condition keys)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pushproof.engines.github.jobs import Job
from pushproof.engines.github.subjects import subject_of

#: The issuer of GitHub Actions' tokens.
ISSUER: Final = "https://token.actions.githubusercontent.com"
# Seconds: a token is valid for five minutes, and from ten before its issue, for clocks that are late.
_VALID, _BEFORE = 300, 600
# The claims that STS makes condition keys of in trust policies; those after `aud` since January 2026.
_CONDITION_CLAIMS: Final = (
    "sub", "aud", "actor", "actor_id", "repository", "repository_id", "workflow", "ref", "environment", "job_workflow_ref",
    "enterprise_id",
)  # fmt: skip

Claim = str | int | tuple[str, ...]
Claims = Mapping[str, Claim]


def claims_of(job: Job, *, audience: str = "", issued_at: int = 0, token_id: str = "") -> dict[str, str | int]:
    """Return the claims of a token for a job. `audience`: by default the owner's URL on GitHub.

    Raises ValueError for a key of the subject that is no claim.
    """
    repository = job.repository
    texts = {
        "actor": job.actor,
        "actor_id": job.actor_id,
        "base_ref": job.base_ref,
        "event_name": job.event,
        "head_ref": job.head_ref,
        "job_workflow_ref": job.job_workflow_ref,
        "job_workflow_sha": job.sha,
        "ref": job.ref,
        "ref_protected": "false",
        "ref_type": job.ref_type,
        "repository": repository.full_name,
        "repository_id": repository.id,
        "repository_owner": repository.owner,
        "repository_owner_id": repository.owner_id,
        "repository_visibility": repository.visibility,
        "run_attempt": str(job.run_attempt),
        "run_id": job.run_id,
        "run_number": str(job.run_number),
        "runner_environment": "github-hosted",
        "sha": job.sha,
        "workflow": job.workflow,
        "workflow_ref": job.workflow_ref,
        "workflow_sha": job.sha,
    }
    optional = {"environment": job.environment, "enterprise": job.enterprise, "enterprise_id": job.enterprise_id}
    texts |= {name: value for name, value in optional.items() if value}
    return {
        "jti": token_id,
        "sub": subject_of(job, texts),
        "aud": audience or f"https://github.com/{repository.owner}",
        "iss": ISSUER,
        "nbf": issued_at - _BEFORE,
        "exp": issued_at + _VALID,
        "iat": issued_at,
        **texts,
    }


def condition_keys(claims: Claims, issuer: str = ISSUER) -> dict[str, tuple[str, ...]]:
    """Return the condition keys of a token's claims, as trust policies name them."""
    host = issuer.removeprefix("https://")
    keys: dict[str, tuple[str, ...]] = {}
    for name in _CONDITION_CLAIMS:
        value = claims.get(name)
        if value is not None:
            keys[f"{host}:{name}"] = value if isinstance(value, tuple) else (str(value),)
    return keys
