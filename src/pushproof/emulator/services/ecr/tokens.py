"""The registry's login tokens: the principal that requested one, its region, and its expiry.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html ("valid for 12 hours")
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pushproof.emulator.kernel.context import Principal
from pushproof.emulator.services.ecr.model import Scope


@dataclass(frozen=True, slots=True)
class Token:
    """A password for the user AWS. `expires_at` is AWS time."""

    password: str
    principal: Principal
    scope: Scope
    expires_at: float


class Tokens:
    """Issued tokens."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def issue(self, principal: Principal, scope: Scope, now: float, lifetime: float) -> Token:
        for expired in [t for t in self._tokens.values() if t.expires_at + lifetime < now]:
            del self._tokens[expired.password]
        token = Token(secrets.token_urlsafe(96), principal, scope, now + lifetime)
        self._tokens[token.password] = token
        return token

    def find(self, password: str) -> Token | None:
        """Return the token, expired or not; None for a password that was never issued."""
        return self._tokens.get(password)
