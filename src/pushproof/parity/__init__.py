"""Two targets side by side: every module applied on both, with a comparison of the APIs' answers and the checks' findings.

The AWS provider reads the answers: a second plan refreshes the state, whose ids, addresses and times are then normalised. Two
targets are alike when those states are equal, the second plans are empty, and the findings are the same.
"""

from __future__ import annotations

from pushproof.parity.differences import Difference, Run, differences, normalised, reason
from pushproof.parity.modules import MODULES, run_modules

__all__ = ["MODULES", "Difference", "Run", "differences", "normalised", "reason", "run_modules"]
