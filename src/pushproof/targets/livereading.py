"""Reading of a world for its live page: the record of what it is now."""

from __future__ import annotations

import platform
import time
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.emulator.world import World
from pushproof.record.assembling import Told, assemble
from pushproof.record.inside import inside
from pushproof.record.model import Record, Run, Versions
from pushproof.record.observing import Scope, Watch, discover, read_secrets

# : Real seconds within which one reading serves all requests.
_FRESH = 1.0


class LiveReading:
    """Records of a world. `began`: when it began, in seconds of the epoch. Not safe for several threads at once."""

    def __init__(self, world: World, began: float) -> None:
        self._world = world
        self._began = began
        self._read_at = float("-inf")
        self._secrets: tuple[str, ...] = ()
        self._watch = Watch(world.client, self._scope, inside=partial(inside, world))

    def record(self) -> Record:
        """Return the record of the world as it is now, or was up to a second ago."""
        world = self._world
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


def _keys(world: World) -> tuple[str, str]:
    administrator = world.keys.administrator
    return administrator.access_key_id, administrator.secret_access_key
