"""Requests that are no requests: what the gateway's server answers to bytes it cannot read.

Sources: RFC 9112 (https://www.rfc-editor.org/rfc/rfc9112), sections 2.2, 3, 6 and 7.1.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.wire.server import Server

CHUNKED = b"POST /echo HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(request: Request) -> Response:
    if request.path == "/unread":
        return Response("not read")
    if request.path == "/fails":
        raise KeyError("inside")
    if request.path == "/unicode":
        return Response("x", headers={"x-amzn-ErrorMessage": "na\u00efve \u2013 \U0001f600"})
    return Response(request.get_data())


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = Server(answer)
    yield server.start()
    server.close()


def tell(port: int, sent: bytes, *, last: bool = False) -> bytes:
    """Send bytes, and read until the server ends the connection. `last`: send no more; otherwise leave that open."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        if last:
            client.shutdown(socket.SHUT_WR)
        read = b""
        while more := client.recv(65536):
            read += more
    return read


def status_of(read: bytes) -> int:
    line = read.partition(b"\r\n")[0]
    assert line.startswith(b"HTTP/1.1 "), read[:100]
    return int(line.split()[1])


MALFORMED = {
    "a TLS hello": (b"\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03aaaa\n", 400),
    "a TLS hello without a line end": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "an SSH greeting's line": (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    "an empty line first": (b"\r\n\r\n", 400),
    "a null byte": (b"\x00" * 20, 400),
    "HTTP/0.9": (b"GET /\r\n", 400),
    "a version that is none": (b"GET / HTTP/x\r\n\r\n", 400),
    "HTTP/2 by prior knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "four words": (b"GET / / HTTP/1.1\r\n\r\n", 400),
    "a target that is no path": (b"GET echo HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    "a target that is no URL": (b"GET http://[::1/ HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    "a long request line": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: g\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: g\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", 431),
    "a header without a colon": (b"GET /echo HTTP/1.1\r\nHost: g\r\nnonsense\r\n\r\n", 400),
    "a blank before the colon": (b"GET /echo HTTP/1.1\r\nHost : g\r\nContent-Length: 0\r\n\r\n", 400),
    "a length that is no number": (b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: abc\r\n\r\n", 400),
    "a negative length": (b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: -1\r\n\r\n", 400),
    "a signed length": (b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: +1\r\n\r\na", 400),
    "an empty length": (b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length:\r\n\r\n", 400),
    "two lengths": (b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    # RFC 9112, section 6.3: a recipient may take one of equal values, or refuse the list.
    "a list of lengths": (b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 5, 5\r\n\r\nabcde", 400),
    "a line end without a carriage return": (b"GET / HTTP/1.1\nHost: g\n\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nHost: g\r\nX: a\r\n b\r\n\r\n", 400),
    "a control character in a header": (b"GET / HTTP/1.1\r\nHost: g\r\nX: a\x01\r\n\r\n", 400),
    "a method that is none": (b"FETCH / HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    "a tunnel": (b"CONNECT g:443 HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    "HTTP/2 in words": (b"GET / HTTP/2.0\r\nHost: g\r\n\r\n", 505),
    "a length beyond all measure": (
        b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 1" + b"0" * 17 + b"\r\n\r\n",
        413,
    ),
    "a length of forty digits": (b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n", 400),
    "a length and chunks": (
        b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "an unknown coding": (b"POST /echo HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    "chunks inside a coding": (
        b"POST /echo HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a chunk header that is no size": (CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk header that is signed": (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk header with a prefix": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk header with an underscore": (CHUNKED + b"1_0\r\nabc\r\n0\r\n\r\n", 400),
    "an empty chunk header": (CHUNKED + b"\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk longer than its size": (CHUNKED + b"2\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk size beyond all measure": (CHUNKED + b"f" * 16 + b"\r\nabc\r\n0\r\n\r\n", 413),
    "a chunk header without end": (CHUNKED + b"1" * 9000, 400),
    "trailers without end": (CHUNKED + b"0\r\n" + b"X: y\r\n" * 200 + b"\r\n", 400),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_no_request_is_refused_and_the_connection_closed(
    port: int, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A status line, whatever came; then the end of the connection; and not a word about it on the terminal."""
    sent, expected = MALFORMED[kind]
    assert status_of(tell(port, sent)) == expected
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "head",
    [
        b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\nabc",
        CHUNKED + b"a\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
    ],
)
def test_a_body_that_is_cut_off_is_refused(
    port: int, head: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that stops in the middle of its body gets a 400: its intention is unknown."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head)
        client.shutdown(socket.SHUT_WR)
        assert status_of(client.recv(65536)) == 400
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr().err == ""


def test_a_client_that_tries_tls_first_learns_that_this_is_http(port: int) -> None:
    """A real TLS client reads an answer that begins with HTTP/ in place of a handshake, as Docker's does before it falls back."""
    context = ssl.create_default_context()
    client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = context.wrap_bio(server, client, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    read = tell(port, client.read())
    assert read.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    server.write(read)
    with pytest.raises(ssl.SSLError):
        hello.do_handshake()


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        CHUNKED + b"3;name=value\r\nabc\r\n02 \r\nde\r\n0\r\nX-Trailer: y\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST http://g/echo HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nabcde",
    ],
)
def test_a_body_is_read_as_it_was_framed(port: int, sent: bytes) -> None:
    """Sizes, chunk extensions and trailers are understood."""
    read = tell(port, sent, last=True)
    assert status_of(read) == 200
    assert read.endswith(b"\r\n\r\nabcde")


def test_a_refused_expectation_is_not_encouraged(port: int) -> None:
    """A client that waits for a request for its body gets none when its headers are refused."""
    head = b"POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: -5\r\nExpect: 100-continue\r\n\r\n"
    assert status_of(tell(port, head)) == 400


def test_an_answer_arrives_though_its_request_was_not_read(port: int) -> None:
    """Megabytes of unread body do not reset the connection under the answer."""
    body = b"x" * 8_000_000
    read = tell(port, b"POST /unread HTTP/1.1\r\nHost: g\r\nContent-Length: 8000000\r\n\r\n" + body)
    assert read.endswith(b"not read")


def test_a_fault_inside_is_answered_with_what_no_sdk_repeats(port: int) -> None:
    """The client gets an answer to any exception, and one that it does not retry for minutes."""
    read = tell(port, b"GET /fails HTTP/1.1\r\nHost: g\r\n\r\n")
    assert status_of(read) == 501
    assert b"KeyError('inside')" in read


def test_headers_may_say_anything(port: int) -> None:
    """An answer whose header is not ASCII arrives all the same."""
    read = tell(port, b"GET /unicode HTTP/1.1\r\nHost: g\r\n\r\n", last=True)
    assert status_of(read) == 200
    assert "\U0001f600".encode() in read


def test_a_socket_is_free_again_when_the_server_has_closed() -> None:
    """The socket is free after a world has closed."""
    server = Server(answer)
    port = server.start()
    server.close()
    with socket.create_server(("127.0.0.1", port)) as again:
        assert again.getsockname()[1] == port


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_get_a_status_line(port: int, sent: bytes) -> None:
    """No bytes at all hang the server or are answered by something that is no HTTP."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        begun = time.monotonic()
        read = b""
        while more := client.recv(65536):
            read += more
    assert read.startswith(b"HTTP/1.1 ")
    assert time.monotonic() - begun < 5
