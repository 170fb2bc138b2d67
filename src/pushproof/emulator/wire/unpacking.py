"""Reading of request bodies: whole, within bounds, and decompressed."""

from __future__ import annotations

import gzip
import io
import zlib

from moto.core.request import Request
from werkzeug.exceptions import RequestEntityTooLarge

from pushproof.emulator.kernel.errors import AwsError

# No API but S3's accepts more: the largest body is a layer part of ECR or a function's archive, in Base64.
LONGEST_CALL = 128 * 1024 * 1024


def unpacked(request: Request, *, stored: bool) -> Request:
    """Return the request with its body read and decompressed; `stored` means that the body is an object, of any size, kept as it
    is.

    Raises:
        AwsError: it is too long, or not what its encoding says
            (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, MalformedHttpRequestException).
        FramingError: it breaks off.
    """
    if stored:
        request.get_data(cache=True)
        return request
    request.max_content_length = LONGEST_CALL
    try:
        body = request.get_data(cache=True)
    except RequestEntityTooLarge as error:
        words = f"The request is longer than {LONGEST_CALL} bytes"
        raise AwsError("RequestEntityTooLargeException", words, 413) from error
    if request.headers.get("Content-Encoding", "").lower() != "gzip":
        return request
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            body = packed.read(LONGEST_CALL + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise AwsError("MalformedHttpRequestException", f"The body is no gzip: {error}", 400) from error
    if len(body) > LONGEST_CALL:
        raise AwsError("RequestEntityTooLargeException", f"The request is longer than {LONGEST_CALL} bytes", 413)
    environ = {name: value for name, value in request.environ.items() if not name.startswith("werkzeug.")}
    environ.pop("HTTP_CONTENT_ENCODING")
    environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    plain = Request(environ)
    plain.get_data(cache=True)
    return plain
