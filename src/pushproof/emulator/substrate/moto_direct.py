"""Calls of moto without the web framework that its own server has around them: a third of the time of a small call.

Only calls at the root, as the JSON, query and EC2 protocols make them. Everything that has a path, and what a browser asks from
another origin, goes the way of moto's own server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError
from moto.core.request import EnvironHeaders, Request
from moto.core.utils import convert_to_flask_response
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from flask import Flask

# moto's method for requests at an application's root: (request, URL, headers) -> status, headers, body.
Callback = Callable[[Request, str, dict[str, str]], object]


class _Call(Request):
    """A request that moto takes for one of its own server's."""

    from_wsgi_server = True

    @property
    def raw_url(self) -> str:
        query = self.environ.get("QUERY_STRING")
        return f"http://{self.environ.get('HTTP_HOST', 'localhost')}/{'?' if query else ''}{query}"


class _Answer(Response):
    """An answer with the defaults of moto's server."""

    default_mimetype = "text/html"


def is_direct(request: Request) -> bool:
    """Return whether a request can do without moto's server."""
    environ = request.environ
    return (
        environ.get("REQUEST_METHOD") == "POST"
        and environ.get("PATH_INFO") == "/"
        and "HTTP_ORIGIN" not in environ
        and str(environ.get("HTTP_HOST", "")).isascii()
    )


def callback_of(application: Flask) -> Callback | None:
    """Return moto's method for POST requests at the root of one of its applications; None if there is none."""
    try:
        endpoint, arguments = application.url_map.bind("localhost").match("/", method="POST")
    except HTTPException:
        return None
    view = application.view_functions.get(endpoint)
    if arguments or not isinstance(view, convert_to_flask_response):
        return None
    callback: Callback = view.callback
    return callback


def answer(callback: Callback, request: Request, environ: dict[str, object]) -> Response:
    """Return moto's answer to a request, as its own server would; `environ` are the request's variables for moto."""
    call = _Call.__new__(_Call)
    # The body has been read, and perhaps parsed.
    call.__dict__.update(request.__dict__)
    call.environ, call.headers = environ, EnvironHeaders(environ)
    try:
        result = callback(call, call.raw_url, dict(call.headers))
    except ClientError as error:
        return _Answer(error.response["Error"]["Message"], status=400)
    except HTTPException as error:
        refused = error.get_response(environ)
        return Response(refused.get_data(), status=refused.status, headers=refused.headers)
    if isinstance(result, tuple) and len(result) == 3:
        status, headers, content = cast("tuple[int | str, Mapping[str, str], str | bytes]", result)
        return _Answer(content, status=status, headers=headers)
    return _Answer(cast("str | bytes", result))
