"""The HTTP server under the gateway: werkzeug's threaded one, on several addresses and one port."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable
from typing import Any

from moto.core.request import Request
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

# Go's AWS SDK, until smithy-go learned otherwise, may close a connection as soon as an answer begins: when its own last write has
# not returned by then. What it has not read yet is lost, and the call, which was carried out, is made again: a second
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


class _Handler(MotoRequestHandler):  # type: ignore[misc]
    protocol_version = "HTTP/1.1"
    # Nagle and delayed acknowledgements together cost 40 ms a request.
    disable_nagle_algorithm = True
    timeout = 600
    wbufsize = _PIECE

    def handle_expect_100(self) -> bool:
        go_on: bool = super().handle_expect_100()
        # The client waits for this before it sends what the answer needs.
        self.wfile.flush()
        return go_on

    def log(self, type: str, message: str, *args: Any) -> None:
        """The world keeps its own call log."""


def compressed(request: Request, response: Response) -> Response:
    """The same answer of an AWS API, with gzip where it is long and the client takes that; anything else as it is.

    What has an ETag is a stored object: its bytes are its owner's.
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
    """Answers HTTP on every address given, all on one port (0: the first free one).

    Raises:
        OSError: an address cannot be had, or the port is taken.
    """

    def __init__(self, answer: Callable[[Request], Response], addresses: list[str], port: int) -> None:
        self._answer = answer
        self._servers: list[Any] = []
        self._threads: list[threading.Thread] = []
        self.port = port
        for address in addresses:
            self.add(address)

    def add(self, address: str) -> None:
        """Listen on one more address, on the same port."""

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            request = Request(environ)
            return compressed(request, self._answer(request))(environ, start_response)

        # Bound here, because werkzeug ends the process when the port is taken.
        sock = socket.create_server((address, self.port), backlog=256)
        self.port = sock.getsockname()[1]
        server: Any = make_server(address, self.port, app, threaded=True, request_handler=_Handler, fd=sock.fileno())
        thread = threading.Thread(
            target=server.serve_forever, args=(0.1,), name=f"pushproof-gateway-{address}", daemon=True
        )
        thread.start()
        sock.detach()
        self._servers.append(server)
        self._threads.append(thread)

    def close(self) -> None:
        """Stop listening; requests under way end by themselves."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(timeout=5)
