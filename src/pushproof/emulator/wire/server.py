"""The HTTP server under the gateway: a thread for each connection, on several addresses and one port.

It answers everything: bytes that are not HTTP get a status line too, since clients that try TLS first fall back to plain HTTP
only when an answer begins with one (https://pkg.go.dev/net/http: "server gave HTTP response to HTTPS client").
"""

from __future__ import annotations

import contextlib
import gzip
import http
import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate

from moto.core.request import Request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AnswerLost
from pushproof.emulator.kernel.settings import LimitSettings
from pushproof.emulator.wire.framing import Body, FramingError, body_of, check_target
from pushproof.emulator.wire.heads import Head, HeadParser, Refused

log = logging.getLogger(__name__)

Answer = Callable[[Request], Response]

# Go's AWS SDK, in versions before a fix in smithy-go, may close a connection as soon as an answer begins if its own last write has
# not returned by then. The part of the answer that it has not read is lost, and it repeats a call that was carried out: a second
# CreateRole is refused, a second DeleteCluster finds nothing. So an answer goes out in one piece, and a long one is
# compressed to what Go reads at once (4,096 bytes, headers included).
_READ_AT_ONCE = 3500
_API_TYPES = (
    "application/x-amz-json-1.0",
    "application/x-amz-json-1.1",
    "application/json",
    "text/xml",
    "application/xml",
)
_PIECE = 65536
# The seconds of silence after which a connection is given up. Clients give theirs up sooner: Go after 90, Java after 60.
_SILENCE = 600
# The seconds for which, and the bytes that, a client may send after its answer before its connection is reset.
_LAST_WORDS_SECONDS = 2.0
_LAST_WORDS = 64 * 1024 * 1024
# Possible first bytes of a method's name (RFC 9110: a token).
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Incoming:
    """The bytes that a connection brings. What was received beyond the end of one thing is the beginning of the next."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ahead = b""

    def ahead(self) -> bytes:
        """Take what was received ahead, without waiting."""
        ahead, self._ahead = self._ahead, b""
        return ahead

    def put_back(self, ahead: bytes) -> None:
        self._ahead = ahead

    def receive(self) -> bytes:
        """Return new bytes; none at the end."""
        return self._sock.recv(_PIECE)

    def read(self, size: int) -> bytes:
        if not self._ahead:
            return self._sock.recv(min(size, 16 * _PIECE))
        piece, self._ahead = self._ahead[:size], self._ahead[size:]
        return piece

    def readline(self, longest: int) -> bytes:
        while (end := self._ahead.find(b"\n", 0, longest)) < 0 and len(self._ahead) < longest:
            more = self._sock.recv(_PIECE)
            if not more:
                end = len(self._ahead)
                break
            self._ahead += more
        return self.read(longest if end < 0 else end + 1) if self._ahead else b""


@dataclass(slots=True, eq=False)
class _Opening:
    """The sockets and threads of a server between its start and its end."""

    listeners: list[socket.socket]
    #: Closing one end wakes all threads that wait for connections.
    stop: tuple[socket.socket, socket.socket]
    threads: list[threading.Thread] = field(default_factory=list)
    connections: set[_Connection] = field(default_factory=set)
    guard: threading.Lock = field(default_factory=threading.Lock)
    #: Whether answers are the last ones of their connections.
    closing: bool = False

    def add(self, connection: _Connection, most: int) -> bool:
        """Add a connection, in place of the one that has waited longest if there are too many. Return whether there is room."""
        with self.guard:
            if len(self.connections) >= most:
                idle = [(since, other) for other in self.connections if (since := other.idle_since) is not None]
                if not idle:
                    return False
                _, oldest = min(idle, key=lambda pair: pair[0])
                self.connections.discard(oldest)
                _end(oldest.sock)
            self.connections.add(connection)
            return True

    def discard(self, connection: _Connection) -> None:
        with self.guard:
            self.connections.discard(connection)


class _Connection:
    """Answers the requests of one connection, one after the other."""

    def __init__(self, sock: socket.socket, peer: tuple[str, int], server: Server, opening: _Opening) -> None:
        self.sock = sock
        #: Whether it waits for a request.
        self.waiting = False
        #: Since when it has waited for another request after its last answer; None if it has not.
        self.idle_since: float | None = None
        self._peer = peer
        self._own = sock.getsockname()
        self._server = server
        self._opening = opening
        self._incoming = _Incoming(sock)

    def run(self) -> None:
        try:
            while not self._opening.closing and self._answer_one():
                self.idle_since = time.monotonic()
        except OSError as error:
            # The client left, or stayed silent: an answer would reach no one.
            log.debug("a connection ended: %s", error)
        except Exception:
            log.exception("the server failed on a request of %s", self._peer)

    def _answer_one(self) -> bool:
        """Answer a request. Return whether another one may follow."""
        try:
            head = self._head()
            if head is None:
                return False
            body = self._body(head)
        except Refused as refused:
            self._refuse(refused.code, str(refused))
            return False
        except FramingError as error:
            self._refuse(error.code or 400, error.description or "")
            return False
        request = Request(self._environ(head, body))
        response, lasting = self._answer(request)
        try:
            # After a body that was not read to its end, its rest cannot be told from the next request.
            lasting = lasting and head.lasting and body.done and not self._opening.closing
            lasting = self._send(response, request, lasting)
        finally:
            response.close()
        if not body.done:
            self._hear_out()
        return lasting

    def _head(self) -> Head | None:
        self.waiting = True
        received: bytes | bytearray = self._incoming.ahead() or self._incoming.receive()
        self.waiting, self.idle_since = False, None
        if not received or self._opening.closing:
            return None
        if received[0] not in _TOKEN:
            # A line of it may never end: a TLS hello has no end of line.
            raise Refused(400, "this is no HTTP request")
        parser = HeadParser()
        while (end := parser.end_of(received)) is None:
            more = self._incoming.receive()
            if not more:
                raise Refused(400, "the connection ended within the headers")
            received = bytearray(received) if isinstance(received, bytes) else received
            received += more
        if end < len(received):
            self._incoming.put_back(bytes(received[end:]))
        return parser.head()

    def _body(self, head: Head) -> Body:
        check_target(head.target)
        limits = self._server.limits
        if head.size > limits.header_bytes:
            words = f"the headers have more than {limits.header_bytes} bytes (WorldSettings.limits.header_bytes)"
            raise Refused(431, words)
        body = body_of(head.headers, self._incoming, longest=limits.object_bytes)
        if head.expecting:
            # The client waits for this before it sends the rest of the request.
            self.sock.sendall(_CONTINUE)
        return body

    def _environ(self, head: Head, body: Body) -> dict[str, object]:
        environ = head.environ()
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = self._peer[:2]
        environ["SERVER_NAME"], environ["SERVER_PORT"] = self._own[0], str(self._own[1])
        environ["wsgi.url_scheme"] = "http"
        environ["wsgi.input"] = body
        environ["wsgi.input_terminated"] = True
        environ["werkzeug.socket"] = self.sock
        return environ

    def _answer(self, request: Request) -> tuple[Response, bool]:
        """Return the answer, and whether nothing failed."""
        try:
            return compressed(request, self._server.answer(request)), True
        except HTTPException as error:
            return Response(f"{error.code} {error.name}: {error.description}\n", status=error.code), True
        except AnswerLost:
            # Ends the connection.
            raise
        except Exception as error:
            log.exception("the gateway failed on %s %s", request.method, request.path)
            # Not 500: SDKs would repeat for minutes what cannot succeed.
            return Response(f"Pushproof failed inside: {error!r}\n", status=501), False

    def _send(self, response: Response, request: Request, lasting: bool) -> bool:
        """Send an answer. Return whether the client can tell where it ended, so that another may follow."""
        headers = response.get_wsgi_headers(request.environ)
        status = response.status_code
        lines = [f"HTTP/1.1 {response.status}"]
        lines += [f"{name}: {_latin(value)}" for name, value in headers]
        if "Date" not in headers:
            lines.append(f"Date: {self._server.date()}")
        bodiless = request.method == "HEAD" or status in (204, 304)
        framed = bodiless or "Content-Length" in headers
        chunked = not framed and request.environ["SERVER_PROTOCOL"] != "HTTP/1.0"
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        lasting = lasting and (framed or chunked)
        if not lasting:
            lines.append("Connection: close")
        head = "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
        if bodiless or response.is_sequence:
            body = b"" if bodiless else b"".join(response.iter_encoded())
            if chunked:
                body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
            self.sock.sendall(head + body)
            return lasting
        sent = 0
        for piece in response.get_app_iter(request.environ):
            if piece:
                sent += len(piece)
                framed_piece = b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
                # The head is in the same piece.
                self.sock.sendall(head + framed_piece if head else framed_piece)
                head = b""
        if chunked or head:
            self.sock.sendall(head + (b"0\r\n\r\n" if chunked else b""))
        # What is shorter than it was said to be ends with the connection.
        return lasting and (chunked or sent == int(headers["Content-Length"]))

    def _refuse(self, code: int, words: str) -> None:
        """Refuse what cannot be read as a request, always with a status line, and end the connection."""
        reason = http.HTTPStatus(code).phrase
        text = f"{code} {reason}: {words or reason}\n".encode("utf-8", "replace")
        head = f"HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
        self.sock.sendall(f"{head}Connection: close\r\n\r\n".encode() + text)
        self._hear_out()

    def _hear_out(self) -> None:
        """Read and drop what the client still sends after its answer: closing at once would destroy the answer."""
        self.sock.shutdown(socket.SHUT_WR)
        until, left = time.monotonic() + _LAST_WORDS_SECONDS, _LAST_WORDS
        while left > 0 and (rest := until - time.monotonic()) > 0:
            self.sock.settimeout(rest)
            piece = self.sock.recv(_PIECE)
            if not piece:
                return
            left -= len(piece)


def _latin(value: str) -> str:
    """Return a header's value as HTTP carries it: characters beyond ASCII as the bytes of their UTF-8."""
    return value if value.isascii() else value.encode("utf-8").decode("latin-1")


def compressed(request: Request, response: Response) -> Response:
    """Return an AWS API's answer with gzip if it is long and the client accepts that; anything else unchanged.

    An answer with an ETag is a stored object: its bytes are its owner's.
    """
    if (
        response.is_sequence
        and len(response.get_data()) > _READ_AT_ONCE
        and response.mimetype in _API_TYPES
        and "ETag" not in response.headers
        and "Content-Encoding" not in response.headers
        and request.accept_encodings["gzip"]
        and request.method != "HEAD"
    ):
        response.set_data(gzip.compress(response.get_data(), compresslevel=1))
        response.headers["Content-Encoding"] = "gzip"
    return response


class Server:
    """Answers HTTP on several addresses, all on one port.

    It owns its sockets and threads, has none of either before `start` and after `close`, and can be started again, on another
    port too. Nothing of it is global.

    Args:
        answer: Answers a request; called in the thread of its connection, and may raise.
        limits: Bounds on headers, bodies and connections.
        now: The time that answers show.
    """

    def __init__(
        self, answer: Answer, limits: LimitSettings | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self.answer = answer
        self._now = now
        self.limits = limits or LimitSettings()
        self.port = 0
        self._opening: _Opening | None = None
        self._dated = (0, "")

    def start(self, addresses: Sequence[str] = ("127.0.0.1",), port: int = 0) -> int:
        """Listen on every address, on the same port (0: the first free one). Return the port.

        Raises:
            OSError: An address is not available, or the port is taken. Nothing listens then.
            RuntimeError: It has started already.
        """
        if self._opening is not None:
            raise RuntimeError(f"the server listens on port {self.port} already; close it first")
        listeners: list[socket.socket] = []
        try:
            for address in addresses:
                listener = socket.create_server((address, port), backlog=256)
                listener.setblocking(False)
                listeners.append(listener)
                port = listener.getsockname()[1]
        except OSError:
            for listener in listeners:
                listener.close()
            raise
        self._opening = opening = _Opening(listeners, socket.socketpair())
        self.port = port
        for listener in listeners:
            name = f"pushproof-gateway-{listener.getsockname()[0]}"
            thread = threading.Thread(target=self._accept, args=(listener, opening), name=name, daemon=True)
            opening.threads.append(thread)
            thread.start()
        return port

    def close(self) -> None:
        """Stop listening, and end the connections that wait for a request; those with a request end after its answer."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        opening.closing = True
        opening.stop[1].close()
        for thread in opening.threads:
            thread.join(timeout=5)
        for sock in (*opening.listeners, opening.stop[0]):
            sock.close()
        with opening.guard:
            for connection in opening.connections:
                if connection.waiting:
                    _end(connection.sock)

    def date(self) -> str:
        """Return the time, as HTTP writes it."""
        now = int(self._now())
        if self._dated[0] != now:
            self._dated = (now, formatdate(now, usegmt=True))
        return self._dated[1]

    # Connections.

    def _accept(self, listener: socket.socket, opening: _Opening) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(opening.stop[0], select.POLLIN)
        while not opening.closing:
            poll.poll()
            try:
                sock, peer = listener.accept()
            except BlockingIOError:
                continue
            except OSError as error:
                # Without room for one more open file, the next one may find some.
                log.debug("a connection was not accepted: %s", error)
                time.sleep(0.05)
                continue
            self._welcome(sock, peer, opening)

    def _welcome(self, sock: socket.socket, peer: tuple[str, int], opening: _Opening) -> None:
        """Answer a connection in a thread of its own, if there is room for one more."""
        try:
            # Nagle and delayed acknowledgements together cost 40 ms a request.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", _SILENCE, 0))
            connection = _Connection(sock, peer, self, opening)
        except OSError:
            sock.close()
            return
        if not opening.add(connection, self.limits.connections):
            self._turn_away(sock)
            return
        thread = threading.Thread(
            target=_serve, args=(connection, opening), name=f"pushproof-connection-{peer[1]}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            log.warning("there is no thread for one more connection")
            opening.discard(connection)
            self._turn_away(sock)

    def _turn_away(self, sock: socket.socket) -> None:
        words = (
            f"503 Service Unavailable: this world serves {self.limits.connections} connections at once "
            "(WorldSettings.limits.connections)\n"
        )
        with contextlib.suppress(OSError):
            # Not to wait for a client: whoever opens connections without end need not read.
            sock.setblocking(False)
            head = f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: {len(words)}"
            sock.send(f"{head}\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n{words}".encode())
            sock.shutdown(socket.SHUT_WR)
        sock.close()


def _serve(connection: _Connection, opening: _Opening) -> None:
    try:
        connection.run()
    finally:
        opening.discard(connection)
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_WR)
        connection.sock.close()


def _end(sock: socket.socket) -> None:
    """End a connection whose thread waits for a request: the thread sees its end, and closes the socket."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
