"""Access keys that a world has issued: the administrator's, those of IAM users, and those of sessions.

The administrator's pair is random, and another one in every world: whoever was not told it is nobody here.
"""

from __future__ import annotations

import hmac
import secrets
import string
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from moto.core.request import Request

from pushproof.emulator.kernel.context import Credentials, IssuedKey

if TYPE_CHECKING:
    from types_boto3_sts.type_defs import CredentialsTypeDef

_ALPHABET = string.ascii_uppercase + "234567"
# Sessions that ended long ago are not remembered: their keys are unknown then, and no longer expired.
_REMEMBERED = 86_400.0


def new_key(prefix: str) -> Credentials:
    """Return a random pair of keys, shaped as AWS's are: `AKIA` begins long-lived ones, `ASIA` those of sessions."""
    name = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return Credentials(name, secrets.token_urlsafe(30))


class KeyRing:
    """Knows every key that was issued, by its id."""

    def __init__(self, secret_of: Callable[[str], str | None], *, open: bool = False) -> None:
        """`secret_of` finds the secret of an IAM user's active key. `open`: whether any key, and none, is good."""
        self._secret_of = secret_of
        self._sessions: dict[str, IssuedKey] = {}
        self.open = open
        #: What Terraform, the AWS CLI, Docker and tests are handed.
        self.administrator = Credentials("pushproof", "pushproof") if open else new_key("AKIA")

    def find(self, access_key_id: str) -> IssuedKey | None:
        """Return what was issued under an id; None when nothing was, or when it is no longer active."""
        if access_key_id == self.administrator.access_key_id:
            return IssuedKey(self.administrator.secret_access_key)
        session = self._sessions.get(access_key_id)
        if session is not None:
            return session
        secret = self._secret_of(access_key_id)
        return IssuedKey(secret) if secret else None

    def issued(self, credentials: CredentialsTypeDef, *, lasting: float | None = None) -> None:
        """Take note of a session's credentials, as STS answers them; they end by the wall clock, which SDKs go by.

        `lasting`: for how many seconds they are good, where that is not what they say.
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
        """Return whether a request to what is no AWS API names the administrator's keys, as user and password."""
        if self.open:
            return True
        login = request.authorization
        if login is None or login.type != "basic":
            return False
        user, password = login.username or "", login.password or ""
        mine = self.administrator
        right = hmac.compare_digest(user.encode(), mine.access_key_id.encode())
        return hmac.compare_digest(password.encode(), mine.secret_access_key.encode()) and right
