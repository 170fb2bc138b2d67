"""Framing of HTTP requests. It is checked, and a body ends exactly where its framing says.

Sources: RFC 9112, section 6 (https://www.rfc-editor.org/rfc/rfc9112#section-6) and section 7.1 on chunks.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from werkzeug.exceptions import BadRequest

# The largest layer that ECR accepts has 52,000 MiB; nothing else comes near it.
LONGEST = 64 * 1024**3
# A line of a chunked body: a size with its extensions, or a trailer field.
_LONGEST_LINE = 8192
_MOST_TRAILERS = 100
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)
# The bytes that are read at once from a body that is read whole.
_PIECE = 1024 * 1024


class FramingError(BadRequest):
    """A request whose end cannot be determined. The connection is closed after the answer: what follows may be anything."""


class TooLong(FramingError):
    """A body longer than anything that is accepted here."""

    code = 413


class Source(Protocol):
    """The bytes that a connection brings."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, as soon as there are any; none at the end."""

    def readline(self, longest: int) -> bytes:
        """Return a line with its end; without one if it has `longest` bytes, or the connection ended."""


class Body(io.RawIOBase):
    """A request's body as a stream that ends where the body ends. Reading raises FramingError when it is cut off."""

    done = False

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self.readall() if size is None or size < 0 else self._next(size)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self._next(_PIECE), b""))

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _next(self, size: int) -> bytes:
        """Return up to `size` bytes of the body; none at its end."""
        raise NotImplementedError


class SizedBody(Body):
    """A body of the length that Content-Length names."""

    def __init__(self, source: Source, length: int) -> None:
        self._source = source
        self._left = length
        self.done = length == 0

    def _next(self, size: int) -> bytes:
        if not self._left:
            return b""
        piece = self._source.read(min(size, self._left))
        if not piece and size:
            raise FramingError(f"The body ended {self._left} bytes before the length that Content-Length names")
        self._left -= len(piece)
        self.done = not self._left
        return piece


class ChunkedBody(Body):
    """A body in chunks, each after its size; trailer fields are read and dropped."""

    def __init__(self, source: Source, longest: int = LONGEST) -> None:
        self._source = source
        self._longest = longest
        self._left = 0
        self._between = False
        self._total = 0

    def _next(self, size: int) -> bytes:
        if self.done:
            return b""
        if not self._left:
            self._next_chunk()
            if self.done:
                return b""
        piece = self._source.read(min(size, self._left))
        if not piece and size:
            raise FramingError(f"The body ended in the middle of a chunk, {self._left} bytes before its end")
        self._left -= len(piece)
        return piece

    def _next_chunk(self) -> None:
        if self._between and self._line() not in (b"\r\n", b"\n"):
            raise FramingError("A chunk is longer than its size says")
        line = self._line()
        match = _SIZE.fullmatch(line)
        if match is None:
            raise FramingError(f"{line[:40]!r} is no chunk size")
        self._left = int(match[1], 16)
        self._total += self._left
        if self._total > self._longest:
            raise _too_long(self._longest)
        self._between = True
        if not self._left:
            self._trailers()
            self.done = True

    def _trailers(self) -> None:
        for _ in range(_MOST_TRAILERS):
            if self._line() in (b"\r\n", b"\n"):
                return
        raise FramingError(f"There are more than {_MOST_TRAILERS} trailer fields")

    def _line(self) -> bytes:
        line = self._source.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise FramingError("The body ended, or ran on, where a chunk's size was expected")
        return line


def _too_long(longest: int) -> TooLong:
    return TooLong(f"The body has more than {longest} bytes (WorldSettings.limits.object_bytes)")


def body_of(headers: Mapping[str, Sequence[str]], source: Source, *, longest: int = LONGEST) -> Body:
    """Return the body that a request's headers, by lower-case name, announce.

    Raises:
        FramingError: the headers contradict each other, or state no valid length.
    """
    encodings = _listed(headers.get("transfer-encoding", ()))
    lengths = _listed(headers.get("content-length", ()))
    if encodings:
        if lengths:
            raise FramingError("Transfer-Encoding and Content-Length exclude each other")
        if encodings != ["chunked"]:
            raise FramingError(f"Transfer-Encoding {', '.join(encodings)!r} is not understood: expected chunked")
        return ChunkedBody(source, longest)
    if not lengths:
        return SizedBody(source, 0)
    if len(set(lengths)) > 1:
        raise FramingError("There are several values of Content-Length")
    if not _LENGTH.fullmatch(lengths[0]):
        raise FramingError(f"Content-Length {lengths[0][:40]!r} is no length")
    length = int(lengths[0])
    if length > longest:
        raise _too_long(longest)
    return SizedBody(source, length)


def check_target(target: str) -> None:
    """Raise FramingError unless a request line's target can be a path, a URL or an asterisk."""
    if target == "*":
        return
    if not target.startswith(("/", "http://", "https://")):
        raise FramingError("The request's target is neither a path nor a URL")
    try:
        # The port is parsed on access, and may not be a number.
        _ = urlsplit(target).port
    except ValueError as error:
        raise FramingError(f"The request's target is no URL: {error}") from error


def _listed(values: Iterable[str]) -> list[str]:
    return [part.strip().lower() for value in values for part in value.split(",")]
