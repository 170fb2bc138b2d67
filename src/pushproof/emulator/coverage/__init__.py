"""Coverage of AWS's API: what an embedded world does with each operation of the plane's services, read from the code itself.

No world is needed. Services say what they answer, and moto's classes what they have, so that the answer cannot drift from either.
"""

from pushproof.emulator.coverage.errors import ListedError, errors
from pushproof.emulator.coverage.operations import Coverage, Operation, State, coverage, operation

__all__ = ["Coverage", "ListedError", "Operation", "State", "coverage", "errors", "operation"]
