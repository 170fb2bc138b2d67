"""The keeper of a session's target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pushproof.session.options import is_on, text_of

if TYPE_CHECKING:
    from pushproof.base.target import Target
    from pushproof.session.keeping import Keeper
    from pushproof.terraform.applied import AppliedModule

    KEEPER = pytest.StashKey[Keeper]()
    POLICY = pytest.StashKey["Policy"]()
else:
    KEEPER = pytest.StashKey()
    POLICY = pytest.StashKey()


@dataclass(frozen=True, slots=True)
class Policy:
    """A session's use of kept worlds, where it is a run of a campaign that tries changed configurations.

    `report` gets each applied module, the outcome of the apply, and the key of the kept world that it led to, "" where there is
    none. Outcomes: "unchanged" (continued from a kept world), "identical" (Terraform found nothing to change in the
    original's), "changed" or "cold". `trying`: a changed configuration is tried. Its difference is then applied to the kept world
    that `origins` names for a source and variables, nothing new is kept, a configuration that Terraform refuses is not applied
    anew, and what a failed apply made goes with its world.
    """

    report: Callable[[AppliedModule, str, str], None]
    trying: bool = False
    origins: Callable[[Path, Mapping[str, object]], Sequence[str]] = lambda _source, _variables: ()


def keeper_of(config: pytest.Config, target: Target) -> Keeper | None:
    """Return the one keeper of a session's target; None if the target's state cannot be kept."""
    if not getattr(target, "keeps", False) or text_of(config, "report"):
        # A record of the session is read from the one world that it all happened in.
        return None
    keeper = config.stash.get(KEEPER, None)
    if keeper is None:
        from pushproof.session.keeping import Keeper
        from pushproof.targets.kept.store import KeptWorlds
        from pushproof.targets.worldtarget import WorldTarget

        assert isinstance(target, WorldTarget)
        keeper = config.stash[KEEPER] = Keeper(
            target, KeptWorlds(), cold=is_on(config, "cold"), policy=config.stash.get(POLICY, None)
        )
    return keeper
