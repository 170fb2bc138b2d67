"""Builds and functions that run in a VPC now: they reach tasks as security groups, network ACLs and routes let them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from pushproof.emulator.kernel.tasks import Neighbourhood
from pushproof.engines.reachability import Place

# Real seconds. A build that starts on a busy machine waits so long for its ways to tasks, and goes on without them.
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Guest:
    """A container in a VPC that is no task. `address`: its real one. `admit` tells it whom it reaches, and may take a while."""

    id: str
    region: str
    place: Place
    address: str
    admit: Callable[[Neighbourhood], None]


class Guests:
    """Keeps the guests of a world, and tells its follower of each that comes and goes. Safe to use from any thread."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guests: dict[str, tuple[Guest, threading.Event]] = {}
        self._follower: Callable[[], None] | None = None

    def follow(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change; whoever follows calls `admitted` for those whom it has told."""
        self._follower = callback

    @property
    def present(self) -> tuple[Guest, ...]:
        """Return the guests, in the order in which they came."""
        with self._lock:
            return tuple(guest for guest, _ in self._guests.values())

    def join(self, guest: Guest, within: float = _PATIENCE) -> None:
        """Add a guest, and wait until it and the tasks that it reaches know of each other. Not under the world's lock."""
        if self._follower is None:
            return
        known = threading.Event()
        with self._lock:
            self._guests[guest.id] = guest, known
        self._follower()
        known.wait(within)

    def leave(self, guest_id: str) -> None:
        """Remove a guest; do nothing if it is gone."""
        with self._lock:
            gone = self._guests.pop(guest_id, None)
        if gone is not None and self._follower is not None:
            self._follower()

    def admitted(self, guests: Iterable[Guest]) -> None:
        """Note that these guests know their ways."""
        with self._lock:
            for guest in guests:
                entry = self._guests.get(guest.id)
                if entry is not None:
                    entry[1].set()
