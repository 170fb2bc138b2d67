"""The interface of runtimes for tasks, the same for Docker and for the scripted one.

All calls block and may take long: services make them through `loop.submit`. A runtime never touches service state; spontaneous
events (a container exits, a line is logged) arrive through `TaskListener`, under the world's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pushproof.engines.reachability import OpenBlock, OpenPorts


class PullError(Exception):
    """An image cannot be pulled; `reason` is the part after AWS's `CannotPullContainerError: `."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StartError(Exception):
    """A container cannot be started; `reason` follows AWS's `CannotStartContainerError: `."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PulledImage:
    """An image ready to run: the requested reference, the manifest digest (`sha256:…`), the config's labels."""

    reference: str
    digest: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container of a task, everything resolved: secrets are already values in `environment`. CPU in units, memory in MiB.

    `depends_on` names the containers it waits for; the service decides when they are ready for it.
    """

    name: str
    image: PulledImage
    environment: dict[str, str]
    command: list[str] | None = None
    entry_point: list[str] | None = None
    working_directory: str | None = None
    user: str | None = None
    cpu: int = 0
    memory: int | None = None
    essential: bool = True
    stop_timeout: float = 30.0
    ports: tuple[int, ...] = ()
    read_only_root: bool = False
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Another task that may connect to a task: its real address, and the ports it reaches."""

    address: str
    ports: tuple[OpenPorts, ...]


@dataclass(frozen=True, slots=True)
class Impairment:
    """Packets of a task that disappear: those to a port of a protocol (0: all of them), at a rate."""

    traffic: str
    protocol: str = ""
    port: int = 0
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class TaskName:
    """A name that resolves inside of a task: addresses in the VPC, each with the real one of the task there, or "" for none."""

    name: str
    addresses: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Upstream:
    """An endpoint that a task reaches through a proxy of its own, by name and port: ECS Service Connect.

    `targets`: real addresses and ports of the tasks behind it. Times are AWS seconds of real work: `idle_seconds` without a
    request, `request_seconds` for one; 0: no limit.
    """

    name: str
    port: int
    protocol: str
    targets: tuple[tuple[str, int], ...]
    idle_seconds: float = 0.0
    request_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The other tasks that reach a task; and those that it reaches, by their addresses in the VPC, with their real ones.

    `impaired`: the packets that faults take from it. `outwards`: the public addresses that it reaches; None: all. `names` and
    `upstreams`: what it finds by name.
    """

    callers: tuple[Caller, ...] = ()
    reached: tuple[tuple[str, str], ...] = ()
    impaired: tuple[Impairment, ...] = ()
    outwards: tuple[OpenBlock, ...] | None = None
    names: tuple[TaskName, ...] = ()
    upstreams: tuple[Upstream, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task to start. `started_at` is AWS time; `task_id` the last part of its ARN. CPU in units (1024 = one), memory in MiB.

    `private_ip`: the address of its network interface in the VPC. `outwards`: the public addresses that it reaches; None: all.
    `names` and `upstreams`: what it finds by name when it starts. `forwards`: ports on which its proxy listens, with the container
    ports behind them.
    """

    task_id: str
    family: str
    containers: tuple[ContainerSpec, ...]
    cpu: int
    memory: int
    started_at: float
    private_ip: str = ""
    outwards: tuple[OpenBlock, ...] | None = None
    names: tuple[TaskName, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    forwards: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command inside a container; `exit_code` None means that it did not end within its timeout."""

    exit_code: int | None
    output: str = ""


class TaskListener(Protocol):
    """Receives spontaneous events of containers; always under the world's lock."""

    def container_exited(
        self, task_id: str, container: str, exit_code: int, *, out_of_memory: bool = False
    ) -> None: ...

    def container_logged(self, task_id: str, container: str, lines: list[tuple[float, str]]) -> None:
        """Receive lines with the AWS time at which they were written."""


class TaskRuntime(Protocol):
    """Runs tasks. `credentials` for a pull are the registry's user and password."""

    @property
    def keeps_tasks(self) -> bool:
        """Return whether running tasks are kept with a world; otherwise a world that continues starts them anew."""

    @property
    def endpoint(self) -> str:
        """Return the gateway's URL as containers reach it; "" where no containers reach it."""

    def pull(self, reference: str, credentials: tuple[str, str] | None) -> PulledImage:
        """Fetch an image. Raises PullError."""

    def start(self, spec: TaskSpec, listener: TaskListener) -> str:
        """Start a task, and those of its containers that wait for no other.

        Returns the address at which the task's ports really answer. Raises StartError.
        """

    def start_container(self, task_id: str, container: str) -> None:
        """Start a container that waited for others. Raises StartError."""

    def execute(self, task_id: str, container: str, command: list[str], timeout: float) -> CommandResult:
        """Run a health check's command (`["CMD-SHELL", "…"]` or `["CMD", …]`) inside a container. Timeout in AWS seconds."""

    def statistics(self, task_id: str, container: str) -> Mapping[str, object] | None:
        """Return Docker's statistics of a container; None if there are none."""

    def stop(self, task_id: str) -> dict[str, int]:
        """Send SIGTERM, then SIGKILL after each container's stop timeout. Return exit codes by container. The task is gone
        afterwards.

        A container stops before those that it waited for.
        """

    def kill(self, task_id: str, container: str) -> None:
        """Send SIGKILL to a container, whose end is then reported; does nothing if it is gone."""

    def admit(self, task_id: str, neighbourhood: Neighbourhood) -> None:
        """Let these other tasks reach a running task, and no others; does nothing if they do already, or if it is gone.

        A task begins with nobody around it, and with all of its packets.
        """

    def freeze(self, task_id: str, frozen: bool = True) -> None:
        """Let the containers of a task do nothing more, as on a host that is lost; or let them go on."""

    def close(self) -> None:
        """Stop and remove everything this runtime started."""


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """A target's answer to a health probe: a status, or an error (`"timeout"`, `"refused"`, …).

    `accepted`: the target took the connection of a TCP check, which asks for no more.
    """

    status: int | None
    error: str | None = None
    accepted: bool = False


class TargetProber(Protocol):
    """Probes a target over HTTP or TCP, by the protocol, as the load balancer does. Timeout in AWS seconds."""

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe: ...
