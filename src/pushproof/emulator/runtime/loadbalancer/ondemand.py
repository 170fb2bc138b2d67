"""A data plane that is made when a load balancer first needs it: importing its HTTP library takes half a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ClassVar

from pushproof.emulator.kernel.balancing import AccessLogEntry, Counted, DataPlane, ListenerSpec, TargetGroupSpec
from pushproof.emulator.kernel.tasks import HttpProbe


class OnDemandDataPlane:
    """Makes and starts a data plane at the first listener or probe, and hands everything on to it."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, make: Callable[[], DataPlane]) -> None:
        self._make = make
        self._made: DataPlane | None = None
        self._groups: dict[str, TargetGroupSpec] = {}
        self._guard = threading.Lock()

    def start(self) -> None:
        """Do nothing yet."""

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def put_listener(self, spec: ListenerSpec) -> None:
        self._real().put_listener(spec)

    def remove_listener(self, arn: str) -> None:
        if self._made is not None:
            self._made.remove_listener(arn)

    def put_target_group(self, spec: TargetGroupSpec) -> None:
        with self._guard:
            if self._made is None:
                self._groups[spec.arn] = spec
                return
        self._made.put_target_group(spec)

    def remove_target_group(self, arn: str) -> None:
        with self._guard:
            if self._made is None:
                self._groups.pop(arn, None)
                return
        self._made.remove_target_group(arn)

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        return self._real().probe(address, port, path=path, protocol=protocol, timeout=timeout)

    def access_log(self, accepts: Callable[[AccessLogEntry], bool] | None = None) -> list[AccessLogEntry]:
        return [] if self._made is None else self._made.access_log(accepts)

    def traffic(self, until: float) -> list[Counted]:
        return [] if self._made is None else self._made.traffic(until)

    def _real(self) -> DataPlane:
        with self._guard:
            if self._made is None:
                made = self._make()
                made.start()
                for spec in self._groups.values():
                    made.put_target_group(spec)
                self._groups.clear()
                self._made = made
            return self._made
