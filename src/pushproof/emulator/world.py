"""A world: one emulated AWS account, disposable, composed here and nowhere else."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pushproof.base.clock import Clock, ScaledClock, work_limit
from pushproof.emulator.access.authority import Authority
from pushproof.emulator.access.keys import KeyRing
from pushproof.emulator.clients import WorldClients
from pushproof.emulator.events.bus import Bus
from pushproof.emulator.faults import WorldFaults
from pushproof.emulator.githost.host import GitHost
from pushproof.emulator.githost.issuer import TokenIssuer
from pushproof.emulator.keeping.files import copy_files
from pushproof.emulator.keeping.parts import Continuing, parts_of
from pushproof.emulator.keeping.places import Place
from pushproof.emulator.keeping.reading import read_into
from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.emulator.keeping.state import files_of, read_clock, read_state, write_state
from pushproof.emulator.keeping.writing import written
from pushproof.emulator.kernel.balancing import DataPlane, balancer_prefix
from pushproof.emulator.kernel.calls import CallLog
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.kernel.functions import Functions
from pushproof.emulator.kernel.guests import Guests
from pushproof.emulator.kernel.loop import Loop, Outcome, ThreadedLoop, VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.kernel.site import Endpoint, Front, Ground, Site, Substrate
from pushproof.emulator.network.paths import Paths
from pushproof.emulator.registry.mirror import ImagesMirror
from pushproof.emulator.runtime.equipment import Equip, Equipment, no_equipment
from pushproof.emulator.runtime.loadbalancer import OnDemandDataPlane, ScriptedLoadBalancer
from pushproof.emulator.runtime.loadbalancer.disturbed import DisturbedProber
from pushproof.emulator.services import PLANE, Service, service_class
from pushproof.emulator.services.awslambda import LambdaService
from pushproof.emulator.services.cloudmap import CloudMapService
from pushproof.emulator.services.cloudwatch import CloudWatchService
from pushproof.emulator.services.codebuild import CodeBuildService
from pushproof.emulator.services.codecommit import CodeCommitService
from pushproof.emulator.services.codedeploy import CodeDeployService
from pushproof.emulator.services.codepipeline import CodePipelineService, Neighbours
from pushproof.emulator.services.connections import ConnectionsService
from pushproof.emulator.services.ecr import EcrService
from pushproof.emulator.services.ecr.front import Registry
from pushproof.emulator.services.ecs import EcsApi
from pushproof.emulator.services.elbv2 import LoadBalancingService
from pushproof.emulator.services.events import EventsService
from pushproof.emulator.services.fis import FisService
from pushproof.emulator.services.iam import IamService
from pushproof.emulator.services.s3 import S3Service
from pushproof.emulator.services.sns import SnsService
from pushproof.emulator.services.sts import StsService
from pushproof.emulator.substrate.moto import MotoSubstrate
from pushproof.emulator.wire.admission import Admission
from pushproof.emulator.wire.control import ControlFront
from pushproof.emulator.wire.gateway import Gateway
from pushproof.emulator.wire.verifying import Verifier
from pushproof.engines.faults import text_of


class World:
    """The composition root: creates every part, in a fixed order, with its neighbours.

    Args:
        settings: The account, the clock's speed, and what AWS leaves open.
        loop: The world's loop; by default a threaded one on a scaled clock.
        substrate: The emulator below the plane; by default moto in this process. The world closes it.
        directory: The directory of the world's files; by default a temporary one.
        world_id: The name of the world on this machine; by default a random one.
        equip: Makes the runtimes of the world.
        native: Services that the substrate answers itself, although the plane has them.
        keys: The administrator's keys; by default a new pair.
        functions: Lambda functions, for hooks of ECS and CodeDeploy and rules of CodePipeline; by default an empty register.

    A context manager; on exit servers stop, containers are removed, and state is discarded.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(
        self,
        settings: WorldSettings | None = None,
        *,
        loop: Loop | None = None,
        substrate: Substrate | None = None,
        directory: Path | None = None,
        world_id: str | None = None,
        equip: Equip = no_equipment,
        native: frozenset[str] = frozenset(),
        keys: Credentials | None = None,
        functions: Functions | None = None,
    ) -> None:
        self.functions = functions or Functions()
        self.settings = settings or WorldSettings()
        self.id = world_id or secrets.token_hex(4)
        self.account_id = self.settings.account_id
        self.region = self.settings.region
        self.loop: Loop = loop or ThreadedLoop(ScaledClock(self.settings.speed))
        self.clock: Clock = self.loop.clock
        # First, since it may refuse: nothing else exists by then.
        self.substrate: Substrate = substrate or MotoSubstrate(self.account_id)
        with ExitStack() as failed:
            # Another world of this process may use it, if this one cannot be made.
            failed.callback(self.substrate.close)
            failed.callback(self.loop.close)
            self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="pushproof-")
            if self._temporary is not None:
                failed.callback(self._temporary.cleanup)
            self.directory = directory or Path(self._temporary.name)  # type: ignore[union-attr]
            self._make(equip, native, keys)
            failed.pop_all()

    def _make(self, equip: Equip, native: frozenset[str], keys: Credentials | None) -> None:
        """Make the parts, in their order. See the class for the arguments."""
        self._closed = False
        # The plane's own key is random, so that no outsider can act as AWS.
        plane_key = "PLANE" + secrets.token_hex(10).upper()
        self.log = CallLog(self.loop.lock)
        self._clients = WorldClients(
            lambda request: self.gateway.handle(request), region=self.region, plane_key=plane_key
        )
        self.keys = KeyRing(self.substrate.secret_access_key, open=self.settings.open, administrator=keys)
        self.ground = Ground(
            id=self.id,
            account_id=self.account_id,
            region=self.region,
            directory=self.directory,
            settings=self.settings,
            loop=self.loop,
            endpoint=Endpoint(),
            substrate=self.substrate,
            clients=self._clients,
            calls=self.log,
            doorkeeper=self.keys,
            images_secret=secrets.token_hex(16),
            faults=ActiveFaults(
                self.settings.faults.seed,
                self.clock.now,
                node_seconds=self.settings.faults.node_seconds,
                silence=work_limit(self.clock, self.settings.faults.silent_seconds),
            ),
            guests=Guests(),
        )
        self.services: dict[str, Service] = {}
        self.authority = Authority(self.ground, plane_key=plane_key, keys=self.keys, owned=self._owns)
        self.bus = Bus(self.ground, self.authority)
        self.paths = Paths(self.ground)
        self.site = Site(
            **{name: getattr(self.ground, name) for name in Ground.__dataclass_fields__},
            permissions=self.authority,
            events=self.bus,
            paths=self.paths,
        )
        self.faults = WorldFaults(self.ground, self.paths, lambda: self.ecs)
        self.admission = Admission(self.ground, self.authority, self.log)
        self.ecr = EcrService(self.site, "ecr")
        self.registry = Registry(self.site, self.admission, self.ecr)
        self.equipment: Equipment = equip(self.ground, self.registry)
        self.balancer = self.equipment.plane or self._data_plane()
        fronts = self._compose(native)
        self.gateway = Gateway(
            self.ground,
            self.authority,
            self.admission,
            self.services,
            self.authority.documents,
            fronts,
            None if self.settings.open else Verifier(self.keys, skew=lambda: self.ground.faults.skew),
            self.paths.call_refusal,
        )
        # Before anything happens: what the parts are made of, and not what they come to hold.
        self._parts = parts_of(self)

    def _data_plane(self) -> DataPlane:
        """Return the data plane: real sockets, or scripted, since no socket reaches targets that a prober answers for."""
        prober = self.equipment.prober
        scripted = prober is not None or isinstance(self.loop, VirtualLoop)
        plane: DataPlane = (
            ScriptedLoadBalancer(lambda: prober, self.clock.now, self.ground.faults)
            if scripted
            else OnDemandDataPlane(self._sockets)
        )
        plane.start()
        return plane

    def _sockets(self) -> DataPlane:
        from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime

        return LoadBalancerRuntime(self.clock, faults=self.ground.faults)

    def _compose(self, native: frozenset[str]) -> list[Front]:
        """Create the services, each after those it uses. Return the other fronts of the gateway's port, in order."""
        site, equipment = self.site, self.equipment
        #: GitHub's issuer of tokens for jobs of workflows.
        self.tokens = TokenIssuer(self.ground)
        self.connections = ConnectionsService(site, "codestar-connections")
        prober = DisturbedProber(equipment.prober or self.balancer, self.ground.faults)
        self.elbv2 = LoadBalancingService(site, "elbv2", plane=self.balancer, prober=prober)
        cloudmap = CloudMapService(site, "servicediscovery")
        self.ecs = EcsApi(
            site,
            "ecs",
            runtime=equipment.tasks,
            balancers=self.elbv2,
            functions=self.functions,
            registry=cloudmap,
        )
        self.codebuild = CodeBuildService(site, "codebuild", builder=equipment.builds, git=equipment.git)
        self.s3 = S3Service(site, "s3")
        sns = SnsService(site, "sns")
        functions = LambdaService(
            site, "lambda", functions=self.functions, runtime=equipment.functions, doors=self.elbv2.doors
        )
        codecommit = CodeCommitService(site, "codecommit", git=equipment.git)
        neighbours = Neighbours(self.connections, codecommit, equipment.git, self.codebuild, self.functions)
        self.services |= {
            "ecs": self.ecs,
            "ecr": self.ecr,
            "codestar-connections": self.connections,
            "codeconnections": ConnectionsService(site, "codeconnections", other=self.connections),
            "elbv2": self.elbv2,
            "codebuild": self.codebuild,
            "codecommit": codecommit,
            "codedeploy": CodeDeployService(site, "codedeploy", functions=self.functions),
            "codepipeline": CodePipelineService(site, "codepipeline", neighbours=neighbours, objects=self.s3),
            "events": EventsService(site, "events", bus=self.bus),
            "s3": self.s3,
            "sns": sns,
            "cloudwatch": CloudWatchService(site, "cloudwatch", sources=[self.elbv2]),
            "lambda": functions,
            "fis": FisService(site, "fis", injector=self.faults),
            "iam": IamService(site, "iam", authority=self.authority),
            "servicediscovery": cloudmap,
            "sts": StsService(site, "sts", authority=self.authority, identities=self.tokens),
        }
        for name in PLANE.keys() - self.services.keys():
            self.services[name] = service_class(name)(site, name)
        for name in native:
            self.services.pop(name, None)
        # The task endpoint comes first: its paths begin with /v2/ too, like the registry's.
        fronts: list[Front] = [
            self.ecs.endpoint,
            ImagesMirror(equipment.engine, self.ground.images_secret),
            self.registry,
        ]
        if isinstance(equipment.git, GitHost):
            fronts.append(equipment.git)
        fronts.append(self.tokens)
        fronts.append(
            ControlFront(
                self.ground,
                self.log,
                self.services,
                lambda: [event.envelope for event in self.bus.history],
                self.connections,
                sns.signing_certificate,
                self.faults,
                self.tokens,
                equipment.git if isinstance(equipment.git, GitHost) else None,
            )
        )
        return fronts

    def _owns(self, service: str) -> bool:
        """Return whether the plane answers for a service by itself."""
        return service in self.services and not self.services[service].overlay

    @classmethod
    def virtual(cls, settings: WorldSettings | None = None, **parts: Any) -> World:
        """Return a world on a virtual clock, with no sockets and no Docker, for tests: `world.loop.advance(30)`."""
        return cls(settings, loop=VirtualLoop(), **parts)

    # Addresses.

    @property
    def port(self) -> int:
        """Return the gateway's port; 0 until it listens."""
        return self.ground.endpoint.port

    @property
    def endpoint(self) -> str:
        """Return the gateway's URL, the same for every service: `http://127.0.0.1:<port>`."""
        return self.ground.endpoint.url

    @property
    def registry_host(self) -> str:
        """Return the registry's host and port, as in image references; without a port until the gateway listens."""
        return self.ground.endpoint.host

    @property
    def git(self) -> GitHost:
        """Return the world's git host. Raises LookupError if its equipment has none."""
        if not isinstance(self.equipment.git, GitHost):
            raise LookupError("this world has no git host: its equipment includes none")
        return self.equipment.git

    def serve(self, *more: str) -> str:
        """Start the gateway's HTTP server on loopback, and on `more` addresses. Return the endpoint.

        Raises OSError if the port is taken.
        """
        self.ground.endpoint.port = self.gateway.serve(["127.0.0.1", *more], self.settings.port)
        return self.endpoint

    # Keeping.

    def keep(self, directory: Path, *, within: float = 10.0) -> None:
        """Write the world's state into an empty directory, as of a moment without work on its way.

        Containers are not kept: a world that continues starts its tasks anew. Raises NotKeepable for what cannot be written, or
        after `within` real seconds without such a moment, and OSError.
        """
        if active := self.faults.active:
            names = ", ".join(text_of(entry.fault) for entry in active)
            raise NotKeepable(f"a world with an active fault cannot be kept: {names}")
        try:
            with self.loop.quiet(within):
                clock = self.clock.reading()
                state = written(self._parts, {"substrate": self.substrate.state()}, self.place)
                copy_files(self.directory, files_of(directory))
        except TimeoutError as error:
            raise NotKeepable(str(error)) from error
        write_state(directory, state, clock)

    def begin(self, kept: Path) -> None:
        """Continue a kept world (see `keep`), at this world's own addresses. Only for a world in which nothing has happened yet.

        Raises UnreadableState, OSError; the world is then of no use.
        """
        state, reading = read_state(kept), read_clock(kept)
        copy_files(files_of(kept), self.directory)
        with self.loop.lock:
            self.loop.hold()
            more = read_into(self._parts, state, self.place)
            self.substrate.continue_from(more["substrate"])
            self.clock.continue_after(reading)
            for part in self._parts.values():
                if isinstance(part, Continuing):
                    part.continued()
        if self.ecs.life.resting:
            self.loop.submit(self.ecs.life.resume, self._resumed, name="resume tasks")
        else:
            self.elbv2.publish()
            self.loop.release()

    def _resumed(self, outcome: Outcome[None]) -> None:
        """Open the load balancers once their targets are there, and let time pass."""
        self.elbv2.publish()
        self.loop.release()
        outcome.get()

    @property
    def place(self) -> Place:
        """Return the addresses of the world on this machine."""
        tasks = self.equipment.tasks
        endpoint = urlsplit(tasks.endpoint).hostname if tasks is not None and tasks.endpoint else None
        return Place(self.registry_host, balancer_prefix(self.port), self.directory, endpoint or "")

    # Calls to AWS from inside.

    def client(self, service: str, *, region: str | None = None, credentials: Credentials | None = None) -> Any:
        """Return a boto3 client whose calls pass the gateway like all others: identified, authorised, recorded.

        Without credentials it acts as AWS itself inside its own services.
        """
        return self.ground.client(service, region=region, credentials=credentials)

    def administrator(self, service: str, *, region: str | None = None) -> Any:
        """Return a boto3 client of the account's administrator, in process, with the permissions of Terraform's credentials."""
        return self.client(service, region=region, credentials=Credentials("administrator", "administrator"))

    def assume(
        self, role_arn: str, service_principal: str, session_name: str = "pushproof", *, source_arn: str | None = None
    ) -> Credentials:
        """Return credentials of a role, as an AWS service gets them. Raises AwsError if the role's trust policy refuses."""
        return self.site.assume(role_arn, service_principal, session_name, source_arn=source_arn)

    def close(self, *, with_engine: bool = True) -> None:
        """Stop everything; safe to call twice. `with_engine`: whether nobody else goes on using Docker Engine's side."""
        if self._closed:
            return
        self._closed = True
        equipment = self.equipment
        # Each part is closed whatever happens to those before it; what is registered last is closed first.
        with ExitStack() as closing:
            if self._temporary is not None:
                closing.callback(self._temporary.cleanup)
            closing.callback(self.substrate.close)
            if equipment.engine is not None and with_engine:
                closing.callback(equipment.engine.close)
            closing.callback(self.loop.close)
            for part in (self.balancer, equipment.builds, equipment.tasks):
                if part is not None:
                    closing.callback(part.close)
            closing.callback(self._close_services)
            closing.callback(self.gateway.close)
            closing.callback(self.faults.close)

    def _close_services(self) -> None:
        """Close the services at a moment at which nothing changes them: builds, executions and tasks are still on their way."""
        with self.loop.lock, ExitStack() as closing:
            for service in reversed(self.services.values()):
                closing.callback(service.close)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
