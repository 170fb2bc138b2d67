"""The exchange of a web identity token for a role's session: refusals before STS reads the role's trust policy."""

from __future__ import annotations

from pushproof.engines.webidentity.exchange import (
    EXPIRED,
    INVALID,
    NO_JWT,
    NOT_AUTHORIZED,
    Presented,
    Refused,
    Signature,
    accepted_audience,
    provider_path,
)

__all__ = [
    "EXPIRED",
    "INVALID",
    "NOT_AUTHORIZED",
    "NO_JWT",
    "Presented",
    "Refused",
    "Signature",
    "accepted_audience",
    "provider_path",
]
