"""A task's network namespace, and the way from it to 169.254.170.2, where Fargate serves metadata and credentials.

As on ECS, a paused container owns the namespace and the task's containers join it. The address itself belongs to one container per
world, which forwards to the gateway; a route in each namespace leads there. So no port of a task is occupied, nothing
changes on the host, worlds do not meet, and leftovers of a crash are labelled like every other container.

The namespace also has the task's address in the VPC, routes to the tasks that it reaches, and rules (`firewall`). The paused
container may change them; the task's own may not.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from docker.errors import DockerException
from docker.models.containers import Container

from pushproof.base.clock import work_limit
from pushproof.emulator.kernel.tasks import Neighbourhood, StartError, TaskSpec, Upstream
from pushproof.emulator.runtime.docker.connectproxy import configuration
from pushproof.emulator.runtime.docker.execution import captured
from pushproof.emulator.runtime.docker.guard import NET_ADMIN, PYTHON, Change
from pushproof.emulator.runtime.docker.imagemaking import ImageUnavailable

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Ground
    from pushproof.emulator.runtime.docker.guard import Guard
    from pushproof.emulator.runtime.docker.host import DockerHost

ADDRESS = "169.254.170.2"
ROLE = "role"
_NAMES = "import fcntl, socket, struct, sys, threading, time\n" + (
    'def at(host): return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(host))\n'
)

# The address on the loopback interface (SIOCSIFADDR, SIOCSIFNETMASK), and a forwarder for each connection to it.
_FORWARD = (
    _NAMES
    + """
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for request, value in ((0x8916, sys.argv[1]), (0x891C, "255.255.255.255")):
    fcntl.ioctl(control, request, struct.pack("16s16s", b"lo:0", at(value)))

def pass_on(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def serve(client):
    with client, socket.create_connection((sys.argv[2], int(sys.argv[3]))) as gateway:
        asking = threading.Thread(target=pass_on, args=(client, gateway), daemon=True)
        asking.start()
        pass_on(gateway, client)

listener = socket.create_server((sys.argv[1], 80), backlog=128)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
)

_REACH = (
    _NAMES
    + """
until = time.monotonic() + 30
while True:
    try:
        sys.exit(socket.create_connection((sys.argv[1], 80), timeout=5).close())
    except OSError as error:
        if time.monotonic() > until:
            sys.exit(f"nothing answers at {sys.argv[1]}: {error}")
        time.sleep(0.02)
"""
)


class TaskNetworks:
    """Opens a namespace for each task."""

    def __init__(self, ground: Ground, host: DockerHost, guard: Guard) -> None:
        self._ground = ground
        self._host = host
        self._guard = guard
        self._lock = threading.Lock()
        # With the proxy of Service Connect, and without.
        self._images: dict[bool, str] = {}
        self._gateway = ""
        self._container: Container | None = None
        self._closed = False

    def open(self, spec: TaskSpec) -> Container:
        """Return the container whose namespace a task's containers join. Raises StartError, APIError."""
        gateway = self._endpoint()
        proxied = bool(spec.upstreams or spec.forwards)
        pause = self._run(
            self._tools(proxy=proxied),
            f"{spec.family}-{spec.task_id[:12]}-pause",
            ["sleep", "infinity"],
            {"task": spec.task_id, "container": "~internal~ecs~pause"},
        )
        try:
            addresses = [spec.private_ip] if self._guard.may_have(spec.private_ip) else []
            rules = self._guard.rules(outwards=spec.outwards)
            change = Change(
                rules,
                [(ADDRESS, gateway)],
                addresses=addresses,
                hosts=self._guard.hosts(spec.names, spec.upstreams) or None,
                proxy=self._proxy(spec.upstreams, spec.forwards),
            )
            self._guard.set(pause, change)
            pause.reload()
        except BaseException:
            remove(pause)
            raise
        return pause

    def admit(self, spec: TaskSpec, pause: Container, before: Neighbourhood, now: Neighbourhood) -> None:
        """Let other tasks reach a task, and no others any more; let it find them by name. Raises StartError, APIError."""
        change = self._guard.change(before, now)
        if before.upstreams != now.upstreams:
            change = replace(change, proxy=self._proxy(now.upstreams, spec.forwards))
        self._guard.set(pause, change)

    def _proxy(self, upstreams: Sequence[Upstream], forwards: Sequence[tuple[int, int]]) -> str:
        return configuration(upstreams, forwards, partial(work_limit, self._ground.clock))

    def _endpoint(self) -> str:
        """Return the address of the container that owns 169.254.170.2; it is started with the first task."""
        with self._lock:
            if self._closed:
                raise StartError("the world has ended")
            if not self._gateway:
                command = [*PYTHON, _FORWARD, ADDRESS, self._host.bridge_address, str(self._ground.endpoint.port)]
                endpoint = self._run(self._tools(), "endpoint", command, {ROLE: "endpoint"})
                try:
                    self._execute(endpoint, _REACH, ADDRESS)
                    endpoint.reload()
                except BaseException:
                    remove(endpoint)
                    raise
                self._gateway, self._container = self._host.address(endpoint), endpoint
            return self._gateway

    def close(self) -> None:
        """Remove the container that owns the tasks' endpoint."""
        with self._lock:
            self._gateway, self._closed = "", True
            if self._container is not None:
                remove(self._container)
                self._container = None

    def _tools(self, *, proxy: bool = False) -> str:
        """Return the image of a task's network, looked for once. Raises StartError."""
        if proxy not in self._images:
            try:
                self._images[proxy] = self._guard.image(proxy=proxy)
            except ImageUnavailable as error:
                raise StartError(f"a task's network needs a small image: {error}") from error
        return self._images[proxy]

    def _run(self, image: str, name: str, command: list[str], labels: dict[str, str]) -> Container:
        # Docker takes a dict as log_config; its stubs name a class of the SDK.
        started: Container = self._host.client.containers.run(  # type: ignore[call-overload]
            image,
            entrypoint=[],
            command=command,
            name=f"pushproof-{self._host.world_id}-{name}",
            labels=self._host.labels(**labels),
            network=self._host.network_name,
            cap_add=[NET_ADMIN],
            log_config={"Type": "none"},
            detach=True,
        )
        return started

    def _execute(self, container: Container, script: str, *arguments: str) -> None:
        status, output = captured(self._host.client.api, container.id, [*PYTHON, script, *arguments])
        if status != 0:
            words = output.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise StartError(f"the task's network could not be created: {words[-1]}")


def remove(container: Container) -> None:
    """Remove a container, if it still exists."""
    with contextlib.suppress(DockerException, OSError):
        container.remove(force=True, v=True)
