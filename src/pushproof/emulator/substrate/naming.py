"""Names for requests that nothing here answers: the service and the operation, read from AWS's own models.

Reading takes a second the first time, and happens only on the way to an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from moto.core.request import Request

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import route, signature_of
from pushproof.emulator.kernel.signing import services_signed_as

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Named:
    """A service and an operation by botocore's names; by the request's own, if botocore has neither."""

    service: str
    operation: str

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"


def name_of(request: Request) -> Named:
    """Return the service and the operation of a request."""
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
