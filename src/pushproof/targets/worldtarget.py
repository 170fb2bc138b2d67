"""Base of targets that are a world in this process, with a listening gateway, real or scripted containers, and a clean end."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pushproof.base.directories import remove_tree
from pushproof.base.environment import scrub
from pushproof.base.target import TargetUnavailable
from pushproof.emulator.keeping.files import STATE_DIRECTORIES
from pushproof.emulator.keeping.places import Place
from pushproof.emulator.keeping.reading import UnreadableState
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.equipment import docker_equipment, scripted_equipment
from pushproof.emulator.substrate.moto import Substrate
from pushproof.emulator.world import World
from pushproof.targets.faults import Faults, WithinProcess
from pushproof.targets.gateway import GatewayTarget, running_containers
from pushproof.targets.journal import Journal, end_marked, note_keys, note_registry
from pushproof.targets.kept.lineage import NEW, Lineage
from pushproof.targets.kept.reads import Read, Recording, are_answered_alike, recording
from pushproof.targets.live import LivePage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorldTargetSettings:
    """Settings of a world. `runtime`: "docker" or "scripted"; `port` 0 takes the first free one.

    `addresses`: more addresses of this machine to listen on, besides loopback and the world's own bridge.
    """

    world: WorldSettings = field(default_factory=WorldSettings)
    runtime: str = "docker"
    port: int = 0
    addresses: tuple[str, ...] = ()


class WorldTarget(GatewayTarget):
    """A world with its gateway listening, opened and closed by this process. Subclasses choose the substrate."""

    def __init__(self, settings: WorldTargetSettings, *, journal: Journal | None = None) -> None:
        import os

        self.settings = settings
        self._journal = journal or Journal()
        self.cleaned = self._journal.clean_up()
        scrub(os.environ)
        self._record = self._journal.open(self.name, engine=self._uses_engine())
        try:
            self._world = self._open()
        except BaseException:
            self._journal.forget(self._record)
            raise
        self.lineage = Lineage(self._world)
        super().__init__(
            world_id=self._world.id,
            endpoint=self._world.endpoint,
            region=self._world.region,
            account_id=self._world.account_id,
            keys=_keys(self._world),
            clock=self._world.clock,
            directory=Path(self._record.directory),
        )

    @property
    def world(self) -> World:
        """The world. Whoever has it may change it in ways that no call tells of."""
        self.lineage.obscure("a test has used the world itself")
        return self._world

    def faults(self) -> Faults:
        """Return the vocabulary of faults of this world."""
        return Faults(
            WithinProcess(lambda: self._world.faults, lambda: self.lineage.obscure("the world had a fault before"))
        )

    def _uses_engine(self) -> bool:
        """Return whether Docker Engine may hold objects of this world."""
        return self.settings.runtime == "docker"

    #: Services that the substrate answers itself, although the plane has them.
    native: tuple[str, ...] = ()

    #: Whether the world's state can be kept: all of it is in this process.
    keeps: bool = False

    def keep(self, directory: Path) -> None:
        """Write the world's state into an empty directory. Raises NotKeepable, OSError."""
        self._world.keep(directory)

    @property
    def place(self) -> Place:
        """The addresses of the world, which kept texts have marks for."""
        return self._world.place

    def continue_from(self, kept: Path | None, origin: str) -> None:
        """Replace the world by a new one, or by one that continues a kept one, at the same address and with the same keys.

        `origin`: the lineage of the state. Raises UnreadableState, OSError; the target then has a new world.
        """
        untouched = self._world.log.total == 0 and self.lineage.digest() == NEW
        if kept is None or not untouched:
            self._renew()
        if kept is not None:
            try:
                self._world.begin(kept)
            except (UnreadableState, OSError):
                self._renew()
                raise
        self.derive(origin)

    def _renew(self) -> None:
        """Open a new world in place of this one, at its address and with its keys."""
        before = self._world
        host = before.equipment.engine
        assert host is None or isinstance(host, DockerHost)
        self._live.close()
        before.gateway.close()
        before.close(with_engine=False)
        for name in STATE_DIRECTORIES:
            remove_tree(Path(self._record.directory) / name)
        self._world = self._open(keys=before.keys.administrator, port=before.port, host=host)
        self.clock = self._world.clock
        self.derive(NEW)

    def derive(self, origin: str) -> None:
        """Note that the present state of the world is that of a kept one, whose key is `origin`."""
        self.lineage = Lineage(self._world, origin)

    def changes(self) -> tuple[int, int, int]:
        """Return a value that differs after every change that a caller made."""
        return id(self._world), self._world.gateway.front_writes, self._world.log.mutating

    def recorded(self) -> AbstractContextManager[Recording]:
        """Record the reads of the world meanwhile."""
        return recording(self._world)

    def answers_alike(self, reads: list[Read]) -> bool:
        """Return whether the world answers reads as when they were recorded."""
        return are_answered_alike(self._world, reads)

    def is_idle(self) -> bool:
        """Return whether no task lives in the world, whose state would change by itself."""
        return not self._world.ecs.life.tasks()

    def _open(
        self,
        *,
        keys: Credentials | None = None,
        port: int | None = None,
        host: DockerHost | None = None,
    ) -> World:
        settings = replace(self.settings.world, port=self.settings.port if port is None else port)
        # First: an Engine elsewhere is refused before anything starts.
        made = self._docker_host() if host is None else None
        host = host or made
        try:
            world = World(
                settings,
                substrate=self._substrate(settings),
                directory=Path(self._record.directory),
                world_id=self._record.id,
                equip=scripted_equipment if host is None else docker_equipment(host),
                native=frozenset(self.native),
                keys=keys,
            )
        except BaseException:
            if made is not None:
                made.close()
            raise
        self._live = LivePage(world)
        world.gateway.fronts.insert(0, self._live)
        try:
            # Builds reach the gateway on the world's own bridge.
            bridge = [] if host is None else [host.bridge_address]
            world.serve(*dict.fromkeys((*bridge, *self.settings.addresses)))
            note_registry(Path(self._record.directory), world.registry_host)
            note_keys(Path(self._record.directory), _keys(world))
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
        """Return Docker Engine's side of the world; None for scripted tasks. Raises TargetUnavailable."""
        if self.settings.runtime == "scripted":
            return None
        try:
            return DockerHost(self._record.id)
        except DockerUnavailable as error:
            raise TargetUnavailable(str(error)) from error

    def _substrate(self, settings: WorldSettings) -> Substrate | None:
        """Return the substrate of the world, which is closed with it; None means moto in this process. Raises TargetUnavailable."""
        return None

    def lacks(self, capability: str) -> str | None:
        if capability in ("containers", "builds", "load-balancer") and self.settings.runtime == "scripted":
            return f"the scripted runtime has no {capability}"
        if capability == "oracles":
            return "here AWS's answers are the engines' own"
        return None

    def repository_url(self, repository: str) -> str:
        """Return the URL to push to; the repository is created if need be."""
        self.lineage.obscure("a repository was created in the world before")
        url: str = self._world.git.create(repository)
        return url

    def authorise_connection(self, arn: str) -> None:
        """Complete a connection's handshake, as a person does in the console."""
        self.lineage.note(f"connection {arn} was authorised")
        with self._world.loop.lock:
            self._world.connections.authorise(arn)

    def build_environment(self) -> dict[str, str]:
        return {} if self.settings.runtime == "scripted" else super().build_environment()

    def _containers(self) -> list[str]:
        engine = self._world.equipment.engine
        return [] if engine is None else running_containers(engine.client, self._world.id)

    def remains(self) -> list[str]:
        """Return what the world left on this machine after `close`, by its own labels and files. Empty when nothing is left."""
        from pushproof.emulator.runtime.docker.host import connect, labelled_worlds

        left = [self._record.directory] if Path(self._record.directory).exists() else []
        if self.settings.runtime == "docker":
            client = connect()
            left += [f"Docker objects of world {self._world.id}"] if self._world.id in labelled_worlds(client) else []
            client.close()
        return left

    def close(self) -> None:
        self._live.close()
        # A Terraform that was killed leaves its provider, which nothing else ends.
        end_marked(self._record.id)
        try:
            self._world.close()
        except DockerUnavailable as error:
            # The record stays, by which a later command removes what the Engine still has.
            log.warning("%s", error)
            return
        self._journal.forget(self._record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _keys(world: World) -> tuple[str, str]:
    """Return the administrator's access key, and its secret."""
    administrator = world.keys.administrator
    return administrator.access_key_id, administrator.secret_access_key
