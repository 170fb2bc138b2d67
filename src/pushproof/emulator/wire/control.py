"""What a person does by hand on AWS, and what a world can tell about itself: `/_pushproof/` on the gateway's port."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError

if TYPE_CHECKING:
    from pushproof.emulator.world import World

_PREFIX = "/_pushproof/"


class ControlFront:
    """`GET health`, `GET calls`, `GET events`, `GET sns/SimpleNotificationService-….pem`, `POST connections/authorise?arn=…`."""

    name = "control"

    def __init__(self, world: World) -> None:
        self._world = world

    def accepts(self, request: Request) -> bool:
        return request.path.startswith(_PREFIX)

    def handle(self, request: Request) -> Response:
        asked = (request.method, request.path.removeprefix(_PREFIX))
        if asked == ("GET", "health"):
            return _json(
                {"world": self._world.id, "services": sorted(self._world.services), "account": self._world.account_id}
            )
        if asked == ("GET", "calls"):
            return _json(
                [
                    {"call": c.name, "principal": c.context.principal.arn, "status": c.status}
                    for c in self._world.gateway.calls
                ]
            )
        if asked == ("GET", "events"):
            return _json([event.envelope for event in self._world.bus.history])
        if request.method == "GET" and asked[1].startswith("sns/"):
            certificate = self._world.services["sns"].signing_certificate(asked[1].removeprefix("sns/"))
            if certificate is not None:
                return Response(certificate, content_type="application/x-pem-file")
        if asked == ("POST", "connections/authorise"):
            return self._authorise(request.args.get("arn", ""))
        return _json({"error": f"{request.method} {request.path} is not known; there are: {self.__doc__}"}, 404)

    def _authorise(self, arn: str) -> Response:
        try:
            with self._world.loop.lock:
                connection = self._world.connections.authorise(arn)
        except AwsError as error:
            return _json({"error": error.message}, 404)
        return _json({"ConnectionArn": connection.arn, "ConnectionStatus": connection.status})


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content, default=str, indent=2) + "\n", status=status, content_type="application/json")
