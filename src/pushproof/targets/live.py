"""The live page of a world, `/_pushproof/ui` on its gateway: the current state, and each change at once. It changes nothing.

It requires the administrator's keys, like the other control endpoints; a browser asks for them. The world is read as AWS
itself reads its own services, and only while a page is open.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.site import CHALLENGE, KEYS_NEEDED
from pushproof.emulator.world import World
from pushproof.record.assembling import Told, assemble
from pushproof.record.codec import to_json
from pushproof.record.inside import inside
from pushproof.record.model import Record, Run, Versions
from pushproof.record.observing import Scope, Watch, discover, read_secrets

PATH = "/_pushproof/ui"
# : Real seconds between two looks for changes, and after which a page gets an event in any case: targets change without one.
_LOOK, _ANYWAY = 0.5, 5.0
# : One reading serves all requests within it.
_FRESH = 1.0


class LivePage:
    """`GET ui` returns the page, `GET ui/record` the record behind it, `GET ui/events` a stream with `change` at every change."""

    name = "live"

    def __init__(self, world: World) -> None:
        self._world = world
        self._began = world.clock.stamp(world.clock.now()).timestamp()
        self._closed = threading.Event()
        self._guard = threading.Lock()
        self._read_at = float("-inf")
        self._secrets: tuple[str, ...] = ()
        self._watch = Watch(world.client, self._scope, inside=partial(inside, world))

    def accepts(self, request: Request) -> bool:
        return request.path == PATH or request.path.startswith(f"{PATH}/")

    def handle(self, request: Request) -> Response:
        if not self._world.ground.doorkeeper.admits(request):
            return Response(
                f"{KEYS_NEEDED}\n",
                401,
                headers={"WWW-Authenticate": CHALLENGE},
                content_type="text/plain; charset=utf-8",
            )
        if request.method != "GET":
            return Response("The page only shows: GET it\n", 405, headers={"Allow": "GET"}, content_type="text/plain")
        if request.path == PATH:
            # Imported here, because its templates' library takes an eighth of a second.
            from pushproof.report.page import render

            return _unkept(Response(render(self.record(), live=True), content_type="text/html; charset=utf-8"))
        if request.path == f"{PATH}/record":
            return _unkept(Response(to_json(self.record()), content_type="application/json"))
        if request.path == f"{PATH}/events":
            # https://html.spec.whatwg.org/multipage/server-sent-events.html
            return _unkept(Response(self._news(), content_type="text/event-stream"))
        return Response(
            f"{request.path} is unknown; there are: ui, ui/record, ui/events\n", 404, content_type="text/plain"
        )

    def close(self) -> None:
        """End the streams of all open pages."""
        self._closed.set()

    def record(self) -> Record:
        """Return the record of the world as it is now."""
        world = self._world
        with self._guard:
            if time.monotonic() - self._read_at > _FRESH:
                self._watch.survey()
                self._secrets = tuple(read_secrets(world.client))
                self._read_at = time.monotonic()
            now = world.clock.stamp(world.clock.now()).timestamp()
            return assemble(
                Told(
                    run=Run(
                        id=world.id,
                        command="up",
                        target="embedded",
                        account=world.account_id,
                        region=world.region,
                        speed=world.settings.speed,
                        began=datetime.fromtimestamp(self._began, UTC).isoformat(timespec="seconds"),
                        seconds=now - self._began,
                    ),
                    versions=Versions(pushproof=version("pushproof"), python=platform.python_version()),
                    passed=True,
                    title=f"World {world.id} is up",
                    watched=True,
                    began=self._began,
                    secrets=(*self._secrets, *_keys(world)),
                ),
                self._watch.observations,
            )

    def _scope(self) -> Scope | None:
        try:
            return discover(self._world.client)
        except (ClientError, BotoCoreError):
            return None

    def _news(self) -> Iterator[bytes]:
        """Yield an event for each change, and now and then one without."""
        yield b"retry: 2000\n\n"
        last: tuple[object, ...] | None = None
        reported = float("-inf")
        while not self._closed.wait(_LOOK):
            state = self._state()
            if state != last or time.monotonic() - reported > _ANYWAY:
                last, reported = state, time.monotonic()
                yield b"event: change\ndata: {}\n\n"

    def _state(self) -> tuple[object, ...]:
        """Return the values that differ after any event."""
        world = self._world
        refused = [use.count for use in world.authority.uses.all() if not use.allowed]
        events = world.bus.history
        return len(events), events[-1].envelope["id"] if events else "", sum(refused)


def _keys(world: World) -> tuple[str, str]:
    administrator = world.keys.administrator
    return administrator.access_key_id, administrator.secret_access_key


def _unkept(response: Response) -> Response:
    """Return an answer that no cache keeps and no other page frames."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Frame-Options"] = "DENY"
    return response
