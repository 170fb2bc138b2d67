"""A substrate of two layers: an emulator by URL for the services it has, and moto in this process for those it lacks.

The two have separate states: a back-filled service cannot see resources of the other. The services that would need to are in the
delivery plane, which reaches either through boto3.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.emulator.kernel.protocol import signature_of
from pushproof.emulator.substrate.moto import MotoSubstrate, Substrate


class LayeredSubstrate:
    """Sends each service to the layer that has it.

    Args:
        base: answers the services in `native`, and requests without a service.
        native: botocore service names.
        backfill: makes the layer for the rest, on first use.
        closing: called after both layers are closed, such as to remove a container.
    """

    def __init__(
        self,
        base: Substrate,
        native: frozenset[str],
        backfill: Callable[[], Substrate],
        *,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self.base = base
        self.native = native
        self._make_backfill = backfill
        self._backfill: Substrate | None = None
        self._closing = closing
        self._guard = threading.Lock()
        # : Services that the back-fill answered, to show which ones were not native.
        self.backfilled: set[str] = set()

    def layer(self, service: str | None) -> Substrate:
        """Return the substrate that answers a service."""
        if service is None or service in self.native:
            return self.base
        with self._guard:
            self.backfilled.add(service)
            if self._backfill is None:
                self._backfill = self._make_backfill()
            return self._backfill

    def handle(self, request: Request) -> Response:
        signature = signature_of(request)
        return self.layer(signature.service if signature else None).handle(request)

    def client(self, service: str, region: str) -> Any:
        return self.layer(service).client(service, region)

    def lacks(self, service: str, operation: str) -> bool:
        return self.layer(service).lacks(service, operation)

    def secret_access_key(self, access_key_id: str) -> str | None:
        return self.layer("iam").secret_access_key(access_key_id)

    def state(self) -> dict[str, object]:
        raise NotKeepable("another emulator has a part of the account's state")

    def continue_from(self, state: Mapping[str, object]) -> None:
        raise NotKeepable("another emulator has a part of the account's state")

    def close(self) -> None:
        try:
            self.base.close()
            if self._backfill is not None:
                self._backfill.close()
        finally:
            if self._closing is not None:
                self._closing()


def moto_answers(substrate: object, service: str) -> bool:
    """Return whether moto, in this process, answers a service below the plane."""
    if isinstance(substrate, LayeredSubstrate):
        return service not in substrate.native
    return isinstance(substrate, MotoSubstrate)
