"""Smithy's RPC protocol in CBOR, which newer SDKs prefer where a service offers it: requests become JSON, answers CBOR again.

Everything between the two handles the JSON protocol of the same operation, the substrate included.
Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
import struct
from datetime import datetime
from typing import Any

from botocore.parsers import BaseCBORParser, ResponseParserError, create_parser
from botocore.serialize import RpcV2CBORSerializer
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.reading import unreadable_json

_PATH = re.compile(r".*/service/([A-Za-z0-9_.]+)/operation/([A-Za-z0-9_]+)")
_WRITER: Any = RpcV2CBORSerializer()


def is_spoken(request: Request) -> bool:
    """Return whether a request is written in this protocol."""
    return request.headers.get("smithy-protocol") == "rpc-v2-cbor"


def as_json(request: Request) -> Request:
    """Convert a request to the JSON protocol. Raises Unreadable if its body is no CBOR map."""
    match = _PATH.fullmatch(request.path)
    parsed = _read(request.get_data(cache=True))
    body = json.dumps(_plain(parsed)).encode()
    environ = {name: value for name, value in request.environ.items() if not name.startswith("werkzeug.")}
    environ.update(
        {
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/x-amz-json-1.1",
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "HTTP_X_AMZ_TARGET": f"{match[1]}.{match[2]}" if match else "",
        }
    )
    return Request(environ)


def as_cbor(response: Response, output_shape: Any) -> Response:
    """Convert an answer to CBOR; `output_shape` is its model, None for an error's."""
    body = response.get_data()
    if output_shape is not None and response.status_code < 400:
        answer = {"body": body, "headers": dict(response.headers), "status_code": response.status_code}
        parsed = create_parser("json").parse(answer, output_shape)
        parsed.pop("ResponseMetadata", None)
        written = bytearray()
        _WRITER._serialize_data_item(written, parsed, output_shape)
    else:
        try:
            written = _written(json.loads(body or b"{}"))
        except ValueError:
            written = _written({"__type": "UnknownError", "message": body.decode(errors="replace")})
    response.set_data(bytes(written))
    response.headers["Content-Type"] = "application/cbor"
    response.headers["smithy-protocol"] = "rpc-v2-cbor"
    return response


def _read(body: bytes) -> dict[Any, Any]:
    if not body:
        return {}
    parser = BaseCBORParser()
    stream = parser.get_peekable_stream_from_bytes(body)
    try:
        parsed = parser.parse_data_item(stream)
    except (
        ResponseParserError,
        ValueError,
        OverflowError,
        OSError,
        TypeError,
        # RecursionError, and moments that no calendar has.
        RuntimeError,
        MemoryError,
        struct.error,
    ) as error:
        raise unreadable_json() from error
    if not isinstance(parsed, dict) or stream.read(1):
        raise unreadable_json()
    return parsed


def _plain(value: Any) -> Any:
    """Convert a value to JSON's forms: bytes in Base64, moments as seconds."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _written(value: Any) -> bytearray:
    """Write a JSON value in CBOR."""
    written = bytearray()
    if isinstance(value, bool):
        _WRITER._serialize_type_boolean(written, value, None, None)
    elif isinstance(value, str):
        _WRITER._serialize_type_string(written, value, None, None)
    elif isinstance(value, int):
        _WRITER._serialize_type_integer(written, value, None, None)
    elif isinstance(value, float):
        _WRITER._serialize_type_double(written, value, None, None)
    elif isinstance(value, list | dict):
        kind = 0x9F if isinstance(value, list) else 0xBF
        written.append(kind)
        for item in value:
            written += _written(item)
            if isinstance(value, dict):
                written += _written(value[item])
        written.append(0xFF)
    else:
        written.append(0xF6)
    return written
