"""A world: one emulated AWS account, disposable, with everything that makes it go."""

from __future__ import annotations

import functools
import itertools
import secrets
import tempfile
from pathlib import Path
from typing import Any

from pushproof.base.clock import Clock, ScaledClock
from pushproof.emulator import services
from pushproof.emulator.access.authority import Authority
from pushproof.emulator.events.bus import Bus
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.loop import Loop, ThreadedLoop, VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.kernel.tasks import TargetProber, TaskRuntime
from pushproof.emulator.network.paths import Paths
from pushproof.emulator.substrate.moto import MotoSubstrate, Substrate, in_process_client
from pushproof.emulator.wire.gateway import Gateway


class World:
    """Holds the parts; each part knows the world and finds the others here.

    Close it (it is a context manager): servers stop, containers go, state is thrown away.
    """

    def __init__(
        self,
        settings: WorldSettings | None = None,
        *,
        loop: Loop | None = None,
        substrate: Substrate | None = None,
        directory: Path | None = None,
        world_id: str | None = None,
    ) -> None:
        self.settings = settings or WorldSettings()
        self.id = world_id or secrets.token_hex(4)
        self.account_id = self.settings.account_id
        self.region = self.settings.region
        self.loop: Loop = loop or ThreadedLoop(ScaledClock(self.settings.speed))
        self.clock: Clock = self.loop.clock
        # First, since it may refuse: nothing else has been made by then.
        self.substrate: Substrate = substrate or MotoSubstrate(self.account_id)
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="pushproof-")
        self.directory = directory or Path(self._temporary.name)  # type: ignore[union-attr]
        # The plane's own key: random, so that nobody outside acts as AWS.
        self.plane_key = "PLANE" + secrets.token_hex(10).upper()
        self.authority = Authority(self)
        self.bus = Bus(self)
        self.paths = Paths(self)
        self.gateway = Gateway(self)
        # Set by the target (or a test) before the first task starts.
        self.runtime: TaskRuntime | None = None
        self.prober: TargetProber | None = None
        # The Docker side of this world (network, labels, clean-up); None in a scripted world.
        self.docker: Any = None
        # The OCI registry front, the git host, the builder, the load balancer's data plane: set as constructed.
        self.registry: Any = None
        self.git: Any = None
        self.builder: Any = None
        self.balancer: Any = None
        # Both names of CodeConnections share one set of connections.
        self.connections: Any = None
        self.port = 0
        self.services: dict[str, Any] = services.load(self)
        self._loopback = itertools.count(1)
        self._clients = functools.lru_cache(maxsize=256)(self._make_client)
        self._closed = False

    @classmethod
    def virtual(cls, settings: WorldSettings | None = None, **parts: Any) -> World:
        """A world on a virtual clock, with no sockets and no Docker, for tests: `world.loop.advance(30)`."""
        return cls(settings, loop=VirtualLoop(), **parts)

    # Addresses.

    @property
    def endpoint(self) -> str:
        """The gateway's URL, the same for every service: `http://127.0.0.1:<port>`."""
        return f"http://{self.registry_host}"

    @property
    def registry_host(self) -> str:
        """The registry's host and port, as image references carry it; without a port until the gateway listens."""
        return f"127.0.0.1:{self.port}" if self.port else "127.0.0.1"

    def loopback_address(self) -> str:
        """An address of 127.0.0.0/8 for one listener's owner. The gateway's port, part of it, tells worlds apart."""
        number = next(self._loopback)
        port = self.port or 1
        return f"127.{64 + (port >> 8) % 64}.{port & 255}.{number + 1}"

    def serve(self) -> str:
        """Start the gateway's HTTP server on loopback; returns the endpoint. Raises OSError when the port is taken."""
        self.port = self.gateway.serve(["127.0.0.1"], self.settings.port)
        return self.endpoint

    # Calling AWS from inside.

    def client(self, service: str, *, region: str | None = None, credentials: Credentials | None = None) -> Any:
        """A boto3 client that goes through the gateway like anybody's: identified, authorised, recorded.

        Without credentials it acts as AWS itself does inside its own services.
        """
        return self._clients(service, region or self.region, credentials)

    def _make_client(self, service: str, region: str, credentials: Credentials | None) -> Any:
        keys = credentials or Credentials(self.plane_key, "plane")
        return in_process_client(
            service,
            region,
            self.gateway.handle,
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
        )

    def administrator(self, service: str, *, region: str | None = None) -> Any:
        """A boto3 client of the account's administrator, in-process: what Terraform's credentials may do."""
        return self._clients(service, region or self.region, Credentials("administrator", "administrator"))

    def assume(
        self, role_arn: str, service_principal: str, session_name: str = "pushproof", *, source_arn: str | None = None
    ) -> Credentials:
        """Credentials of a role, as an AWS service gets them. Raises AwsError when the role's trust policy refuses."""
        return self.authority.assume(role_arn, service_principal, session_name, source_arn=source_arn)

    def close(self) -> None:
        """Stop everything; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.gateway.close()
        for service in dict.fromkeys(self.services.values()):
            service.close()
        for part in (self.runtime, self.builder, self.balancer, self.git, self.registry):
            close = getattr(part, "close", None)
            if close is not None:
                close()
        self.loop.close()
        if self.docker is not None:
            self.docker.close()
        self.substrate.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
