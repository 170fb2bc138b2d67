"""The order in which STS judges a token: provider, signature, expiry, audience. The role's trust policy comes last.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html (codes), and recorded texts:
https://github.com/aws-actions/configure-aws-credentials/issues/318, https://github.com/aws/aws-sdk-java-v2/issues/5709
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

INVALID = "InvalidIdentityToken"
EXPIRED = "ExpiredTokenException"
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
_FORGED = (
    "The web identity token that was passed could not be validated by AWS. Get a new identity token from the identity provider "
    "and then retry the request."
)


class Refused(Exception):
    """STS refuses the token: `code` is its error code, the text its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Signature(Enum):
    """The outcome of verifying a token's signature."""

    VALID = "valid"
    FORGED = "forged"
    NO_KEY = "no key"


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as it was presented. `expires`: its `exp`, in seconds since the epoch; None for a token without one."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires: int | None
    signature: Signature


def provider_path(issuer: str) -> str:
    """Return an issuer as the ARN of its provider contains it: without `https://`, and without a last slash."""
    return issuer.removeprefix("https://").rstrip("/")


def accepted_audience(presented: Presented, client_ids: Collection[str] | None, now: float) -> str:
    """Return the audience for which a token is good. `client_ids`: those of the account's provider for its issuer; None without.

    Raises Refused, with the first thing that STS refuses.
    """
    if client_ids is None:
        raise Refused(INVALID, f"No OpenIDConnect provider found in your account for {presented.issuer}")
    if presented.signature is Signature.NO_KEY:
        raise Refused(INVALID, _NO_KEY)
    if presented.signature is Signature.FORGED:
        raise Refused(INVALID, _FORGED)
    for claim, value in (("sub", presented.subject), ("aud", presented.audiences), ("exp", presented.expires)):
        if value in ("", (), None):
            raise Refused(INVALID, f"Missing a required claim: {claim}")
    assert presented.expires is not None
    if now >= presented.expires:
        raise Refused(
            EXPIRED,
            f"Token expired: current date/time {now:.0f} must be before the expiration date/time {presented.expires}",
        )
    audience = next((audience for audience in presented.audiences if audience in client_ids), None)
    if audience is None:
        raise Refused(INVALID, "Incorrect token audience")
    return audience
