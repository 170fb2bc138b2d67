"""Reading of request bodies: whole, within bounds, and decompressed."""

from __future__ import annotations

import gzip
import io
import zlib

from moto.core.request import Request
from werkzeug.exceptions import RequestEntityTooLarge

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.settings import LimitSettings


def unpacked(request: Request, *, stored: bool, limits: LimitSettings) -> Request:
    """Return the request with its body read and decompressed.

    `stored` means that the body is an object, kept as it is; any other has at most `limits.call_bytes`, before and after: no API
    but S3's accepts more than a layer part of ECR or a function's archive, in Base64. A form has at most `limits.form_bytes`:
    reading its escapes takes a second of processor time for each six million.

    Raises:
        AwsError: it is too long, or not what its encoding says
            (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, MalformedHttpRequestException).
        FramingError: it breaks off.
    """
    if stored:
        request.get_data(cache=True)
        return request
    form = request.mimetype == "application/x-www-form-urlencoded"
    longest, name = (limits.form_bytes, "form_bytes") if form else (limits.call_bytes, "call_bytes")
    words = f"The request is longer than {longest} bytes (WorldSettings.limits.{name})"
    too_long = AwsError("RequestEntityTooLargeException", words, 413)
    declared = request.content_length
    # Bodies in chunks announce no length.
    if declared is None or declared > longest:
        request.max_content_length = longest
    try:
        body = request.get_data(cache=True)
    except RequestEntityTooLarge as error:
        raise too_long from error
    if request.headers.get("Content-Encoding", "").lower() != "gzip":
        return request
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            body = packed.read(longest + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise AwsError("MalformedHttpRequestException", f"The body is no gzip: {error}", 400) from error
    if len(body) > longest:
        raise too_long
    environ = {name: value for name, value in request.environ.items() if not name.startswith("werkzeug.")}
    environ.pop("HTTP_CONTENT_ENCODING")
    environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    plain = Request(environ)
    plain.get_data(cache=True)
    return plain
