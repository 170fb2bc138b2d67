"""Health checks under faults: what a load balancer sees of a target that a fault cuts off, delays or drops."""

from __future__ import annotations

from typing import ClassVar

from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.kernel.tasks import HttpProbe, TargetProber


class DisturbedProber:
    """A prober whose way to the targets is subject to the active faults."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, prober: TargetProber, faults: ActiveFaults) -> None:
        self._prober = prober
        self._faults = faults

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        condition = self._faults.condition(address)
        if not condition.reachable or condition.delay >= timeout:
            return HttpProbe(None, "timeout")
        if condition.drops:
            return HttpProbe(None, "reset")
        return self._prober.probe(address, port, path=path, protocol=protocol, timeout=timeout)
