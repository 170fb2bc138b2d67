"""boto3 clients of a world, in process: AWS's own services, assumed roles, the administrator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.substrate.moto import in_process_client

# Sessions of roles come and go, and a client takes up to half a megabyte.
_KEPT = 64


class WorldClients:
    """Makes clients whose requests go to the gateway in process, one for each service, region and pair of keys."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, handle: Callable[[Request], Response], *, region: str, plane_key: str) -> None:
        self._handle = handle
        self._region = region
        self._plane = Credentials(plane_key, "plane")
        self._made = functools.lru_cache(maxsize=_KEPT)(self._make)

    def client(self, service: str, *, region: str | None = None, credentials: Credentials | None = None) -> Any:
        """Return a client of a service. Without credentials it acts as AWS itself inside its own services."""
        return self._made(service, region or self._region, credentials or self._plane)

    def _make(self, service: str, region: str, keys: Credentials) -> Any:
        return in_process_client(
            service,
            region,
            self._handle,
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
        )
