"""Messages between a client and its run: a run's order with its file descriptors, signals, and the result."""

from __future__ import annotations

import json
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

#: First byte of a connection: run tests, or end the host.
RUN, END = b"R", b"E"
#: The host's answer to `RUN`: it goes ahead, or it is out of date and ends.
AHEAD, STALE = b"+", b"-"

_LENGTH = struct.Struct("!Q")
#: Standard input, output and error.
_STREAMS = 3


class ConnectionLost(Exception):
    """The other side has closed the connection before it said everything."""


@dataclass(frozen=True, slots=True)
class Order:
    """A pytest run: its arguments, directory, environment, and file mode creation mask."""

    arguments: Sequence[str]
    directory: str
    environment: Mapping[str, str]
    mask: int


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a run: pytest's exit code, or the number of the signal that ended it."""

    code: int | None
    signal: int | None = None

    def to_bytes(self) -> bytes:
        """Return the result as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


def send_order(line: socket.socket, order: Order, streams: Sequence[int]) -> None:
    """Send an order with three file descriptors: standard input, output and error."""
    text = json.dumps(asdict(order)).encode("utf-8", "surrogateescape")
    socket.send_fds(line, [_LENGTH.pack(len(text))], streams)
    line.sendall(text)


def receive_order(line: socket.socket) -> tuple[Order, list[int]]:
    """Return an order and its file descriptors. Raises ConnectionLost."""
    head, descriptors, _, _ = socket.recv_fds(line, _LENGTH.size, _STREAMS)
    if len(head) < _LENGTH.size or len(descriptors) != _STREAMS:
        raise ConnectionLost("the connection ended within an order")
    text = _exactly(line, _LENGTH.unpack(head)[0])
    return Order(**json.loads(text.decode("utf-8", "surrogateescape"))), descriptors


def receive_result(line: socket.socket) -> Result:
    """Return the result of a run, however long that takes. Raises ConnectionLost."""
    text = b""
    while not text.endswith(b"\n"):
        more = line.recv(4096)
        if not more:
            raise ConnectionLost(
                "the process of the test run has ended without a result; the kernel may have killed it"
            )
        text += more
    return Result(**json.loads(text))


def send_signal(line: socket.socket, number: int) -> None:
    """Send a signal for the run."""
    line.sendall(bytes([number]))


def signals_of(data: bytes) -> list[signal.Signals]:
    """Return the signals that a client has sent."""
    return [signal.Signals(number) for number in data]


def _exactly(line: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = line.recv(min(size - len(data), 1 << 20))
        if not more:
            raise ConnectionLost("the connection ended within an order")
        data += more
    return bytes(data)
