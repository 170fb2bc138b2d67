"""The HTTP server: one thread for each connection, and an end that loses no request.

In a rolling deployment the load balancer stops sending, waits for the answers to what it has sent, and only then ECS sends SIGTERM.
A connection may still be on its way at that moment. So the end has these steps: accept what waits in the queue, finish the answers
in progress, close connections that have served and are idle, give new connections a moment for their request, and exit.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from webapp.routes import answer
from webapp.settings import Settings

# Longer than the load balancer keeps an idle connection (60 s): the side that reuses connections must not be the last to learn
# that one was closed.
KEEP_ALIVE_SECONDS = 75

# The seconds that a new connection may take to send its first request after the end has begun.
FIRST_REQUEST_SECONDS = 1.0


class Handler(BaseHTTPRequestHandler):
    """Answers JSON, and keeps the connection open as in HTTP/1.1."""

    protocol_version = "HTTP/1.1"
    server_version = "webapp"
    sys_version = ""
    timeout = KEEP_ALIVE_SECONDS
    # Head and body leave in one packet; without this the second waits for the acknowledgement of the first.
    disable_nagle_algorithm = True
    wbufsize = -1

    server: Server

    def parse_request(self) -> bool:
        # The request line has arrived: from here on the connection is busy.
        self.server.working(self.connection)
        return super().parse_request()

    def handle_one_request(self) -> None:
        super().handle_one_request()
        if not self.close_connection:
            self.server.idle(self.connection)

    def do_GET(self) -> None:
        self._respond(with_body=True)

    def do_HEAD(self) -> None:
        self._respond(with_body=False)

    def _respond(self, *, with_body: bool) -> None:
        status, content = answer(self.path, self.server.settings)
        body = json.dumps(content).encode() + b"\n"
        # A body in the request is not read, so the next request would start in the middle of it.
        unread = self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if self.server.draining or unread:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if with_body:
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        # Every health check would be a line; only failures are worth one.
        if len(args) > 1 and str(args[1]).startswith("2"):
            return
        print(f"{self.address_string()} {format % args}", flush=True)


class Server(ThreadingHTTPServer):
    """Serves until `drain`, which returns when the last request is answered."""

    daemon_threads = False  # server_close waits for every connection
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, settings: Settings, host: str = "0.0.0.0", handler: type[Handler] = Handler) -> None:
        self.settings = settings
        self.draining = False
        self._waiting: dict[socket.socket, bool] = {}  # for a request; True once one was served
        self._changed = threading.Condition()
        super().__init__((host, settings.port), handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self._changed:
            self._waiting[request] = False
        super().process_request(request, client_address)

    def working(self, connection: socket.socket) -> None:
        """Mark a connection as having a request to answer."""
        with self._changed:
            self._waiting.pop(connection, None)
            self._changed.notify_all()

    def idle(self, connection: socket.socket) -> None:
        """Mark a connection as idle: it has served and waits for another request."""
        with self._changed:
            self._waiting[connection] = True
            if self.draining:
                _stop_reading(connection)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self.working(request)
        super().shutdown_request(request)

    def drain(self) -> None:
        """Stop accepting, answer everything that has arrived, and return. Call from another thread than serve_forever's."""
        # First, so that every answer from here on states that its connection closes.
        with self._changed:
            self.draining = True
        self.shutdown()
        self.socket.setblocking(False)
        while True:
            try:
                request, address = self.get_request()
            except OSError:
                break  # no connection waits any more
            request.setblocking(True)
            self.process_request(request, address)
        with self._changed:
            for connection, served in self._waiting.items():
                if served:
                    _stop_reading(connection)
            self._changed.wait_for(lambda: all(self._waiting.values()), timeout=FIRST_REQUEST_SECONDS)
            for connection in self._waiting:
                _stop_reading(connection)
        self.server_close()


def _stop_reading(connection: socket.socket) -> None:
    # A request that has already arrived is still read; after it comes the end of the stream.
    with contextlib.suppress(OSError):  # the other side may have been faster
        connection.shutdown(socket.SHUT_RD)
