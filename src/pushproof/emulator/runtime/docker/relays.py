"""Relays from a container of the world to its load balancers, which listen on loopback addresses of the host.

In the container a forwarder listens on the same loopback addresses, so that a load balancer's name means the same there.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator

# Runs in the container: `address:port=relay-port` for each load balancer's listener.
FORWARD = """
import socket, sys, threading

def pass_on(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def serve(client, relay):
    with client, socket.create_connection((sys.argv[1], relay)) as other:
        threading.Thread(target=pass_on, args=(client, other), daemon=True).start()
        pass_on(other, client)

def listen(door, relay):
    listener = socket.create_server(door, backlog=128)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], relay), daemon=True).start()

for words in sys.argv[2:]:
    door, relay = words.split("=")
    address, port = door.rsplit(":", 1)
    threading.Thread(target=listen, args=((address, int(port)), int(relay))).start()
threading.Event().wait()
"""


class _Relay(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        with contextlib.suppress(OSError), socket.create_connection(server.door, timeout=10) as other:
            other.settimeout(None)
            threading.Thread(target=_pass_on, args=(self.request, other), daemon=True).start()
            _pass_on(other, self.request)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, door: tuple[str, int]) -> None:
        super().__init__((address, 0), _Relay)
        self.door = door


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relays(address: str, doors: tuple[tuple[str, int], ...]) -> Iterator[list[str]]:
    """Open a relay to each door, at an address of the world's own network; yield the words for `FORWARD`."""
    with contextlib.ExitStack() as stack:
        words = []
        for door in doors:
            server = stack.enter_context(_Server(address, door))
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="pushproof-relay", daemon=True
            )
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            words.append(f"{door[0]}:{door[1]}={server.server_address[1]}")
        yield words
