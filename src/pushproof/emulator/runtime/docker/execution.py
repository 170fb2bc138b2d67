"""Commands inside containers, with their output as it comes and nothing left open.

The Docker SDK leaves the connection of an `exec` open until it is collected; here it is closed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from docker.utils.socket import STDERR, frames_iter

Chunk = Callable[[bytes], None]
# The SDK's stubs leave this one without types.
_frames: Callable[..., Iterator[tuple[int, bytes]]] = frames_iter


def execute(
    api: Any, container_id: str | None, command: list[str], *, out: Chunk, err: Chunk | None = None
) -> int | None:
    """Run a command; `out` and `err` (`out` for both, unless given) get what it prints. Returns its exit status.

    Args:
        api: the Docker SDK's low-level client.

    Raises:
        docker.errors.APIError, OSError: the container is gone. The status is None where it went while the command ran.
    """
    execution = api.exec_create(container_id, command)["Id"]
    stream = api.exec_start(execution, socket=True)
    # Closing the stream gives back a reference to the socket, and leaves the socket itself open.
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


def captured(api: Any, container_id: str | None, command: list[str]) -> tuple[int | None, bytes]:
    """Exit status and everything the command printed."""
    chunks: list[bytes] = []
    status = execute(api, container_id, command, out=chunks.append)
    return status, b"".join(chunks)
