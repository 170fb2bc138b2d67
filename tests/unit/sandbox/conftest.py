"""A world in place of AWS, and its account as a sandbox target sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World
from pushproof.sandbox.settings import SandboxSettings
from pushproof.sandbox.sweep import Sweep

REGION = "eu-west-1"


class WorldAccount:
    """The sweep's account, over a world in this process."""

    region = REGION

    def __init__(self, world: World) -> None:
        self._world = world
        self.kept: dict[str, bytes] = {}

    def client(self, service: str) -> Any:
        return self._world.administrator(service)

    def keep(self, name: str, content: bytes) -> None:
        self.kept[name] = content


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual(WorldSettings(region=REGION), equip=scripted_equipment) as opened:
        yield opened


@pytest.fixture
def account(world: World) -> WorldAccount:
    return WorldAccount(world)


@pytest.fixture
def aws(world: World) -> Callable[[str], Any]:
    return world.administrator


@pytest.fixture
def settings(world: World) -> SandboxSettings:
    return SandboxSettings(accounts=frozenset({world.account_id}), regions=frozenset({REGION}), region=REGION)


@pytest.fixture
def sweep(world: World, account: WorldAccount) -> Callable[..., Sweep]:
    """A sweep whose pauses move the world's clock instead of waiting."""

    def make(**more: Any) -> Sweep:
        return Sweep(account, pause=lambda seconds: world.loop.advance(max(30.0, seconds)), **more)

    return make
