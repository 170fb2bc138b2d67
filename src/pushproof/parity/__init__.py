"""Two targets side by side: apply each module on both, and compare what their APIs answer and what the checks find.

What an API answers is read by the AWS provider: the refreshed state of a second plan, with ids, addresses and times normalised. Two
targets are alike when those states are, the second plans are empty, and the findings are the same.
"""

from __future__ import annotations

from pushproof.parity.differences import Difference, Run, differences, normalised, reason
from pushproof.parity.modules import MODULES, run_modules

__all__ = ["MODULES", "Difference", "Run", "differences", "normalised", "reason", "run_modules"]
