"""GitHub's token issuer: jobs of workflows get OpenID Connect tokens from it, and STS verifies them with its public key.

A job requests one as on GitHub: `GET $ACTIONS_ID_TOKEN_REQUEST_URL&audience=…`, with `$ACTIONS_ID_TOKEN_REQUEST_TOKEN` as bearer.
Only the administrator can register a job (`POST /_pushproof/github/jobs`); the request token is the job's own, and good for
nothing else. The issuer's name in tokens is GitHub's, its documents are on the gateway's port.
Source: https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
"""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.engines.github import ISSUER, Claim, Claims, Job, Repository, claims_of
from pushproof.engines.webidentity import Presented, Signature

# joserfc is imported where a token is made or read: few worlds have any, and it takes a tenth of a second.
if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

    from pushproof.emulator.kernel.site import Ground

_PREFIX = "/_github/oidc/"
_ALGORITHM = "RS256"
# GitHub's tokens have about 2 kB.
_LONGEST_TOKEN = 64 * 1024


class NotAToken(ValueError):
    """A text is no JSON Web Token."""


class TokenIssuer:
    """The issuer of one world, with a key of its own. A front of the gateway."""

    name = "github tokens"
    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_lock",)

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lock = threading.Lock()
        self._pem = b""
        self._jobs: dict[str, Job] = {}

    # Jobs and their tokens.

    def register(self, job: Job) -> dict[str, str]:
        """Return the environment with which a job's steps request tokens. Raises ValueError for subject keys that are no claims."""
        claims_of(job)
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._jobs[token] = job
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self._ground.endpoint.url}{_PREFIX}token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
        }

    def forget(self, request_token: str) -> None:
        """End a job: its request token is good for nothing from now on."""
        with self._lock:
            self._jobs.pop(request_token, None)

    def issue(self, job: Job, audience: str = "") -> str:
        """Return a token for a job. `audience`: by default the owner's URL on GitHub."""
        from joserfc import jwt

        clock = self._ground.clock
        issued_at = int(clock.stamp(clock.now()).timestamp())
        claims = claims_of(job, audience=audience, issued_at=issued_at, token_id=str(uuid.uuid4()))
        key = self._key()
        return jwt.encode({"typ": "JWT", "alg": _ALGORITHM, "kid": key.thumbprint()}, dict(claims), key)

    def read(self, token: str) -> tuple[Presented, Claims]:
        """Return a token as it was presented, and its claims. Raises NotAToken."""
        header, claims = _parts(token)
        issuer = str(claims.get("iss", ""))
        audience, expires = claims.get("aud", ()), claims.get("exp")
        presented = Presented(
            issuer=issuer,
            subject=str(claims.get("sub", "")),
            audiences=tuple(map(str, audience)) if isinstance(audience, list) else (str(audience),) if audience else (),
            expires=int(expires) if isinstance(expires, int | float) and not isinstance(expires, bool) else None,
            signature=self._verified(token, header, issuer),
        )
        return presented, {name: value for name, value in map(_claim, claims.items()) if value is not None}

    def _verified(self, token: str, header: dict[str, object], issuer: str) -> Signature:
        if issuer != ISSUER or not self._pem or header.get("kid") != self._key().thumbprint():
            return Signature.NO_KEY
        from joserfc import jwt
        from joserfc.errors import BadSignatureError, JoseError

        try:
            jwt.decode(token, self._key(), algorithms=[_ALGORITHM])
        except (BadSignatureError, JoseError, ValueError):
            return Signature.FORGED
        return Signature.VALID

    def _key(self) -> RSAKey:
        from joserfc.jwk import RSAKey

        with self._lock:
            if not self._pem:
                self._pem = RSAKey.generate_key(2048, private=True).as_pem(private=True)
            return RSAKey.import_key(self._pem)

    # The front.

    def accepts(self, request: Request) -> bool:
        return request.path.startswith(_PREFIX)

    def handle(self, request: Request) -> Response:
        route = request.path.removeprefix(_PREFIX)
        if request.method != "GET":
            return _json({"message": f"{request.method} is not answered here"}, 405)
        if route == ".well-known/openid-configuration":
            return _json(self._configuration())
        if route == ".well-known/jwks":
            return _json({"keys": [self._public_key()]})
        if route == "token":
            return self._token(request)
        return _json({"message": f"{request.path} is unknown"}, 404)

    def _token(self, request: Request) -> Response:
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        with self._lock:
            # A request token has 256 random bits: looking it up reveals nothing of others.
            job = self._jobs.get(bearer.strip()) if kind.lower() == "bearer" else None
        if job is None:
            return _json({"message": "Authorization must be `bearer`, with the request token of a job that runs"}, 401)
        audience = parse_qs(urlsplit(request.url).query).get("audience", [""])[0]
        value = self.issue(job, audience)
        return _json({"count": len(value), "value": value})

    def _public_key(self) -> dict[str, object]:
        key = self._key()
        return {**key.as_dict(private=False), "use": "sig", "alg": _ALGORITHM, "kid": key.thumbprint()}

    def _configuration(self) -> dict[str, object]:
        claims = claims_of(Job(Repository("octo-org", "octo-repo")))
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{self._ground.endpoint.url}{_PREFIX}.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": sorted({*claims, "environment", "enterprise", "enterprise_id"}),
            "id_token_signing_alg_values_supported": [_ALGORITHM],
            "scopes_supported": ["openid"],
        }


def _claim(item: tuple[str, object]) -> tuple[str, Claim | None]:
    """Return a claim's name and value; None for what no condition key is made of."""
    name, value = item
    if isinstance(value, list):
        return name, tuple(map(str, value))
    return name, value if isinstance(value, str | int) else None


def _parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return header and claims of a token, unverified. Raises NotAToken."""
    pieces = token.split(".")
    if len(pieces) != 3 or len(token) > _LONGEST_TOKEN:
        raise NotAToken
    header, claims = (_read(piece) for piece in pieces[:2])
    return header, claims


def _read(piece: str) -> dict[str, object]:
    from joserfc.util import urlsafe_b64decode

    try:
        value = json.loads(urlsafe_b64decode(piece.encode()))
    except (ValueError, RecursionError):
        raise NotAToken from None
    if not isinstance(value, dict):
        raise NotAToken
    return value


def _json(content: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(content) + "\n", status=status, content_type="application/json")
