"""Control endpoints at `/_pushproof/`: steps that a person performs on AWS, and the state of the world."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.site import CHALLENGE, KEYS_NEEDED

if TYPE_CHECKING:
    from pushproof.emulator.kernel.calls import CallLog
    from pushproof.emulator.kernel.site import ConnectionRecord, Envelope, Ground

_PREFIX = "/_pushproof/"
_ENDPOINTS = (
    "GET health, GET calls, GET events, GET sns/SimpleNotificationService-….pem, POST connections/authorise?arn=…"
)


class Handshakes(Protocol):
    """CodeConnections, as a person uses it in the console."""

    def authorise(self, arn: str) -> ConnectionRecord:
        """Complete a connection's handshake. Raises AwsError if there is no such connection."""


class ControlFront:
    """`GET health`, `GET calls`, `GET events`, `GET sns/SimpleNotificationService-….pem`, `POST connections/authorise?arn=…`.

    All require the administrator's keys, except `health` and the certificate, which reveal nothing private.
    """

    name = "control"

    def __init__(
        self,
        ground: Ground,
        log: CallLog,
        services: Mapping[str, object],
        history: Callable[[], list[Envelope]],
        connections: Handshakes,
        certificates: Callable[[str], bytes | None],
    ) -> None:
        """Set up. `history` returns the envelopes of events put on buses; `certificates` SNS's signing certificate by name."""
        self._ground = ground
        self._log = log
        self._services = services
        self._history = history
        self._connections = connections
        self._certificates = certificates

    def accepts(self, request: Request) -> bool:
        return request.path.startswith(_PREFIX)

    def handle(self, request: Request) -> Response:
        route = (request.method, request.path.removeprefix(_PREFIX))
        if route == ("GET", "health"):
            return _json(
                {"world": self._ground.id, "services": sorted(self._services), "account": self._ground.account_id}
            )
        if request.method == "GET" and route[1].startswith("sns/"):
            certificate = self._certificates(route[1].removeprefix("sns/"))
            if certificate is not None:
                return Response(certificate, content_type="application/x-pem-file")
        if not self._ground.doorkeeper.admits(request):
            return _json({"error": KEYS_NEEDED}, 401, **{"WWW-Authenticate": CHALLENGE})
        if route == ("GET", "calls"):
            return _json(
                [{"call": c.name, "principal": c.context.principal.arn, "status": c.status} for c in self._log.calls]
            )
        if route == ("GET", "events"):
            return _json(self._history())
        if route == ("POST", "connections/authorise"):
            return self._authorise(request.args.get("arn", ""))
        return _json({"error": f"{request.method} {request.path} is unknown; there are: {_ENDPOINTS}"}, 404)

    def _authorise(self, arn: str) -> Response:
        try:
            with self._ground.loop.lock:
                connection = self._connections.authorise(arn)
        except AwsError as error:
            return _json({"error": error.message}, 404)
        return _json({"ConnectionArn": connection.arn, "ConnectionStatus": connection.status})


def _json(content: Any, status: int = 200, **headers: str) -> Response:
    text = json.dumps(content, default=str, indent=2) + "\n"
    return Response(text, status=status, headers=headers, content_type="application/json")
