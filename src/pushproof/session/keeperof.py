"""The keeper of a session's target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pushproof.session.foresight import uses
from pushproof.session.options import is_on, text_of

if TYPE_CHECKING:
    from pushproof.base.target import Target
    from pushproof.session.keeping import Keeper
    from pushproof.session.policy import Policy

    KEEPER = pytest.StashKey[Keeper]()
    POLICY = pytest.StashKey[Policy]()
else:
    KEEPER = pytest.StashKey()
    POLICY = pytest.StashKey()


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
        session = config.pluginmanager.get_plugin("session")
        # A worker of xdist knows all tests, and not which of them it gets; the tests of a mutant end at the first red one.
        whole = not hasattr(config, "workerinput") and keeper.policy is None
        if whole and isinstance(session, pytest.Session) and uses(session.items, "fork"):
            keeper.expect_forks()
    return keeper
