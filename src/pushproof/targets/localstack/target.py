"""The LocalStack target: a world whose substrate is LocalStack, in a container of its own or one that already runs.

LocalStack answers for the services on its health page; the delivery plane for its own; moto, in this process, for services that
neither has. Terraform, boto3 and other clients talk to the world's gateway, as on the embedded target.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pushproof.base.extras import require
from pushproof.base.target import TargetUnavailable
from pushproof.emulator.kernel.settings import DoorSettings, WorldSettings
from pushproof.emulator.services import PLANE
from pushproof.emulator.substrate.layered import LayeredSubstrate
from pushproof.emulator.substrate.moto import MotoSubstrate, Substrate, UpstreamSubstrate
from pushproof.targets.journal import Journal
from pushproof.targets.localstack.container import LocalStackContainer, start_localstack
from pushproof.targets.localstack.health import Health, Named, found_standing, health, named_in_environment, standing
from pushproof.targets.worldtarget import WorldTarget, WorldTargetSettings

# : Capabilities of a world, and the service of the plane behind each: the world cannot see what LocalStack answers by itself.
CAPABILITIES = {
    "containers": "ecs",
    "load-balancer": "elbv2",
    "registry": "ecr",
    "builds": "codebuild",
    "pipeline": "codepipeline",
    "connection": "codestar-connections",
}
# : Whole services of the plane, which `native` can hand to LocalStack. Overlays stay in any case.
DELIVERY = ("ecs", "elbv2", "ecr", "codebuild", "codepipeline", "codestar-connections", "codeconnections")

# LocalStack accepts any key, and separates accounts by it. Its own names and its web application keep the access that
# LocalStack gives them:
# https://docs.localstack.cloud/references/configuration/ (EXTRA_CORS_ALLOWED_ORIGINS and its defaults).
_DOORS = DoorSettings(
    hosts=frozenset({"localhost.localstack.cloud"}),
    origins=frozenset({"https://app.localstack.cloud", "http://app.localstack.cloud"}),
)


@dataclass(frozen=True, slots=True)
class LocalStackSettings(WorldTargetSettings):
    """Settings of a world on LocalStack.

    Attributes:
        where: "auto" uses the LocalStack that `named` names or that runs on this machine at port 4566, and starts a container if
            there is none; "container" always starts one; anything else is the URL of a running one.
        named: a LocalStack that the user's environment names.
        image, token: for the container; the token's plan decides its services.
        localstack_port: the port that the container is published at on loopback; 0 is the first free port.
        native: hand to LocalStack those services of the plane that it has.
    """

    where: str = "auto"
    named: Named | None = None
    image: str | None = None
    token: str | None = None
    localstack_port: int = 0
    native: bool = False


class LocalStackTarget(WorldTarget):
    """A world on LocalStack. Closing it removes a container that it started; a LocalStack that ran before keeps running."""

    name = "localstack"

    def __init__(
        self,
        settings: LocalStackSettings | None = None,
        *,
        journal: Journal | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        require("localstack", "the target localstack")
        self._localstack = settings or LocalStackSettings()
        self._progress = progress
        self.container: LocalStackContainer | None = None
        self.health = Health(frozenset(), "", "")
        self.url = ""
        # : Seconds until the container was ready; 0 if LocalStack ran before.
        self.ready_after = 0.0
        #: Services of the plane that LocalStack answers instead.
        self.native: tuple[str, ...] = ()
        standing = _standing(self._localstack)
        if standing is not None:
            self.url, self.health = standing
            # An account of its own in a shared LocalStack: runs do not meet, whatever else is in there.
            world = replace(self._localstack.world, account_id=f"{secrets.randbelow(9 * 10**11) + 10**11}")
            self._localstack = replace(self._localstack, world=world)
        self._localstack = replace(self._localstack, world=replace(self._localstack.world, doors=_DOORS, open=True))
        super().__init__(self._localstack, journal=journal)

    def _uses_engine(self) -> bool:
        return not self.url or super()._uses_engine()

    def _substrate(self, settings: WorldSettings) -> Substrate:
        if not self.url:
            started = time.monotonic()
            self.container = start_localstack(
                self._record.id,
                image=self._localstack.image,
                token=self._localstack.token,
                port=self._localstack.localstack_port,
                region=settings.region,
                progress=self._progress,
            )
            self.url = self.container.url
            self.ready_after = time.monotonic() - started
        try:
            if self.container is not None:
                self.health = health(self.url)
            self.native = self._native_services()
        except BaseException:
            self._remove_container()
            raise
        self._progress(f"{self.health} at {self.url}{f', {self.container.image}' if self.container else ''}")
        self.layers = LayeredSubstrate(
            UpstreamSubstrate(self.url, settings.account_id, explain=self._explain),
            self.health.services,
            lambda: MotoSubstrate(settings.account_id),
            closing=self._remove_container,
        )
        return self.layers

    def _native_services(self) -> tuple[str, ...]:
        if not self._localstack.native:
            return ()
        services = tuple(name for name in DELIVERY if name in self.health.services)
        if not services:
            why = "its plan has none of them" if self._localstack.token else "LOCALSTACK_AUTH_TOKEN is not set"
            raise TargetUnavailable(
                f"--native hands {', '.join(DELIVERY[:5])} to LocalStack, but {self.health} at {self.url} answers "
                f"none of these: "
                f"{why}. Without --native the delivery plane answers them."
            )
        return services

    def _explain(self) -> str:
        if self.container is not None:
            return self.container.autopsy()
        return "it ran before this run began. Look at it (`docker ps --all`), then start again."

    def _remove_container(self) -> None:
        if self.container is not None:
            self.container.close()

    def lacks(self, capability: str) -> str | None:
        if capability == "faults":
            return "LocalStack answers calls that Pushproof's faults do not reach; use --pushproof-target embedded"
        service = CAPABILITIES.get(capability)
        if service in self.native:
            return f"LocalStack's own {service} answers here (--native), and Pushproof neither runs nor sees its {capability}"
        return super().lacks(capability)

    def answers(self, service: str) -> str:
        """Return what answers a service: "plane", "localstack", "localstack, completed by the plane", or "moto"."""
        if service in PLANE and service not in self.native:
            if not self._world.services[service].overlay:
                return "plane"
            return (
                "localstack, completed by the plane"
                if service in self.health.services
                else "moto, completed by the plane"
            )
        return "localstack" if service in self.health.services else "moto"

    def leftovers(self) -> list[str]:
        own = f"container {self.container.name}" if self.container is not None else None
        return [line for line in super().leftovers() if line != own]

    def remains(self) -> list[str]:
        from pushproof.emulator.runtime.docker.host import connect, labelled_worlds

        left = super().remains()
        if self.container is not None and self.settings.runtime == "scripted":
            client = connect()
            left += [f"Docker objects of world {self._world.id}"] if self._world.id in labelled_worlds(client) else []
            client.close()
        return left


def _standing(settings: LocalStackSettings) -> tuple[str, Health] | None:
    """Return the running LocalStack to use; None if a container is to be started. Raises TargetUnavailable."""
    if settings.where == "container":
        return None
    if settings.where != "auto":
        return settings.where.rstrip("/"), standing(settings.where, "--localstack")
    if settings.named is not None:
        return settings.named.url.rstrip("/"), standing(settings.named.url, settings.named.variable)
    if settings.image or settings.token:
        # The user asked for a service by name, and this LocalStack lacks it.
        return None
    return found_standing()


def settings_from_environment(
    world: WorldSettings, environment: Mapping[str, str] | None = None, **more: object
) -> LocalStackSettings:
    """Read settings from the environment (this process's by default).

    PUSHPROOF_LOCALSTACK sets `where`; AWS_ENDPOINT_URL and LOCALSTACK_HOST name a running LocalStack; LOCALSTACK_IMAGE and
    LOCALSTACK_AUTH_TOKEN are for a container; PUSHPROOF_LOCALSTACK_NATIVE=1 hands services to it. `more` wins. Raises
    TargetUnavailable when a name cannot be read.
    """
    environment = os.environ if environment is None else environment
    settings = LocalStackSettings(
        world=world,
        where=environment.get("PUSHPROOF_LOCALSTACK") or "auto",
        named=named_in_environment(environment),
        image=environment.get("LOCALSTACK_IMAGE") or None,
        token=environment.get("LOCALSTACK_AUTH_TOKEN") or None,
        native=environment.get("PUSHPROOF_LOCALSTACK_NATIVE", "") in ("1", "true", "yes"),
    )
    return replace(settings, **more)  # type: ignore[arg-type]
