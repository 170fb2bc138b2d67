"""Commands inside containers, with their output as it comes and no connection left open.

The Docker SDK leaves the connection of an `exec` open until it is garbage-collected; this module closes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from docker.utils.socket import STDERR, frames_iter

if TYPE_CHECKING:
    from docker.api.client import APIClient

Chunk = Callable[[bytes], None]
# The SDK's stubs have no types for this one.
_frames: Callable[..., Iterator[tuple[int, bytes]]] = frames_iter


def execute(
    api: APIClient, container_id: str | None, command: list[str], *, out: Chunk, err: Chunk | None = None
) -> int | None:
    """Run a command, and return its exit status. `out` and `err` receive its output (`out` both, if there is no `err`).

    Args:
        api: the Docker SDK's low-level client.

    Raises:
        docker.errors.APIError, OSError: the container is gone. The status is None if it went while the command ran.
    """
    execution = api.exec_create(container_id, command)["Id"]
    stream = api.exec_start(execution, socket=True)
    # Closing the stream returns a reference to the socket, and leaves the socket itself open.
    connection = getattr(stream, "_sock", None)
    try:
        for number, chunk in _frames(stream, tty=False):
            (err if err is not None and number == STDERR else out)(chunk)
    finally:
        with contextlib.suppress(OSError):
            stream.close()
        if connection is not None:
            connection.close()
    status: int | None = api.exec_inspect(execution)["ExitCode"]
    return status


def captured(api: APIClient, container_id: str | None, command: list[str]) -> tuple[int | None, bytes]:
    """Return exit status and all output of a command."""
    chunks: list[bytes] = []
    status = execute(api, container_id, command, out=chunks.append)
    return status, b"".join(chunks)
