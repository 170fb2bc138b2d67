"""Requests while a push deploys, through a load balancer that passes connections on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pushproof.base.target import Address
from pushproof.drill.prober import Front, Prober

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Fickle:
    """A server that answers two requests on each connection, and ends it when the third one comes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._main, daemon=True).start()

    def _main(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            for _ in range(2):
                if not client.recv(4096):
                    return
                client.sendall(_ANSWER)
            client.recv(4096)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Fickle]:
    made = Fickle()
    yield made
    made.close()


@pytest.mark.parametrize("passes", [True, False])
def test_a_kept_connection_may_end_with_its_target(server: Fickle, passes: bool) -> None:
    """Behind a Network Load Balancer its request is sent anew; behind any other, it is a request that failed."""
    front = Front(lambda: Address("127.0.0.1", server.port), "", None, path="/", passes_connections=passes)
    with Prober(front, rate=100.0) as prober:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and prober.report.sent < 20:
            time.sleep(0.02)
    report = prober.report
    assert report.sent >= 20
    assert bool(report.failed) is not passes
    assert bool(report.reopened) is passes
