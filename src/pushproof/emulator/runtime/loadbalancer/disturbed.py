"""Health checks under faults: what a load balancer sees of a target that a fault cuts off, delays or drops.

And the silence of its nodes in a zone that is lost.
"""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.kernel.tasks import HttpProbe, TargetProber

# Real seconds between two looks at whether a client is still there, and the zone still lost.
_LOOK = 0.1


async def be_silent(faults: ActiveFaults, zones: tuple[str, ...], connection: asyncio.BaseTransport | None) -> bool:
    """Give no answer, as a node in a zone that is lost. Return whether the zone has come back, so that the client gets one.

    The kernel has taken the connection by then: a client waits for its answer, where on AWS it waits for the connection.
    """
    end = time.monotonic() + faults.silence
    while time.monotonic() < end and connection is not None and not connection.is_closing():
        if faults.zones_lost.isdisjoint(zones):
            return True
        await asyncio.sleep(_LOOK)
    return False


class DisturbedProber:
    """A prober whose way to the targets is subject to the active faults."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, prober: TargetProber, faults: ActiveFaults) -> None:
        self._prober = prober
        self._faults = faults

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        condition = self._faults.condition(address, port)
        if not condition.reachable or condition.delay >= timeout:
            return HttpProbe(None, "timeout")
        if condition.drops:
            return HttpProbe(None, "reset")
        return self._prober.probe(address, port, path=path, protocol=protocol, timeout=timeout)
