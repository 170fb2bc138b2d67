"""The live page of a world, `/_pushproof/ui` on its gateway: the current state, and each change at once. It changes nothing.

It requires the administrator's keys, like the other control endpoints; a browser asks for them. The world is read as AWS
itself reads its own services, and only while a page is open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.site import CHALLENGE, KEYS_NEEDED
from pushproof.emulator.world import World

if TYPE_CHECKING:
    from pushproof.record.model import Record
    from pushproof.targets.livereading import LiveReading

PATH = "/_pushproof/ui"
# : Real seconds between two looks for changes, and after which a page gets an event in any case: targets change without one.
_LOOK, _ANYWAY = 0.5, 5.0


class LivePage:
    """`GET ui` returns the page, `GET ui/record` the record behind it, `GET ui/events` a stream with `change` at every change."""

    name = "live"

    def __init__(self, world: World) -> None:
        self._world = world
        self._began = world.clock.stamp(world.clock.now()).timestamp()
        self._closed = threading.Event()
        self._guard = threading.Lock()
        self._reading: LiveReading | None = None

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
            from pushproof.record.codec import to_json

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
        with self._guard:
            if self._reading is None:
                # Imported here, because records take an eighth of a second.
                from pushproof.targets.livereading import LiveReading

                self._reading = LiveReading(self._world, self._began)
            return self._reading.record()

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


def _unkept(response: Response) -> Response:
    """Return an answer that no cache keeps and no other page frames."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Frame-Options"] = "DENY"
    return response
