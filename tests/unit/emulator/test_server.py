"""The gateway's HTTP server: how answers go over the wire."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator

import pytest
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.wire.server import Server

LONG = json.dumps({"environment": [{"name": f"SETTING_{n}", "value": f"the value of setting {n}"} for n in range(280)]})


def answer(request: Request) -> Response:
    if request.path == "/echo":
        return Response(request.get_data())
    response = Response(LONG if request.path != "/short" else "{}", content_type="application/x-amz-json-1.1")
    if request.path == "/object":
        response.headers["ETag"] = '"abc"'
    return response


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = Server(answer)
    yield server.start()
    server.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def ask(port: int, path: str, *headers: str) -> tuple[str, bytes, bytes]:
    """Headers, the body's part that came with them, and the whole body."""
    with connect(port) as client:
        lines = [f"POST {path} HTTP/1.1", "Host: gateway", "Content-Length: 0", "Connection: close", *headers, "", ""]
        client.sendall("\r\n".join(lines).encode())
        first = client.recv(1 << 20)
        whole = first
        while more := client.recv(1 << 20):
            whole += more
    head, _, body = whole.partition(b"\r\n\r\n")
    return head.decode().lower(), first.partition(b"\r\n\r\n")[2], body


@pytest.mark.parametrize("path", ["/short", "/long"])
def test_an_answer_comes_in_one_piece(port: int, path: str) -> None:
    """Headers and body arrive together, every time: Go's AWS SDK repeats calls whose body comes later."""
    for _ in range(40):
        _, with_headers, body = ask(port, path)
        assert with_headers == body


def test_a_long_answer_fits_what_go_reads_at_once(port: int) -> None:
    """Compressed for a client that takes gzip, in one piece of less than 4,096 bytes; as it is for any other."""
    head, _, body = ask(port, "/long", "Accept-Encoding: gzip")
    assert "content-encoding: gzip" in head
    assert len(LONG) > 16_000
    assert len(head) + len(body) < 4096
    assert gzip.decompress(body).decode() == LONG
    head, _, body = ask(port, "/long", "Accept-Encoding: identity")
    assert "content-encoding" not in head
    assert body.decode() == LONG


@pytest.mark.parametrize("path", ["/short", "/object"])
def test_what_is_short_or_stored_is_sent_as_it_is(port: int, path: str) -> None:
    """Compression is for long answers of APIs, never for an object in a bucket."""
    head, _, body = ask(port, path, "Accept-Encoding: gzip")
    assert "content-encoding" not in head
    assert body.decode() in ("{}", LONG)


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(port: int) -> None:
    """`Expect: 100-continue` is answered before the body is sent."""
    with connect(port) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        rest = b""
        while more := client.recv(4096):
            rest += more
    assert rest.endswith(b"\r\n\r\nhello")
