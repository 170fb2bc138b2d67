"""Errors for requests that match no operation of botocore, in the protocol of the request.

No SDK reads an error in another protocol: it would retry, or show "unable to parse response".
"""

from __future__ import annotations

import json
import re
from xml.sax.saxutils import escape

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import service_model

# https://www.w3.org/TR/xml/#charsets
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def plain_error(error: AwsError, request: Request, service: str, request_id: str) -> Response:
    """Return an error response that the sending SDK can read."""
    protocol = protocol_of(request, service)
    status, message = error.status or 400, _writable(error.message)
    if protocol == "cbor":
        body = b"\xa2" + b"".join(_cbor_text(text) for text in ("__type", error.code, "message", message))
        response = Response(body, status=status, content_type="application/cbor")
        response.headers["smithy-protocol"] = "rpc-v2-cbor"
    elif protocol == "json":
        text = json.dumps({"__type": error.code, "message": message})
        response = Response(text, status=status, content_type="application/x-amz-json-1.1")
        response.headers["x-amzn-ErrorType"] = error.code
    else:
        response = Response(_xml(protocol, error.code, message, request_id), status=status, content_type="text/xml")
    response.headers["x-amzn-RequestId"] = request_id
    return response


def protocol_of(request: Request, service: str) -> str:
    """Return `cbor`, `json`, `query`, `ec2`, `s3` or `xml`: from the request itself if possible, else from the service's model."""
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "cbor"
    if request.headers.get("X-Amz-Target"):
        return "json"
    try:
        model = service_model(service)
        spoken = {model.metadata["protocol"], *model.metadata.get("protocols", ())}
    except AwsError:
        spoken = set()
    form = "Action" in request.args or request.mimetype == "application/x-www-form-urlencoded"
    if form or spoken in ({"ec2"}, {"query"}):
        return "ec2" if "ec2" in spoken else "query"
    if "rest-xml" in spoken:
        return "s3" if service == "s3" else "xml"
    return "json"


def _writable(text: str) -> str:
    """Return a text that quotes what a caller sent with escapes for what neither UTF-8 nor XML 1.0 has."""
    text = _UNWRITABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return text.encode("utf-8", "backslashreplace").decode()


def _xml(protocol: str, code: str, message: str, request_id: str) -> str:
    code, message = escape(code), escape(message)
    if protocol == "ec2":
        inner = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        return f"<Response>{inner}<RequestID>{request_id}</RequestID></Response>"
    if protocol == "s3":
        return f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"


def _cbor_text(text: str) -> bytes:
    """Write text as RFC 8949 specifies: major type 3, its length, its bytes."""
    data = text.encode()
    size = len(data)
    if size < 24:
        return bytes([0x60 + size]) + data
    if size < 256:
        return bytes([0x78, size]) + data
    return b"\x79" + size.to_bytes(2, "big") + data[:65535]
