"""The variables by which other programs reach a world. A file in the world's directory holds them while the world is up.

The world's keys are among them, so only this user can read the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pushproof.base.target import TargetUnavailable

if TYPE_CHECKING:
    from pushproof.targets.journal import Journal
    from pushproof.targets.worldtarget import WorldTarget

_FILE = "exports.json"
# In a world's environment these come from the world alone: the user's own were dropped before.
_PREFIXES = ("AWS_", "GIT_CONFIG_")
_NAMES = ("PUSHPROOF_ACCOUNT_ID", "NO_PROXY")


def exports_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a target's environment that lead to its world."""
    return {k: v for k, v in sorted(environment.items()) if k.startswith(_PREFIXES) or k in _NAMES}


def publish(target: WorldTarget) -> dict[str, str]:
    """Publish a world's exports, so that `published` returns them from now on. Returns them."""
    exports = exports_of(target.environment())
    # In a folder of its own: containers of the world may share the world's directory.
    file = target.directory("exports") / _FILE
    unfinished = file.with_suffix(".part")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(exports, stream)
    unfinished.replace(file)
    return exports


def published(journal: Journal, world_id: str | None = None) -> dict[str, str]:
    """Return the exports of the world of that id, or of the only one that is up. Raises TargetUnavailable."""
    worlds: dict[str, dict[str, str]] = {}
    for record in journal.records():
        file = Path(record.directory) / "exports" / _FILE
        if record.alive and file.is_file():
            worlds[record.id] = json.loads(file.read_text(encoding="utf-8"))
    listed = "; ".join(f"{id} at {exports.get('AWS_ENDPOINT_URL', '?')}" for id, exports in worlds.items())
    if world_id is not None:
        if world_id not in worlds:
            raise TargetUnavailable(f"world {world_id} is not up; up: {listed or 'none'}")
        return worlds[world_id]
    if not worlds:
        raise TargetUnavailable(
            "no world is up, or none is ready yet: start one with `pushproof serve`, or wait with --wait"
        )
    if len(worlds) > 1:
        raise TargetUnavailable(f"more than one world is up ({listed}): choose one with --world")
    return next(iter(worlds.values()))
