"""Removal of everything that runs left in an account, and of nothing else."""

from pushproof.sandbox.sweep.belonging import Kept, KnownRun, Selection, SweepScope, choose, run_of
from pushproof.sandbox.sweep.resource import Resource, StillGoing
from pushproof.sandbox.sweep.sweeping import Outcome, Sweep

__all__ = [
    "Kept",
    "KnownRun",
    "Outcome",
    "Resource",
    "Selection",
    "StillGoing",
    "Sweep",
    "SweepScope",
    "choose",
    "run_of",
]
