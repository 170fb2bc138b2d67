"""Finding what runs left in an account, and removing it: only that, and all of it."""

from pushproof.sandbox.sweep.belonging import Kept, KnownRun, Selection, Wanted, choose, run_of
from pushproof.sandbox.sweep.found import Found, StillGoing
from pushproof.sandbox.sweep.sweeping import Outcome, Sweep

__all__ = ["Found", "Kept", "KnownRun", "Outcome", "Selection", "StillGoing", "Sweep", "Wanted", "choose", "run_of"]
