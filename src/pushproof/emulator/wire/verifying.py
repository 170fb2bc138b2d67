"""Verification of signatures on the wire: the key was issued, its session lasts, and the request is the one that was signed.

Time is the wall clock's, by which clients sign, whatever the world's own clock shows.
Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (presigned URLs)
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from moto.core.request import Request

from pushproof.emulator.kernel.context import IssuedKey
from pushproof.emulator.wire.heads import RAW_HEADERS
from pushproof.emulator.wire.mistrust import Mistrust
from pushproof.engines import signature as sigv4

_SKEW = timedelta(minutes=15)
_WEEK = 604_800
_STAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}")
_SCOPE = re.compile(r"([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request", re.ASCII)
_SECOND = ("AWSAccessKeyId", "Signature", "Expires")
_PARTS = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
# The token is compared with the session's own, signed or not.
_MAY_BE_UNSIGNED = frozenset({"x-amz-security-token"})


class Keys(Protocol):
    """Access keys that were issued."""

    def find(self, access_key_id: str) -> IssuedKey | None:
        """Return what was issued under an id; None if nothing was."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature as a request carries it: its key, scope and time. `expires` is a presigned URL's, in seconds."""

    key: str
    scope: sigv4.Scope
    signed: tuple[str, ...]
    signature: str
    stamp: str
    at: datetime
    token: str | None
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A request with a valid key and time, and a signature that is valid as far as its headers go."""

    claim: Claim
    key: bytes
    # : The hash that the body must have; a word of S3's for bodies in chunks; None if the body is not signed.
    payload: str | None
    headers: Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Verifier:
    """Verification in two steps, so that no body is read from a caller without a key."""

    keys: Keys
    now: Callable[[], float] = field(default=time.time)
    # The seconds by which the clocks of callers are ahead.
    skew: Callable[[], float] = field(default=float)

    def begin(self, request: Request, service: str) -> Signed:
        """Verify everything except the body, before the body is read. Raises AwsError, worded as the service words it."""
        words = Mistrust(request, service)
        headers = _headers(request)
        claim = _claim(request, headers, words)
        self._check_time(claim, words)
        issued = self._issued(claim.key, claim.token, words)
        for name in headers:
            if (name == "host" or name.startswith("x-amz-")) and name not in (*claim.signed, *_MAY_BE_UNSIGNED):
                raise words.unsigned_header(name)
        begun = Signed(
            claim, sigv4.signing_key(issued.secret, claim.scope), _payload(request, headers, claim, words), headers
        )
        if begun.payload != _BODYS_OWN:
            _check(request, begun, begun.payload or sigv4.UNSIGNED, words)
        return begun

    @staticmethod
    def is_second(request: Request) -> bool:
        """Return whether a request is a presigned URL of S3 in version 2."""
        return all(request.args.get(name) for name in _SECOND)

    def second(self, request: Request) -> str:
        """Verify a presigned URL of S3 in version 2, and return its access key. Raises AwsError, as S3 words it."""
        key, signature, expires = (str(request.args[name]) for name in _SECOND)
        words, headers = Mistrust(request, "s3"), _headers(request)
        token = request.args.get("x-amz-security-token") or next(iter(headers.get("x-amz-security-token", ())), None)
        issued = self._issued(key, token, words)
        if not expires.isdecimal() or self.now() > int(expires):
            raise words.lapsed("Request has expired")
        path, query = _target(request)
        # Some clients sign a bucket with a slash at the end, and request it without.
        for signed in (path, f"{path}/") if path.count("/") == 1 else (path,):
            expected = sigv4.second(issued.secret, sigv4.Message(str(request.method), signed, query, headers), expires)
            if expected is not None and sigv4.same(expected, signature):
                return key
        raise words.mismatch()

    def _issued(self, key: str, token: str | None, words: Mistrust) -> IssuedKey:
        issued = self.keys.find(key)
        if issued is None or (issued.token is not None and token is None):
            raise words.unknown()
        if token is not None and (issued.token is None or not sigv4.same(token, issued.token)):
            raise words.wrong_token()
        if issued.expires_at is not None and self.now() >= issued.expires_at:
            raise words.expired()
        return issued

    def finish(self, request: Request, service: str, begun: Signed, body: bytes) -> None:
        """Verify the body, as it arrived. Raises AwsError."""
        words, payload = Mistrust(request, service), begun.payload
        if payload == _BODYS_OWN:
            _check(request, begun, hashlib.sha256(body).hexdigest(), words)
        elif payload in (sigv4.STREAMING, sigv4.STREAMING_TRAILER):
            claim = begun.claim
            length = next(iter(begun.headers.get("x-amz-decoded-content-length", ())), "")
            try:
                sigv4.check_chunks(
                    body, begun.key, claim.signature, claim.stamp, claim.scope,
                    trailer=payload == sigv4.STREAMING_TRAILER, length=int(length) if length.isdecimal() else None,
                )  # fmt: skip
            except sigv4.BrokenChunks as error:
                raise words.mismatch() from error
        elif (
            payload is not None
            and _HASH.fullmatch(payload)
            and not sigv4.same(hashlib.sha256(body).hexdigest(), payload)
        ):
            raise words.other_body()

    def _check_time(self, claim: Claim, words: Mistrust) -> None:
        now = datetime.fromtimestamp(self.now() - self.skew(), UTC)
        if claim.expires is not None and words.s3:
            if claim.at - now > _SKEW:
                raise words.lapsed("Request is not yet valid")
            if now > claim.at + timedelta(seconds=claim.expires):
                raise words.lapsed("Request has expired")
        else:
            lasting = max(_SKEW, timedelta(seconds=claim.expires or 0))
            if now - claim.at > lasting:
                edge = now - lasting
                minutes = int(lasting.total_seconds() // 60)
                raise words.skewed(
                    f"Signature expired: {_stamp(claim.at)} is now earlier than {_stamp(edge)} ({_stamp(now)} - "
                    f"{minutes} min.)"
                )
            if claim.at - now > _SKEW:
                raise words.skewed(
                    f"Signature not yet current: {_stamp(claim.at)} is still later than {_stamp(now + _SKEW)} "
                    f"({_stamp(now)} + 15 min.)"
                )
        if claim.scope.date != _stamp(claim.at)[:8]:
            raise words.mismatch(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{claim.scope.date}' != '{claim.at:%Y%m%d}', from '{_stamp(claim.at)}'."
            )


# Our own word for a body that has to be read before its hash, and with it the signature, is known.
_BODYS_OWN = "the body's own"


def _check(request: Request, begun: Signed, payload: str, words: Mistrust) -> None:
    claim = begun.claim
    path, query = _target(request)
    message = sigv4.Message(str(request.method), path, query, begun.headers)
    canonical = sigv4.canonical_request(message, claim.signed, payload, claim.scope.service)
    if not sigv4.same(
        sigv4.sign(begun.key, sigv4.string_to_sign(canonical, claim.stamp, claim.scope)), claim.signature
    ):
        raise words.mismatch()


def _target(request: Request) -> tuple[str, str]:
    """Return a request's path and query as they arrived."""
    uri = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "/")
    path, _, query = uri.partition("?")
    if not path.startswith("/"):
        # A whole URL, as for a proxy: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
        path = f"/{path.partition('://')[2].partition('/')[2]}"
    return path, query


def _headers(request: Request) -> dict[str, list[str]]:
    """Return a request's headers as they arrived, by lower-case name."""
    raw: dict[str, list[str]] | None = request.environ.get(RAW_HEADERS)
    if raw is not None:
        return raw
    values: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        values.setdefault(name.lower(), []).append(str(value))
    return values


def _payload(request: Request, headers: Mapping[str, Sequence[str]], claim: Claim, words: Mistrust) -> str | None:
    """Return the hash that the body must have, or the word that replaces it; None if it is not signed."""
    declared = next(iter(headers.get("x-amz-content-sha256", ())), None)
    if claim.expires is not None:
        declared = request.args.get("X-Amz-Content-Sha256") or declared
        if words.s3:
            return None if declared in (None, sigv4.UNSIGNED) else declared
    elif words.s3 and declared is None:
        raise words.missing_hash()
    if declared is None:
        return _BODYS_OWN
    if declared == sigv4.UNSIGNED:
        return None
    if not _HASH.fullmatch(declared) and declared not in (
        sigv4.STREAMING,
        sigv4.STREAMING_TRAILER,
        sigv4.UNSIGNED_TRAILER,
    ):
        raise words.wrong_hash()
    return declared


def _claim(request: Request, headers: Mapping[str, Sequence[str]], words: Mistrust) -> Claim:
    """Parse a request's signature. Raises AwsError if it lacks a part."""
    authorization = next(iter(headers.get("authorization", ())), "")
    if authorization.startswith("AWS4-"):
        if "X-Amz-Algorithm" in request.args:
            raise words.two_signatures()
        return _in_header(authorization, headers, words)
    return _in_query(request, words)


def _in_header(authorization: str, headers: Mapping[str, Sequence[str]], words: Mistrust) -> Claim:
    parts = {str(name): str(value) for name, value in _PARTS.findall(authorization)}
    stamp = next(iter(headers.get("x-amz-date", ())), "") or next(iter(headers.get("date", ())), "")
    needed = ("Credential", "Signature", "SignedHeaders")
    lacking = [f"Authorization header requires '{name}' parameter." for name in needed if name not in parts]
    if not stamp:
        lacking.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacking:
        raise words.incomplete(f"{' '.join(lacking)} Authorization={authorization}")
    if authorization.split(None, 1)[0] != sigv4.ALGORITHM:
        raise words.incomplete(f"Unsupported AWS 'algorithm': '{authorization.split(None, 1)[0]}'.")
    token = next(iter(headers.get("x-amz-security-token", ())), None)
    return _made(parts["Credential"], parts["SignedHeaders"], parts["Signature"], stamp, token, None, words)


def _in_query(request: Request, words: Mistrust) -> Claim:
    args = request.args
    needed = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
    lacking = [name for name in needed if not args.get(name)]
    if words.s3 and (lacking or "X-Amz-Expires" not in args):
        raise words.incomplete(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, "
            "X-Amz-SignedHeaders, and X-Amz-Expires parameters.", query=True,
        )  # fmt: skip
    if lacking:
        sentences = [f"AWS query-string parameters must include '{name}'." for name in lacking]
        raise words.incomplete(f"{' '.join(sentences)} Re-examine the query-string parameters.", query=True)
    if args["X-Amz-Algorithm"] != sigv4.ALGORITHM:
        raise words.incomplete(f"Unsupported AWS 'algorithm': '{args['X-Amz-Algorithm']}'.", query=True)
    text = args.get("X-Amz-Expires", "0")
    if not text.lstrip("-").isdecimal():
        raise words.incomplete("X-Amz-Expires should be a number", query=True)
    expires = int(text)
    if expires < 0:
        raise words.incomplete("X-Amz-Expires must be non-negative", query=True)
    if expires > _WEEK:
        raise words.incomplete(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            "604800 seconds",
            query=True,
        )
    # Services may accept the token beside the query, which then is not signed.
    token = args.get("X-Amz-Security-Token") or request.headers.get("X-Amz-Security-Token")
    return _made(
        args["X-Amz-Credential"], args["X-Amz-SignedHeaders"], args["X-Amz-Signature"], args["X-Amz-Date"], token, expires, words
    )  # fmt: skip


def _made(
    credential: str, signed: str, signature: str, stamp: str, token: str | None, expires: int | None, words: Mistrust
) -> Claim:
    query = expires is not None
    scope = _scope(credential)
    if scope is None:
        raise words.incomplete(
            f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"'{credential}'",
            query=query,
        )
    at = _time(stamp)
    if at is None:
        raise words.incomplete(f"Date must be in ISO-8601 'basic format'. Got '{stamp}'.", query=query)
    names = tuple(signed.split(";"))
    if not _is_canonical(names):
        raise words.mismatch()
    if "host" not in names:
        raise words.unsigned_header("host")
    return Claim(*scope, names, signature, _stamp(at), at, token, expires)


@functools.lru_cache(maxsize=1024)
def _scope(credential: str) -> tuple[str, sigv4.Scope] | None:
    """Return the key and the scope of a credential; None if it has not its five parts."""
    match = _SCOPE.fullmatch(credential)
    return None if match is None else (match[1], sigv4.Scope(match[2], match[3], match[4]))


@functools.lru_cache(maxsize=1024)
def _is_canonical(names: tuple[str, ...]) -> bool:
    """Return whether names of signed headers have the one order and the one case of the canonical form."""
    return list(names) == sorted({name.lower() for name in names})


@functools.lru_cache(maxsize=1024)
def _time(text: str) -> datetime | None:
    try:
        if _STAMP.fullmatch(text):
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


@functools.lru_cache(maxsize=1024)
def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}"
