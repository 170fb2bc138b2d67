"""Access keys that a world has issued: the administrator's, those of IAM users, and those of sessions.

The administrator's pair is random, and different in every world: without it a caller has no identity here.
"""

from __future__ import annotations

import hmac
import secrets
import string
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from moto.core.request import Request

from pushproof.emulator.kernel.context import Credentials, IssuedKey
from pushproof.emulator.kernel.logins import login_of

if TYPE_CHECKING:
    from types_boto3_sts.type_defs import CredentialsTypeDef

_ALPHABET = string.ascii_uppercase + "234567"
# Sessions that ended long ago are forgotten: their keys are then unknown instead of expired.
_REMEMBERED = 86_400.0


def new_key(prefix: str) -> Credentials:
    """Return a random pair of keys in AWS's form: `AKIA` begins long-lived ones, `ASIA` those of sessions."""
    name = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return Credentials(name, secrets.token_urlsafe(30))


class KeyRing:
    """Every issued key, by its id."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("administrator", "open")

    def __init__(
        self,
        secret_of: Callable[[str], str | None],
        *,
        open: bool = False,
        administrator: Credentials | None = None,
    ) -> None:
        """Set up. `secret_of` returns the secret of an IAM user's active key. `open`: whether any key, or none, is accepted.

        `administrator`: that pair, by default a new one.
        """
        self._secret_of = secret_of
        self._sessions: dict[str, IssuedKey] = {}
        self.open = open
        # : The keys for Terraform, the AWS CLI, Docker and tests.
        self.administrator = administrator or (Credentials("pushproof", "pushproof") if open else new_key("AKIA"))

    def find(self, access_key_id: str) -> IssuedKey | None:
        """Return what was issued under an id; None if nothing was, or if it is no longer active."""
        if access_key_id == self.administrator.access_key_id:
            return IssuedKey(self.administrator.secret_access_key)
        session = self._sessions.get(access_key_id)
        if session is not None:
            return session
        secret = self._secret_of(access_key_id)
        return IssuedKey(secret) if secret else None

    def issued(self, credentials: CredentialsTypeDef, *, lasting: float | None = None) -> None:
        """Register a session's credentials, as STS answers them; they end by the wall clock, which SDKs go by.

        `lasting`: the seconds of their validity, if other than the credentials state.
        """
        expires = credentials["Expiration"]
        now = time.time()
        end = expires.timestamp() if lasting is None else now + lasting
        self._sessions[credentials["AccessKeyId"]] = IssuedKey(
            credentials["SecretAccessKey"], credentials["SessionToken"], end
        )
        for key, session in list(self._sessions.items()):
            if (session.expires_at or now) < now - _REMEMBERED:
                self._sessions.pop(key, None)

    def admits(self, request: Request) -> bool:
        """Return whether a request to a front contains the administrator's keys, as user and password."""
        if self.open:
            return True
        login = login_of(request)
        if login is None:
            return False
        user, password = login
        mine = self.administrator
        right = hmac.compare_digest(user.encode(), mine.access_key_id.encode())
        return hmac.compare_digest(password.encode(), mine.secret_access_key.encode()) and right
