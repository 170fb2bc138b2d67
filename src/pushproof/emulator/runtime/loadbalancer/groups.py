"""Target groups in operation: the next target, the busy targets, and the cookie that keeps a client with its target."""

from __future__ import annotations

import base64
import binascii
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pushproof.emulator.kernel.balancing import Target, TargetGroupSpec
from pushproof.engines.loadbalancing import eligible

# Only one listener's thread uses its target groups; their specs are replaced whole from outside.


class Group:
    """One target group: its latest spec and its requests in progress."""

    def __init__(self, spec: TargetGroupSpec) -> None:
        self._turn = 0
        self.in_flight: Counter[str] = Counter()
        self.update(spec)

    def update(self, spec: TargetGroupSpec) -> None:
        """Set a spec: new requests use it at once, requests in progress finish as they began."""
        self.spec = spec
        self._eligible = eligible((target, target.state) for target in spec.targets)

    def choose(self, sticky: str | None = None) -> Target | None:
        """Return the target for a new request; None if there is none. `sticky` is the key in an AWSALB cookie."""
        candidates = self._eligible
        if not candidates:
            return None
        if sticky is not None:
            for target in candidates:
                if target.key == sticky:
                    return target
        if self.spec.algorithm == "least_outstanding_requests":
            return min(candidates, key=lambda target: self.in_flight[target.key])
        if self.spec.algorithm == "weighted_random":
            return random.choice(candidates)
        self._turn += 1
        return candidates[self._turn % len(candidates)]

    def choose_for(self, flow: int | None) -> Target | None:
        """Return the target for a new connection; the same one for the same flow, as long as the same targets take any."""
        if flow is None or not self._eligible:
            return self.choose()
        return self._eligible[flow % len(self._eligible)]

    @contextmanager
    def serving(self, target: Target) -> Iterator[None]:
        """Count a request as in progress."""
        self.in_flight[target.key] += 1
        try:
            yield
        finally:
            self.in_flight[target.key] -= 1
            if not self.in_flight[target.key]:
                del self.in_flight[target.key]


def write_cookie(value: str) -> str:
    """Return an opaque cookie value."""
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def read_cookie(text: str | None) -> str | None:
    """Decode a cookie that `write_cookie` encoded; None for anything else."""
    if not text:
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
