"""Doors of a world: the check whether a request may come in at all, whatever it asks for.

A web browser on the same machine reaches loopback too. A foreign page may send requests there (its `Origin`, or
`Sec-Fetch-Site`, shows it), or have its own name resolve to loopback and then read the answers as its own (DNS rebinding: `Host`
shows it). Both are refused before the request is examined further, and no answer ever allows a foreign page to read it.

Sources: https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header,
https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20 (421 Misdirected Request).
"""

from __future__ import annotations

import ipaddress
import json
import logging
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.images import IMAGES_HOST
from pushproof.emulator.kernel.protocol import signature_of
from pushproof.emulator.kernel.settings import DoorSettings
from pushproof.emulator.wire.plain import plain_error

log = logging.getLogger(__name__)

# Names that no other name server resolves.
_LOCAL = frozenset({"localhost", "host.docker.internal", IMAGES_HOST})
# The address at which a task gets its metadata and the credentials of its role.
_LINK_LOCAL = "169.254.170.2"
# AWS's endpoints, by which builds and clients address the registry, S3 and the rest.
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws")
# Names of AWS that customers can resolve to addresses of their choice.
_CUSTOMERS = (".elb.amazonaws.com", ".compute.amazonaws.com", ".compute-1.amazonaws.com")
_CORS = "access-control-"
_REMEMBERED = 1000


@dataclass(slots=True)
class Doors:
    """Decides whether a request comes in.

    `port` returns the gateway's port; `addresses` are those that it listens on.
    """

    port: Callable[[], int]
    addresses: Collection[str] = ()
    settings: DoorSettings = field(default_factory=DoorSettings)
    # Values of the Host header that were the world's own, each with the port and the addresses at that time.
    _admitted: set[tuple[str, int, Collection[str]]] = field(default_factory=set)

    def refusal(self, request: Request) -> AwsError | None:
        """Return the reason why a request must not come in; None if it may."""
        host = request.environ.get("HTTP_HOST")
        # A browser always sends one; tools that speak HTTP/1.0 need not.
        if host is None and request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
            return AwsError("BadRequest", "The request has no Host header", 400)
        if host is not None and not self._is_admitted(host):
            words = (
                f"This world does not answer to {host[:100]!r}; its names are 127.0.0.1 and localhost with port {self.port()}, "
                "and those of AWS"
            )
            return AwsError("MisdirectedRequest", words, 421)
        origin = request.headers.get("Origin")
        if origin is not None and not self._admits(origin):
            words = f"A web page of {origin[:100]!r} asked for this. Pages of other origins are not admitted here"
            return AwsError("ForeignOrigin", words, 403)
        # `same-site` may be another port of this machine, and so another program's server.
        site = request.headers.get("Sec-Fetch-Site", "none").strip().lower()
        if origin not in self.settings.origins and site not in ("none", "same-origin"):
            return AwsError(
                "ForeignOrigin", "A web page of another origin asked for this. It is not admitted here", 403
            )
        return None

    def _is_admitted(self, host: str) -> bool:
        known = (host, self.port(), self.addresses)
        if known in self._admitted:
            return True
        if not self.is_own(host):
            return False
        if len(self._admitted) >= _REMEMBERED:
            self._admitted.clear()
        self._admitted.add(known)
        return True

    def is_own(self, host: str) -> bool:
        """Return whether the value of a Host header is one of the world's names."""
        parts = _parts(f"//{host}")
        if parts is None:
            return False
        name, port = parts
        if port not in (None, 80, self.port()):
            return False
        if self._is_local(name) or name == _LINK_LOCAL or name.endswith(f".{IMAGES_HOST}"):
            return True
        if any(name == own or name.endswith(f".{own}") for own in self.settings.hosts):
            return True
        return name.endswith(_AWS) and not name.endswith(_CUSTOMERS)

    def _is_local(self, name: str) -> bool:
        if name in _LOCAL or name.endswith(".localhost") or name in self.addresses:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _admits(self, origin: str) -> bool:
        """Return whether an Origin header names the world itself, or a page that the settings admit."""
        if origin in self.settings.origins:
            return True
        scheme, _, rest = origin.partition("://")
        parts = _parts(f"//{rest}")
        if scheme != "http" or parts is None:
            return False
        name, port = parts
        return self._is_local(name) and (port or 80) == self.port()

    def refuse(self, request: Request, error: AwsError) -> Response:
        """Write a refusal in a form that the sender can read: an SDK, Docker, git, or a person."""
        log.warning("%s %s refused: %s", request.method, request.path, error.message)
        if request.path == "/v2" or request.path.startswith("/v2/"):
            # https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
            text = json.dumps({"errors": [{"code": "DENIED", "message": error.message}]})
            return Response(text, status=error.status, content_type="application/json")
        if request.path.startswith("/_"):
            return Response(f"{error.message}.\n", status=error.status, content_type="text/plain")
        try:
            signature = signature_of(request)
        except AwsError:
            signature = None
        return plain_error(error, request, signature.service if signature else "s3", str(uuid.uuid4()))

    def sealed(self, request: Request, response: Response) -> Response:
        """Return the answer without permission for foreign pages to read it, which the substrate grants to all."""
        if request.headers.get("Origin") not in self.settings.origins:
            for name in [name for name, _ in response.headers if name.lower().startswith(_CORS)]:
                del response.headers[name]
        return response


def _parts(text: str) -> tuple[str, int | None] | None:
    """Return the host's name and port in `//host:port`; None if the text has another form."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return parts.hostname.rstrip("."), port
