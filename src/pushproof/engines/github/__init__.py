"""GitHub Actions' identity: the claims of a job's OpenID Connect token, and its subject in every form."""

from __future__ import annotations

from pushproof.engines.github.claims import ISSUER, Claim, Claims, claims_of, condition_keys
from pushproof.engines.github.jobs import Job, Repository, described, job_of
from pushproof.engines.github.subjects import subject_of

__all__ = [
    "ISSUER",
    "Claim",
    "Claims",
    "Job",
    "Repository",
    "claims_of",
    "condition_keys",
    "described",
    "job_of",
    "subject_of",
]
