"""The answers that a load balancer writes itself: its error pages, redirects and fixed responses."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from pushproof.engines.loadbalancing import FixedResponse

SERVER = "awselb/2.0"

_REASONS = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def reason(status: int) -> str:
    """Return the words after a status code, as a load balancer writes them."""
    if status in _REASONS:
        return _REASONS[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def page(status: int) -> web.Response:
    """Return the page for an error or redirect."""
    title = f"{status} {reason(status)}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return _own(status, body.encode(), "text/html")


def redirect(status: int, location: str) -> web.Response:
    """Return a redirect to `location`."""
    response = page(status)
    response.headers["Location"] = location
    return response


def fixed(action: FixedResponse) -> web.Response:
    """Return the answer of a fixed-response action."""
    content_type = action.content_type
    if content_type.startswith("text/"):
        content_type += "; charset=utf-8"
    return _own(action.status_code, action.body.encode(), content_type)


def _own(status: int, body: bytes, content_type: str) -> web.Response:
    headers = CIMultiDict({"Server": SERVER, "Content-Type": content_type})
    return web.Response(status=status, reason=reason(status), body=body, headers=headers)
