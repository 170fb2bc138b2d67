"""Base of targets that are a world in this process: a gateway that listens, real or scripted containers, a clean end."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from pushproof.aws.clients import make_client
from pushproof.base.clock import Clock
from pushproof.base.environment import scrub, world_environment
from pushproof.base.target import Address, TargetUnavailable
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.equipment import docker_equipment, scripted_equipment
from pushproof.emulator.substrate.moto import Substrate
from pushproof.emulator.world import World
from pushproof.targets.inventory import inventory
from pushproof.targets.journal import WORLD_VARIABLE, Journal, note_registry


@dataclass(frozen=True, slots=True)
class WorldTargetSettings:
    """Settings of a world. `runtime`: "docker" or "scripted"; `port` 0 takes the first free one."""

    world: WorldSettings = field(default_factory=WorldSettings)
    runtime: str = "docker"
    port: int = 0


class WorldTarget:
    """A world with its gateway listening, opened and closed by this process. What it stands on is up to the subclass."""

    name: str
    after_rollback = frozenset({"Failed"})

    def __init__(self, settings: WorldTargetSettings, *, journal: Journal | None = None) -> None:
        import os

        self.settings = settings
        self._journal = journal or Journal()
        self.cleaned = self._journal.clean_up()
        scrub(os.environ)
        self._record = self._journal.open(self.name, engine=self._uses_engine())
        try:
            self.world = self._open()
        except BaseException:
            self._journal.forget(self._record)
            raise
        self.region: str = self.world.region
        self.account_id: str = self.world.account_id
        self.clock: Clock = self.world.clock

    def _uses_engine(self) -> bool:
        """Return whether Docker Engine may come to hold something of this world."""
        return self.settings.runtime == "docker"

    #: Services that the substrate answers itself, although the plane has them.
    native: tuple[str, ...] = ()

    def _open(self) -> World:
        settings = replace(self.settings.world, port=self.settings.port)
        substrate = self._substrate(settings)
        try:
            host = self._docker_host()
            world = World(
                settings,
                substrate=substrate,
                directory=Path(self._record.directory),
                world_id=self._record.id,
                equip=scripted_equipment if host is None else docker_equipment(host),
                native=frozenset(self.native),
            )
        except BaseException:
            if substrate is not None:
                substrate.close()
            raise
        try:
            # Builds reach the gateway on the world's own bridge.
            world.serve(*([] if host is None else [host.bridge_address]))
            note_registry(Path(self._record.directory), world.registry_host)
            if host is not None:
                host.registries.add(world.registry_host)
        except OSError as error:
            world.close()
            raise TargetUnavailable(
                f"port {self.settings.port} of 127.0.0.1 cannot be listened on ({error.strerror}). "
                "Stop what uses it, or choose another with --port (0 takes the first free one)."
            ) from error
        except BaseException:
            world.close()
            raise
        return world

    def _docker_host(self) -> DockerHost | None:
        """Docker Engine's side of the world; None for scripted tasks. Raises TargetUnavailable."""
        if self.settings.runtime == "scripted":
            return None
        try:
            return DockerHost(self._record.id)
        except DockerUnavailable as error:
            raise TargetUnavailable(str(error)) from error

    def _substrate(self, settings: WorldSettings) -> Substrate | None:
        """Return the substrate of the world; None is moto in this process. Closed with the world. Raises TargetUnavailable."""
        return None

    @property
    def endpoint(self) -> str:
        """The gateway's URL."""
        return self.world.endpoint

    def environment(self) -> dict[str, str]:
        environment = world_environment(self.endpoint, region=self.region, account_id=self.account_id)
        environment[WORLD_VARIABLE] = self.world.id
        return environment

    def client(self, service: str, region: str | None = None) -> Any:
        return make_client(
            boto3.session.Session(),
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id="pushproof",
            aws_secret_access_key="pushproof",
            config=Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}),
        )

    def variables(self, source: Path, explicit: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def announce(self, name: str, changes: list[dict[str, Any]]) -> None:
        pass

    announces = False

    def lacks(self, capability: str) -> str | None:
        if capability in ("containers", "builds", "load-balancer") and self.settings.runtime == "scripted":
            return f"the scripted runtime has no {capability}"
        if capability == "oracles":
            return "here AWS's answers are the engines' own"
        return None

    def address(self, host: str, port: int) -> Address:
        """Return the real address of a load balancer's listener: its DNS name is a loopback address of its own."""
        return Address(host, port)

    def repository_url(self, repository: str) -> str:
        """Return the URL to push to; the repository is made if need be."""
        url: str = self.world.git.create(repository)
        return url

    def push(self, checkout: Any, commit: str, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """`git push`: (the commit, what the remote said)."""
        return commit, str(checkout.push())

    def certificate(self, certificate: str, private_key: str) -> str:
        """Import a certificate (PEM) into ACM; its ARN."""
        arn: str = self.client("acm").import_certificate(
            Certificate=certificate.encode(), PrivateKey=private_key.encode()
        )["CertificateArn"]
        return arn

    def forget_certificate(self, arn: str) -> None:
        """Delete an imported certificate."""
        self.client("acm").delete_certificate(CertificateArn=arn)

    def deadline(self, step: str, otherwise: float) -> float:
        """No step has a deadline of its own here: builds are real work on an unknown machine."""
        return otherwise

    def authorise_connection(self, arn: str) -> None:
        """Complete a connection's handshake, as a person does in the console."""
        with self.world.loop.lock:
            self.world.connections.authorise(arn)

    def build_environment(self) -> dict[str, str]:
        """Return the environment that builds need here: the base image, where no public one can be pulled."""
        if self.settings.runtime == "scripted":
            return {}
        from pushproof.emulator.runtime.docker.imagemaking import on_behalf_of
        from pushproof.emulator.runtime.docker.images import ensure_base_image

        with on_behalf_of(self.world.id, self.directory("images")):
            return {"BASE_IMAGE": ensure_base_image()}

    def ears(self, outputs: Mapping[str, Any]) -> None:
        """None: the webhook is heard here."""

    def tidy(self, kept: frozenset[str] = frozenset()) -> list[str]:
        """Nothing: what deployments make beside Terraform's goes with the world."""
        return []

    def leftovers(self) -> list[str]:
        """Resources that are still in the account, and containers of tasks and builds that still run."""
        left = inventory(self.client)
        if (engine := self.world.equipment.engine) is not None:
            label: dict[str, str | list[str] | bool] = {"label": f"pushproof.world={self.world.id}"}
            running = engine.client.containers.list(filters=label)
            left += [f"container {c.name}" for c in running if "pushproof.role" not in c.labels]
        return left

    def remains(self) -> list[str]:
        """After `close`: what the world left on this machine, as its own labels and files tell. Empty when all went well."""
        from pushproof.emulator.runtime.docker.host import connect, labelled_worlds

        left = [self._record.directory] if Path(self._record.directory).exists() else []
        if self.settings.runtime == "docker":
            client = connect()
            left += [f"Docker objects of world {self.world.id}"] if self.world.id in labelled_worlds(client) else []
            client.close()
        return left

    def directory(self, name: str) -> Path:
        """A directory of the world's own, made if need be; it goes with the world."""
        path = Path(self._record.directory) / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.world.gateway.close()
        self.world.close()
        self._journal.forget(self._record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
