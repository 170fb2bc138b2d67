"""Content-addressed files as HTTP answers: streamed, with ranges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from moto.core.request import Request
from werkzeug.wrappers import Response

_CHUNK = 1024 * 1024


def blob_response(request: Request, path: Path, digest: str, size: int) -> Response:
    """Return the file, or the one requested range of it (206), or 416."""
    start, stop, status = 0, size, 200
    if request.range is not None and request.method == "GET":
        span = request.range.range_for_length(size)
        if span is None:
            return Response(status=416, headers={"Content-Range": f"bytes */{size}"})
        (start, stop), status = span, 206
    body = _read(path, start, stop) if request.method == "GET" else []
    response = Response(body, status=status, content_type="application/octet-stream")
    response.headers["Content-Length"] = str(stop - start)
    response.headers["Docker-Content-Digest"] = digest
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{digest}"'
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return response


def _read(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = stop - start
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
