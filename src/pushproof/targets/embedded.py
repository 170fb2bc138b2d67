"""The embedded target: a world in this process, with moto as its substrate, and real or scripted containers."""

from __future__ import annotations

from dataclasses import dataclass

from pushproof.targets.journal import Journal
from pushproof.targets.worldtarget import WorldTarget, WorldTargetSettings


@dataclass(frozen=True, slots=True)
class EmbeddedSettings(WorldTargetSettings):
    """Settings of an embedded world."""


class EmbeddedTarget(WorldTarget):
    """A world that needs nothing but this process and, unless scripted, Docker Engine."""

    name = "embedded"
    keeps = True

    def __init__(self, settings: EmbeddedSettings | None = None, *, journal: Journal | None = None) -> None:
        super().__init__(settings or EmbeddedSettings(), journal=journal)
