"""The lineage of a world's state: a new world, or a kept one, and the calls since then."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushproof.emulator.kernel.context import Call
    from pushproof.emulator.world import World

NEW = "new"
# The name of a lock of the S3 backend ends so.
LOCK = ".tflock"
# Calls whose answers this world does not know, and whose outcome depends on the request alone.
_DETERMINED = frozenset({"acm:ImportCertificate"})


class Lineage:
    """The lineage of a world: two worlds with the same one are the same to every caller.

    A call that changes something is a part of it, with its answer: so two worlds differ if AWS chose another id in one of them.
    """

    def __init__(self, world: World, origin: str = NEW) -> None:
        self._world = world
        self._origin = origin
        self._calls = world.log.total
        self._writes = world.gateway.front_writes
        self._obscured: str | None = None
        self._notes: list[str] = []

    def note(self, change: str) -> None:
        """Note a change that no call tells of, in words that are the same for the same change."""
        self._notes.append(change)

    def obscure(self, reason: str) -> None:
        """Note that the state can have changed in a way that no call tells of."""
        self._obscured = self._obscured or reason

    @property
    def reason(self) -> str | None:
        """The reason why the lineage is not known; None if it is."""
        if self._obscured is not None:
            return self._obscured
        if self._world.gateway.front_writes != self._writes:
            return "something was pushed or uploaded to the world before"
        calls = self._changes()
        if calls is None:
            return "too many calls were made in the world before"
        for call in calls:
            if call.response is None and call.name not in _DETERMINED:
                return f"{call.name} was called in the world before, and AWS chooses ids in its answer"
        return None

    def digest(self) -> str | None:
        """Return the lineage as a text; None if it is not known."""
        if self.reason is not None:
            return None
        changes = [(call.name, call.context.region, call.request, call.response) for call in self._changes() or ()]
        if not changes and not self._notes:
            return self._origin
        text = json.dumps([self._origin, changes, self._notes], sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()

    def _changes(self) -> list[Call] | None:
        """Return the calls that changed something. AWS's own calls follow from the state, and refused ones leave no trace."""
        calls = self._world.log.since(self._calls)
        if calls is None:
            return None
        changes = [
            call for call in calls if call.mutating and call.status < 400 and call.context.principal.kind != "plane"
        ]
        return _without_locks(changes)


def _without_locks(changes: list[Call]) -> list[Call]:
    """Return calls without those that locked a state and unlocked it again, as each plan does.

    What they leave, older versions of the lock, is read by nobody.
    Source: https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
    """
    last = {key: call for call in changes if (key := _lock_of(call)) is not None}
    released = {key for key, call in last.items() if call.name == "s3:DeleteObject"}
    return [call for call in changes if _lock_of(call) not in released]


def _lock_of(call: Call) -> tuple[str, str] | None:
    """Return the bucket and the key of the lock that a call puts or deletes; None for other calls."""
    key = str(call.request.get("Key", ""))
    if call.name not in ("s3:PutObject", "s3:DeleteObject") or not key.endswith(LOCK):
        return None
    return str(call.request.get("Bucket", "")), key
