"""Coverage of AWS's API: the state of each operation of the plane's services in an embedded world, read from the code itself.

No world is needed. The answer comes from the services' and moto's classes, so that it cannot drift from either.
"""

from pushproof.emulator.coverage.errors import ListedError, errors
from pushproof.emulator.coverage.operations import Coverage, Operation, State, coverage, operation

__all__ = ["Coverage", "ListedError", "Operation", "State", "coverage", "errors", "operation"]
