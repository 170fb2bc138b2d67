"""Requests to the gateway: every operation, in every protocol, damaged. None may end in a failure of ours.

A 5xx is right only as the 501 that names service and operation: one that is not implemented, or on which the substrate failed.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import socket
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from moto.core.request import Request
from tests.fuzz.inputs import bounded, campaign, damaged, damaged_text, mutated, text
from tests.unit.emulator.asking import least, model, written
from werkzeug.wrappers import Response

from pushproof.emulator.services import PLANE
from pushproof.emulator.world import World

# Services in CBOR, which are JSON to everything behind the wire.
_CBOR = ("codebuild", "cloudwatch")


@pytest.fixture
def world(errors: list[str]) -> Iterator[World]:  # noqa: ARG001 (it listens before the world opens)
    with World.virtual() as opened:
        yield opened


@functools.cache
def operations() -> list[tuple[str, str]]:
    """Return every operation of the services that the plane has, implemented or not."""
    return [(service, name) for service in PLANE for name in model(service).operation_names]


@functools.cache
def plain(service: str, operation: str) -> Any:
    """Return a least request, as JSON."""
    body = least(model(service).operation_model(operation).input_shape)
    return json.loads(json.dumps(body, default=lambda blob: blob.decode()))


def a_request(random: Random) -> tuple[Request, str, str]:
    """Return a damaged request, with its service and operation."""
    service, operation = random.choice(operations())
    described = model(service)
    body = mutated(random, plain(service, operation)) if random.random() < 0.8 else plain(service, operation)
    spoken = described.resolved_protocol
    headers = {"Host": "127.0.0.1"}
    method, path, data = "POST", "/", b""
    if spoken == "json" or service in _CBOR:
        data = json.dumps(body).encode()
        headers["X-Amz-Target"] = f"{described.metadata.get('targetPrefix', described.service_name)}.{operation}"
        headers["Content-Type"] = f"application/x-amz-json-{described.metadata.get('jsonVersion', '1.1')}"
        if random.random() < 0.1:
            headers["smithy-protocol"] = "rpc-v2-cbor"
            path = f"/service/{described.service_name}/operation/{operation}"
            data = random.choice((b"\xa0", b"\xbf\xff", b"\xa1\x61a\x01", b"\x9f" * 500, b"\xc1\xfb" + b"\x7f" * 8))
    elif spoken in ("query", "ec2"):
        form = {"Action": operation, "Version": described.api_version, **flat(body)}
        data = urlencode(form, errors="surrogatepass").encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    else:
        least_request = _least(service, operation)
        method = least_request.method
        path = least_request.full_path.rstrip("?")
        data = least_request.get_data()
        if random.random() < 0.5:
            path = "/" + quote(damaged_text(random, path[1:]).encode("utf-8", "surrogatepass"), safe="/?=&%-._~")
        if method in ("PUT", "POST") and random.random() < 0.6:
            data = damaged(random, data or b'<?xml version="1.0"?><A xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
    if random.random() < 0.15:
        data = damaged(random, data)
    if random.random() < 0.1:
        headers[random.choice(("Content-Encoding", "Content-Type", "X-Amz-Target", "Range", "x-amz-copy-source"))] = (
            text(random).encode("ascii", "ignore").decode().replace("\r", "").replace("\n", "")[:500]
        )
    name = described.signing_name
    scope = f"AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/{name}/aws4_request, SignedHeaders=host, Signature=x"
    headers["Authorization"] = scope if random.random() < 0.97 else damaged_text(random, scope).replace("\n", "")
    return _request(method, path, headers, data), service, operation


def _request(method: str, path: str, headers: dict[str, str], data: bytes) -> Request:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.partition("?")[0],
        "RAW_URI": path,
        "REQUEST_URI": path,
        "QUERY_STRING": path.partition("?")[2],
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(data),
        "CONTENT_LENGTH": str(len(data)),
        **{
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items() if name != "Content-Type"
        },
    }
    if "Content-Type" in headers:
        environ["CONTENT_TYPE"] = headers["Content-Type"]
    return Request(environ)


@functools.cache
def _least(service: str, operation: str) -> Request:
    return written(service, operation, least(model(service).operation_model(operation).input_shape))


def flat(content: Any, prefix: str = "") -> dict[str, str]:
    """Return a JSON value as parameters of a form."""
    if isinstance(content, dict):
        pairs = [(str(name), member) for name, member in content.items()]
    elif isinstance(content, list):
        pairs = [(f"member.{index}", member) for index, member in enumerate(content, 1)]
    else:
        return {prefix: json.dumps(content) if not isinstance(content, str) else content}
    out: dict[str, str] = {}
    for name, member in pairs:
        out |= flat(member, f"{prefix}.{name}" if prefix else name)
    return out


def is_named(response: Response) -> bool:
    """Return whether an answer is no failure, or the 501 that names an operation: not implemented, or failed in the substrate."""
    if response.status_code < 500:
        return True
    words = response.get_data().decode(errors="replace")
    lacking = "does not implement the operation" in words
    return response.status_code == 501 and (lacking or "The substrate (moto) failed inside on " in words)


def test_calls(world: World, errors: list[str]) -> None:
    """No call is a fault of ours, whatever its parameters."""

    @campaign
    def run(random: Random) -> None:
        request, service, operation = a_request(random)
        with bounded((service, operation, request.get_data()[:2000])):
            response = world.gateway.handle(request)
            assert is_named(response), response.get_data()[:2000]
        assert errors == []

    run()


_WIRE = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters\r\n"
    b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 2\r\n\r\n{}",
    b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"GET /_pushproof/health HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example.com\r\n\r\n",
    b"GET /v2/a/b/manifests/latest HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic QVdTOng=\r\nRange: bytes=0-1\r\n\r\n",
    b"POST /_git/o/n.git/git-receive-pack HTTP/1.0\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    b"GET http://127.0.0.1/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20260101%2Feu-west-1%2Fs3%2Faws4_request"
    b"&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
)


def test_bytes_on_the_wire(world: World, errors: list[str]) -> None:
    """Bytes get an answer with a status line, which is no failure of ours, or none if there are none; strangers included."""
    world.serve()

    @campaign
    def run(random: Random) -> None:
        sent = damaged(random, random.choice(_WIRE))[:60_000]
        with bounded(sent):
            answer = spoken(world.port, sent)
        if sent:
            status = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
            assert status is not None, answer[:200]
            # 505 is the name of what happened: the bytes begin as a version of HTTP that is not spoken.
            assert int(status[1]) < 500 or status[1] == b"505", answer[:2000]
        assert errors == []

    run()


def spoken(port: int, sent: bytes) -> bytes:
    """Return what the server answers to bytes, after which the client sends no more."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, contextlib.suppress(ConnectionError):
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            answer += piece
    return answer
