"""Faults of a world: what begins and ends them, and the times at which it did."""

from pushproof.emulator.faults.world import WorldFaults

__all__ = ["WorldFaults"]
