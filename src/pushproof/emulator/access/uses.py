"""The permissions that roles used, and those that they lacked, as the authority decided them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from pushproof.emulator.kernel.context import Principal
from pushproof.engines.policy import Decision

#: Distinct uses that are kept. A role that lists a million objects does not fill the memory.
LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Use:
    """A permission that a role used: how often, when first and last (AWS time), and AWS's words if it was refused."""

    role_arn: str
    action: str
    resource: str
    allowed: bool
    count: int
    first: float
    last: float
    message: str = ""


class Uses:
    """Counts decisions about sessions of roles."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._uses: dict[tuple[str, str, str, bool], Use] = {}

    def note(self, principal: Principal, decision: Decision, at: float) -> None:
        """Count a decision, unless the principal is no role."""
        if principal.kind != "session" or principal.role_arn is None:
            return
        request = decision.request
        key = (principal.role_arn, request.action, request.resource, decision.allowed)
        with self._guard:
            use = self._uses.get(key)
            if use is not None:
                self._uses[key] = replace(use, count=use.count + 1, last=at)
            elif len(self._uses) < LIMIT:
                self._uses[key] = Use(
                    *key, count=1, first=at, last=at, message="" if decision.allowed else decision.message
                )

    def all(self) -> list[Use]:
        """Return every use, in the order in which each was first made."""
        with self._guard:
            return list(self._uses.values())
