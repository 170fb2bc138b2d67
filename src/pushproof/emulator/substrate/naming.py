"""Names for requests that nothing here answers: the service and the operation, read from AWS's own models.

Reading costs a second the first time and happens only on the way to an error.
"""

from __future__ import annotations

import functools
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import botocore
from moto.core.request import Request

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import route, signature_of

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_METADATA = re.compile(r'"metadata"\s*:\s*\{(.*?)\n  \}', re.DOTALL)
_TEXT_MEMBER = re.compile(r'"(\w+)"\s*:\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Named:
    """A service and an operation as botocore names them; as the request does, where botocore knows neither."""

    service: str
    operation: str

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"


def name_of(request: Request) -> Named:
    """The service and the operation that a request asks for."""
    signed = _signing_name(request)
    candidates = services_signed_as(signed) or ((signed,) if signed else ())
    for service in candidates:
        try:
            operation, _, _ = route(service, request)
        except AwsError:
            continue
        return Named(service, str(operation.name))
    service = candidates[0] if candidates else "an unnamed service"
    return Named(service, _words_of(request))


@functools.cache
def services_signed_as(signing_name: str) -> tuple[str, ...]:
    """The botocore services whose requests are signed with this name: `access-analyzer` is `accessanalyzer`, `es` are two."""
    return tuple(sorted(_by_signing_name().get(signing_name, ())))


def _signing_name(request: Request) -> str:
    text = request.headers.get("Authorization", "") or f"Credential={request.args.get('X-Amz-Credential', '')}"
    match = _SCOPE.search(text)
    if match is not None:
        return match[1]
    signature = signature_of(request)
    return signature.service if signature else ""


def _words_of(request: Request) -> str:
    target = request.headers.get("X-Amz-Target", "")
    if target:
        return target.rpartition(".")[2]
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return request.path.rpartition("/")[2]
    action = request.args.get("Action") or request.values.get("Action")
    return action or f"{request.method} {request.path}"


def endpoint_prefixes() -> frozenset[str]:
    """The first labels of AWS's endpoints, `ecs` of `ecs.eu-west-1.amazonaws.com`."""
    return frozenset(metadata["endpointPrefix"] for _, metadata in _metadata())


@functools.cache
def _by_signing_name() -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for service, metadata in _metadata():
        names.setdefault(metadata.get("signingName") or metadata["endpointPrefix"], set()).add(service)
    return names


@functools.cache
def _metadata() -> tuple[tuple[str, dict[str, str]], ...]:
    """The metadata of every service that botocore has a model of."""
    found = []
    for folder in (Path(botocore.__file__).parent / "data").iterdir():
        versions = sorted(folder.glob("*/service-2.json.gz"))
        if not versions:
            continue
        # The metadata are at the top of a text that may have a million lines.
        with gzip.open(versions[-1], "rt", encoding="utf-8") as text:
            match = _METADATA.search(text.read(8000))
        if match is not None:
            found.append((folder.name, dict(_TEXT_MEMBER.findall(match[1]))))
    return tuple(found)
