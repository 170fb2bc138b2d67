"""Signature Version 4: what a request's signature is made of.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (paths of S3),
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html (bodies in signed chunks).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()

_PLAIN = "-_.~"
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Scope:
    """The scope of a signature: the day, region and service that its key was made for."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it was on the wire: path and query percent-encoded, headers by lower-case name."""

    method: str
    path: str
    query: str
    headers: Mapping[str, Sequence[str]]


def canonical_request(message: Message, signed: Iterable[str], payload: str, service: str) -> bytes:
    """Return the canonical form of a request. `payload` is the hash of its body, or the word that stands for one."""
    lines = [message.method, _path(message.path, service), _query(message.query)]
    names = list(signed)
    for name in names:
        values = ",".join(" ".join(value.split()) for value in message.headers.get(name, ()))
        lines.append(f"{name}:{values}")
    lines += ["", ";".join(names), payload]
    # Headers hold bytes, which HTTP reads as Latin-1.
    return "\n".join(lines).encode("latin-1", "replace")


def string_to_sign(canonical: bytes, time: str, scope: Scope) -> str:
    """Return the text that a request's signature is made of; `time` as `X-Amz-Date` has it."""
    return f"{ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"


@functools.lru_cache(maxsize=1024)
def signing_key(secret: str, scope: Scope) -> bytes:
    """Return the key that a secret gives for a scope."""
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(key: bytes, text: str) -> str:
    """Return the signature of a text."""
    return hmac.digest(key, text.encode("utf-8", "replace"), "sha256").hex()


def same(first: str, second: str) -> bool:
    """Compare two signatures in a time that tells nothing about where they differ."""
    return hmac.compare_digest(first.encode("utf-8", "replace"), second.encode("utf-8", "replace"))


class BrokenChunks(ValueError):
    """A body that is not in chunks, or whose chunks are not signed one after the other."""


def check_chunks(
    body: bytes, key: bytes, seed: str, time: str, scope: Scope, *, trailer: bool, length: int | None
) -> None:
    """Check a body in signed chunks: each signature covers the one before it, the first one the request's own (`seed`).

    `length` is how long the content is said to be. Raises BrokenChunks.
    """
    before, total = seed, 0
    for data, signature, rest in _chunks(body):
        hashed = hashlib.sha256(data).hexdigest()
        expected = sign(key, f"AWS4-HMAC-SHA256-PAYLOAD\n{time}\n{scope}\n{before}\n{EMPTY}\n{hashed}")
        if not same(expected, signature):
            raise BrokenChunks("the signature of a chunk does not match")
        before, total = signature, total + len(data)
        if rest is not None and trailer:
            _check_trailer(rest, key, before, time, scope)
    if length is not None and total != length:
        raise BrokenChunks("the content is not as long as it is said to be")


def _chunks(body: bytes) -> Iterator[tuple[bytes, str, bytes | None]]:
    """Yield each chunk with its signature, the last (empty) one with what follows it."""
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        match = _SIZE.fullmatch(body[at:end]) if end >= 0 else None
        if match is None:
            raise BrokenChunks("a chunk has no size and signature")
        size = int(match[1], 16)
        start, after = end + 2, end + 2 + size
        if not size:
            yield b"", match[2].decode(), body[start:]
            return
        if body[after : after + 2] != b"\r\n":
            raise BrokenChunks("a chunk is not as long as it says")
        yield body[start:after], match[2].decode(), None
        at = after + 2


def _check_trailer(rest: bytes, key: bytes, before: str, time: str, scope: Scope) -> None:
    fields: list[str] = []
    signature = ""
    for line in re.split(r"\r?\n", rest.decode("latin-1")):
        name, colon, value = line.partition(":")
        if name.lower() == "x-amz-trailer-signature":
            signature = value.strip()
        elif colon:
            fields.append(f"{name.lower().strip()}:{value.strip()}\n")
    hashed = hashlib.sha256("".join(sorted(fields)).encode("latin-1")).hexdigest()
    if not same(sign(key, f"AWS4-HMAC-SHA256-TRAILER\n{time}\n{scope}\n{before}\n{hashed}"), signature):
        raise BrokenChunks("the signature of the trailer does not match")


# What S3's second version signs of a query, and what may stand beside it: an option of a listing names no other operation.
_OF_INTEREST = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location", "logging",
        "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment", "response-cache-control",
        "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type",
        "response-expires", "restore", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads",
        "versionId", "versioning", "versions", "website",
    }
)  # fmt: skip
_BESIDE = frozenset(
    {
        "AWSAccessKeyId", "Signature", "Expires", "content-md5", "content-type", "continuation-token", "delimiter", "encoding-type",
        "fetch-owner", "key-marker", "list-type", "marker", "max-keys", "max-uploads", "prefix", "start-after", "upload-id-marker",
        "version-id-marker", "x-id",
    }
)  # fmt: skip


def second(secret: str, message: Message, expires: str) -> str | None:
    """Return the signature of a presigned URL in S3's second version, which SDKs still make for some endpoints.

    None where the query says something that no such signature covers.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
    """
    query = [
        (_decoded(name), _decoded(value), "=" in part)
        for part in message.query.split("&")
        for name, _, value in [part.partition("=")]
    ]
    parameters = {name: value for name, value, _ in query}
    if any(name not in _OF_INTEREST | _BESIDE and not name.lower().startswith("x-amz-") for name in parameters if name):
        return None
    headers = {name: ",".join(values) for name, values in message.headers.items()}
    amz = {
        name.lower(): value for name, value in {**headers, **parameters}.items() if name.lower().startswith("x-amz-")
    }
    resource = message.path
    signed = sorted(f"{name}={value}" if valued else name for name, value, valued in query if name in _OF_INTEREST)
    if signed:
        resource += f"?{'&'.join(signed)}"
    kinds = [parameters.get(name) or headers.get(name, "") for name in ("content-md5", "content-type")]
    lines = [message.method, *kinds, expires, *(f"{name}:{amz[name].strip()}" for name in sorted(amz)), resource]
    return base64.b64encode(hmac.digest(secret.encode(), "\n".join(lines).encode("utf-8", "replace"), "sha1")).decode()


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", "%20")).decode("utf-8", "replace")


@functools.lru_cache(maxsize=1024)
def _path(path: str, service: str) -> str:
    """Write a path as it is signed: S3's as it is, every other's normalised and encoded once more."""
    if service == "s3":
        return quote(unquote_to_bytes(path), safe=f"/{_PLAIN}") or "/"
    # Leading slashes count as one; a slash at the end stays.
    normal = posixpath.normpath(f"/{path.lstrip('/')}")
    if path.endswith("/") and normal != "/":
        normal += "/"
    return quote(normal, safe=f"/{_PLAIN}")


def _query(query: str) -> str:
    """Write a query as it is signed: sorted, without the signature itself, every value encoded alike."""
    if not query:
        return ""
    pairs = []
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        encoded = _encoded(name)
        if encoded != "X-Amz-Signature":
            pairs.append((encoded, _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", "%20")), safe=_PLAIN)
