"""The words between a process and the host that forks worlds for it."""

from __future__ import annotations

import pickle
from typing import TypedDict

from pushproof.emulator.kernel.settings import WorldSettings


class Order(TypedDict):
    """An order to a new world: to continue the kept one in a directory, of a lineage."""

    kept: str
    origin: str


class World(TypedDict):
    """A forked world: its process, its addresses, and the administrator's keys."""

    id: str
    pid: int
    endpoint: str
    keys: tuple[str, str]
    directory: str
    balancers: str
    bridge: str


def encode_settings(world: WorldSettings, runtime: str) -> bytes:
    """Return the settings of a world for the host, which is a child of this process."""
    return pickle.dumps((world, runtime))


def decode_settings(data: bytes) -> tuple[WorldSettings, str]:
    """Return the settings that the parent process has sent. Raises ValueError."""
    world, runtime = pickle.loads(data)
    if not isinstance(world, WorldSettings) or not isinstance(runtime, str):
        raise ValueError("the host of forks received something other than the settings of a world")
    return world, runtime
