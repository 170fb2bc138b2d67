"""Connections to the gateway's server: several requests on one, their end, and a server that is closed or started again.

Sources: RFC 9112, section 9 (https://www.rfc-editor.org/rfc/rfc9112#section-9).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.settings import LimitSettings
from pushproof.emulator.wire.server import Server

ASK = b"GET /one HTTP/1.1\r\nHost: g\r\n\r\n"
LEFT: list[int] = []


def answer(request: Request) -> Response:
    if request.path == "/pieces":
        return Response(iter([b"a" * 3, b"", b"b" * 4]))
    if request.path == "/short":
        return Response(iter([b"abc"]), headers={"Content-Length": "10"})
    if request.path == "/unread":
        return Response("not read")
    if request.path == "/big":
        LEFT.append(0)
        while piece := request.stream.read(1 << 20):
            LEFT[-1] = max(LEFT[-1], len(piece))
        return Response("read")
    return Response(request.path.encode() + request.get_data())


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server(answer, LimitSettings(connections=3))
    opened.start()
    yield opened
    opened.close()


class Client:
    """A client with one connection."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.sock.makefile("rb")

    def ask(self, sent: bytes = ASK) -> tuple[int, dict[str, str], bytes]:
        self.sock.sendall(sent)
        return self.read(head=sent.startswith(b"HEAD"))

    def read(self, *, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        lines = iter(self.file.readline, b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in lines)}
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.file.readline(), 16):
                body += self.file.read(size)
                self.file.readline()
            self.file.readline()
        elif not head:
            body = self.file.read(int(headers["content-length"]))
        return status, headers, body

    def ended(self) -> bool:
        """Return whether the server has ended the connection; wait for it."""
        return self.file.read(1) == b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.sock.close()


def test_a_connection_serves_one_request_after_another(server: Server) -> None:
    """Bodies of a length and in chunks, answers of a length and in chunks, and HEAD: after each comes the next."""
    with Client(server.port) as client:
        for _ in range(3):
            assert client.ask()[2] == b"/one"
            assert client.ask(b"POST /two HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc")[2] == b"/twoabc"
            chunked = (
                b"POST /three HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"
            )
            assert client.ask(chunked)[2] == b"/threea"
            assert client.ask(b"GET /pieces HTTP/1.1\r\nHost: g\r\n\r\n")[2] == b"aaabbbb"
            assert client.ask(b"HEAD /one HTTP/1.1\r\nHost: g\r\n\r\n")[2] == b""
        assert "connection" not in client.ask()[1]


def test_requests_may_be_sent_ahead(server: Server) -> None:
    """A request that arrives with the one before it, or in parts, is answered in its turn."""
    with Client(server.port) as client:
        posted = b"POST /two HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc"
        client.sock.sendall(ASK + posted + ASK[:7])
        assert client.read()[2] == b"/one"
        assert client.read()[2] == b"/twoabc"
        client.sock.sendall(ASK[7:20])
        client.sock.sendall(ASK[20:])
        assert client.read()[2] == b"/one"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /one HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n",
        b"GET /one HTTP/1.1\r\nHost: g\r\nConnection: TE, Close\r\n\r\n",
        b"GET /one HTTP/1.0\r\n\r\n",
    ],
)
def test_a_client_that_wants_one_answer_gets_one(server: Server, sent: bytes) -> None:
    """`Connection: close`, and HTTP/1.0, end the connection after the answer, which says so."""
    with Client(server.port) as client:
        status, headers, body = client.ask(sent)
        assert (status, headers["connection"], body) == (200, "close", b"/one")
        assert client.ended()


def test_what_follows_an_unread_body_is_no_request(server: Server) -> None:
    """A body that nothing read may look like a request; it is dropped with the connection."""
    with Client(server.port) as client:
        status, headers, body = client.ask(
            b"POST /unread HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % len(ASK) + ASK
        )
        assert (status, headers["connection"], body) == (200, "close", b"not read")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.ended()


def test_an_answer_shorter_than_its_length_ends_the_connection(server: Server) -> None:
    """The client sees an answer that was cut off, and not the next answer as its rest."""
    with Client(server.port) as client:
        client.sock.sendall(b"GET /short HTTP/1.1\r\nHost: g\r\n\r\n" + ASK)
        assert client.file.read().endswith(b"\r\n\r\nabc")


def test_a_large_body_is_read_in_pieces(server: Server) -> None:
    """Layers of images are never in memory as a whole."""
    with Client(server.port) as client:
        head = b"PATCH /big HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (32 << 20)
        assert client.ask(head + bytes(32 << 20))[2] == b"read"
        assert 0 < LEFT[-1] <= 1 << 20


def test_a_waiting_connection_makes_room(server: Server) -> None:
    """The connection that has waited longest for another request ends at the bound; one without an answer yet does not."""
    with Client(server.port) as first, Client(server.port) as second, Client(server.port) as silent:
        for client in (second, first, second):
            assert client.ask()[0] == 200
            # The answer is here before its thread waits for the next request.
            time.sleep(0.2)
        with Client(server.port) as more:
            assert more.ask()[0] == 200
            assert first.ended()
            assert second.ask()[0] == silent.ask()[0] == more.ask()[0] == 200


def test_a_closed_server_answers_nobody(server: Server) -> None:
    """Connections that wait end with it, and its port is free."""
    port = server.port
    with Client(port) as client, Client(port) as silent:
        assert client.ask()[0] == 200
        time.sleep(0.2)
        server.close()
        assert client.ended()
        assert silent.ended()
    with pytest.raises(ConnectionRefusedError):
        Client(port)
    server.close()


def test_a_server_can_be_started_again(server: Server) -> None:
    """On the same port or another; twice at once is refused, and a port that is taken leaves nothing open."""
    with pytest.raises(RuntimeError):
        server.start()
    port = server.port
    server.close()
    assert server.start(port=port) == port
    with Client(port) as client:
        assert client.ask()[0] == 200
    other = Server(answer)
    with pytest.raises(OSError):
        other.start(port=port)
    assert other.start() != port
    other.close()
