"""Reading of a request's user and password."""

from __future__ import annotations

from moto.core.request import Request


def login_of(request: Request) -> tuple[str, str] | None:
    """Return user and password of HTTP's basic scheme; None if the request has none that can be read."""
    try:
        login = request.authorization
    except ValueError:
        # Text that is not ASCII, where Base64 is expected.
        return None
    if login is None or login.type != "basic":
        return None
    return login.username or "", login.password or ""
