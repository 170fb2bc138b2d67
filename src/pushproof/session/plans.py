"""Plans of earlier runs, which hold while a world gives the same answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from pushproof.session.codeversion import code_version
from pushproof.session.ingredients import digest
from pushproof.targets.kept.store import KeptWorlds

if TYPE_CHECKING:
    from pushproof.targets.worldtarget import WorldTarget


class Plans:
    """Plans of earlier runs, in worlds that give the same answers. See `PlanMemory`."""

    def __init__(self, target: WorldTarget, store: KeptWorlds) -> None:
        self._target, self._store = target, store

    def planned(self, note: str, plan: Callable[[], str]) -> str:
        """Return the plan that was remembered for a note, as long as it would be the same; else what `plan` returns now."""
        place = self._target.place
        name = digest({"note": place.marked(note), "pushproof": code_version()})
        text = self._store.recall(name)
        if text is not None:
            known = json.loads(text)
            if self._target.answers_alike(known["reads"]):
                return place.filled(known["plan"])
        with self._target.recorded() as reads:
            made = plan()
        if reads.complete:
            self._store.remember(name, json.dumps({"plan": place.marked(made), "reads": reads.reads}))
        return made
