"""The HTTP server under the gateway: a thread for each connection, on several addresses and one port.

It answers everything: bytes that are not HTTP get a status line too, since clients that try TLS first fall back to plain HTTP
only when an answer begins with one (https://pkg.go.dev/net/http: "server gave HTTP response to HTTPS client").
"""

from __future__ import annotations

import contextlib
import gzip
import http
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from moto.core.request import Request
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.settings import LimitSettings
from pushproof.emulator.wire.framing import Body, FramingError, SizedBody, body_of, check_target
from pushproof.emulator.wire.verifying import RAW_HEADERS

log = logging.getLogger(__name__)

# Go's AWS SDK, in versions before a fix in smithy-go, may close a connection as soon as an answer begins if its own last write has
# not returned by then. The part of the answer that it has not read is lost, and it repeats a call that was carried out: a second
# CreateRole is refused, a second DeleteCluster finds nothing. So an answer goes out in one piece, and a long one is
# compressed to what Go reads at once (4,096 bytes, headers included).
_PIECE = 65536
_READ_AT_ONCE = 3500
_API_TYPES = (
    "application/x-amz-json-1.0",
    "application/x-amz-json-1.1",
    "application/json",
    "text/xml",
    "application/xml",
)
# The seconds for which, and the bytes that, a client may send after its answer before its connection is reset.
_LAST_WORDS_SECONDS = 2.0
_LAST_WORDS = 64 * 1024 * 1024
# Possible first bytes of a method's name (RFC 9110: a token).
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class _Handler(MotoRequestHandler):  # type: ignore[misc]
    """Reads one request, gets its answer, and closes the connection."""

    protocol_version = "HTTP/1.1"
    # Nagle and delayed acknowledgements together cost 40 ms a request.
    disable_nagle_algorithm = True
    timeout = 600
    wbufsize = _PIECE
    server: _Listener

    def handle(self) -> None:
        try:
            self.handle_one_request()
        except OSError as error:
            # The client left, or stayed silent: an answer would reach no one.
            log.debug("a connection ended: %s", error)
        except Exception:
            log.exception("the server failed on a request of %s", self.client_address)

    def handle_one_request(self) -> None:
        self.body: Body = SizedBody(self.rfile, 0)
        self.environ = None
        self.command = self.requestline = ""
        self.request_version = self.protocol_version
        first = self.rfile.peek(1)[:1]
        if first and first[0] not in _TOKEN:
            # A line of it may never end: a TLS hello has no end of line.
            self.send_error(http.HTTPStatus.BAD_REQUEST, explain="this is no HTTP request")
            return
        super().handle_one_request()

    def parse_request(self) -> bool:
        if len(self.raw_requestline.split()) == 2:
            # HTTP/0.9, whose answers have no status line; nothing follows that could be waited for.
            self.send_error(http.HTTPStatus.BAD_REQUEST, explain="the request line names no version of HTTP")
            return False
        if not super().parse_request():
            return False
        try:
            check_target(self.path)
            limits = self.server.limits
            if sum(len(name) + len(value) for name, value in self.headers.items()) > limits.header_bytes:
                self.send_error(
                    http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    explain=f"the headers have more than {limits.header_bytes} bytes (WorldSettings.limits.header_bytes)",
                )
                return False
            self.body = body_of(self.headers, self.rfile, longest=limits.object_bytes)
        except FramingError as error:
            self.send_error(error.code or 400, explain=error.description)
            return False
        if self.headers.get("Expect", "").lower() == "100-continue" and self.request_version != "HTTP/1.0":
            # The client waits for this before it sends the rest of the request.
            self.send_response_only(http.HTTPStatus.CONTINUE)
            self.end_headers()
            self.wfile.flush()
        return True

    def handle_expect_100(self) -> bool:
        """Leave it to `parse_request`, which checks the rest of the headers first."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what cannot be read as a request, always with a status line, and end the connection."""
        self.request_version = self.protocol_version
        reason = http.HTTPStatus(code).phrase
        text = f"{code} {reason}: {explain or message or reason}\n".encode("utf-8", "replace")
        self.send_response_only(code, reason)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)
        self._hear_out()

    def run_wsgi(self) -> None:
        """Answer the request that was parsed."""
        self.environ = environ = self.make_environ()
        environ["wsgi.input"] = self.body
        environ["wsgi.input_terminated"] = True
        # A signature covers headers as they arrived: WSGI folds their names.
        environ[RAW_HEADERS] = self.headers
        request = Request(environ)
        response = self._answer(request)
        try:
            self._send(response, environ)
        finally:
            response.close()
        if not self.body.done:
            self._hear_out()

    def _answer(self, request: Request) -> Response:
        try:
            return compressed(request, self.server.answer(request))
        except HTTPException as error:
            return Response(f"{error.code} {error.name}: {error.description}\n", status=error.code)
        except Exception as error:
            log.exception("the gateway failed on %s %s", request.method, request.path)
            # Not 500: SDKs would repeat for minutes what cannot succeed.
            return Response(f"Pushproof failed inside: {error!r}\n", status=501)

    def _send(self, response: Response, environ: dict[str, Any]) -> None:
        headers = response.get_wsgi_headers(environ)
        pieces = response.get_app_iter(environ)
        self.send_response_only(response.status_code, response.status.partition(" ")[2])
        for name, value in headers:
            self.send_header(name, _latin(value))
        if "Date" not in headers:
            self.send_header("Date", self.date_time_string())
        bodiless = self.command == "HEAD" or response.status_code in (204, 304)
        chunked = not bodiless and "Content-Length" not in headers and self.request_version != "HTTP/1.0"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        # One request for each connection: after a body that was not read to its end, its rest cannot be told from the next request.
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                # The head is in the same write, if both are short enough for one.
                self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _hear_out(self) -> None:
        """End the answer, then read and drop what the client still sends: closing at once would destroy the answer."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        until, left = time.monotonic() + _LAST_WORDS_SECONDS, _LAST_WORDS
        while left > 0 and (rest := until - time.monotonic()) > 0:
            self.connection.settimeout(rest)
            piece = self.connection.recv(_PIECE)
            if not piece:
                return
            left -= len(piece)

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing: the world has a call log of its own."""


class _Listener(ThreadedWSGIServer):
    """Listens on a socket that is already bound, and passes requests to `answer`."""

    def __init__(
        self,
        sock: socket.socket,
        answer: Callable[[Request], Response],
        limits: LimitSettings,
        free: threading.Semaphore,
    ) -> None:
        address, port = sock.getsockname()[:2]
        # It works on a copy of the socket.
        super().__init__(address, port, _unused, _Handler, fd=sock.fileno())
        sock.close()
        self.answer = answer
        self.limits = limits
        self._free = free

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if there is room for one more connection."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        words = (
            f"503 Service Unavailable: this world serves {self.limits.connections} connections at once "
            "(WorldSettings.limits.connections)\n"
        )
        with contextlib.suppress(OSError):
            # Not to wait for a client: whoever opens connections without end need not read.
            request.setblocking(False)
            head = f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: {len(words)}"
            request.send(f"{head}\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n{words}".encode())
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def log(self, type: str, message: str, *args: Any) -> None:
        log.debug(message, *args)


def _latin(value: str) -> str:
    """Return a header's value as HTTP carries it: characters beyond ASCII as the bytes of their UTF-8."""
    return value if value.isascii() else value.encode("utf-8").decode("latin-1")


def _unused(*_: Any) -> Any:
    raise AssertionError("requests are handed to `answer`")


def compressed(request: Request, response: Response) -> Response:
    """Return an AWS API's answer with gzip if it is long and the client accepts that; anything else unchanged.

    An answer with an ETag is a stored object: its bytes are its owner's.
    """
    if (
        response.mimetype in _API_TYPES
        and "ETag" not in response.headers
        and response.is_sequence
        and "Content-Encoding" not in response.headers
        and request.accept_encodings["gzip"]
        and request.method != "HEAD"
        and len(response.get_data()) > _READ_AT_ONCE
    ):
        response.set_data(gzip.compress(response.get_data(), compresslevel=1))
        response.headers["Content-Encoding"] = "gzip"
    return response


class Server:
    """Answers HTTP on several addresses, all on one port (0: the first free one).

    Raises:
        OSError: an address is not available, or the port is taken.
    """

    def __init__(
        self,
        answer: Callable[[Request], Response],
        addresses: list[str],
        port: int,
        limits: LimitSettings | None = None,
    ) -> None:
        self._answer = answer
        self._limits = limits or LimitSettings()
        self._free = threading.BoundedSemaphore(self._limits.connections)
        self._servers: list[_Listener] = []
        self._threads: list[threading.Thread] = []
        self.port = port
        for address in addresses:
            self.add(address)

    def add(self, address: str) -> None:
        """Listen on one more address, on the same port."""
        # Bound here, because werkzeug ends the process when the port is taken.
        sock = socket.create_server((address, self.port), backlog=256)
        self.port = sock.getsockname()[1]
        server = _Listener(sock, self._answer, self._limits, self._free)
        thread = threading.Thread(
            target=server.serve_forever, args=(0.1,), name=f"pushproof-gateway-{address}", daemon=True
        )
        thread.start()
        self._servers.append(server)
        self._threads.append(thread)

    def close(self) -> None:
        """Stop listening; requests in progress end by themselves."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(timeout=5)
