"""Tasks as containers of Docker Engine; a task is one network namespace, as with `awsvpc` (see `tasknetwork`)."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from pushproof.base.clock import work_limit
from pushproof.emulator.kernel.tasks import (
    CommandResult,
    ContainerSpec,
    Neighbourhood,
    PulledImage,
    PullError,
    StartError,
    TaskListener,
    TaskSpec,
)
from pushproof.emulator.runtime.docker.execution import captured
from pushproof.emulator.runtime.docker.guard import Surrounded
from pushproof.emulator.runtime.docker.host import DockerHost, NoRoom
from pushproof.emulator.runtime.docker.tasknetwork import TaskNetworks, remove

if TYPE_CHECKING:
    from docker.models.images import Image

    from pushproof.emulator.kernel.site import Ground, Images
    from pushproof.emulator.runtime.docker.guard import Guard

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Task:
    """A running task: its spec, its listener, the owner of its network namespace, its containers, and who is around it."""

    spec: TaskSpec
    listener: TaskListener
    pause: Container
    surrounded: Surrounded
    containers: dict[str, Container] = field(default_factory=dict)


class DockerTaskRuntime:
    """Runs ECS tasks as containers; see `TaskRuntime`."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, ground: Ground, host: DockerHost, images: Images | None, guard: Guard) -> None:
        self._ground = ground
        # Packets get lost in the tasks' own networks.
        ground.faults.simulates_loss = False
        self._registry = images
        self._host = host
        self._client = host.client
        self._tasks: dict[str, _Task] = {}
        self._networks = TaskNetworks(ground, host, guard)
        self._stopping: set[str] = set()
        self._frozen: set[str] = set()
        self._closed = False
        self._guard = threading.Lock()

    @property
    def keeps_tasks(self) -> bool:
        """Return False: a container belongs to one world."""
        return False

    @property
    def endpoint(self) -> str:
        """Return the gateway's URL on the world's Docker bridge."""
        return f"http://{self._host.bridge_address}:{self._ground.endpoint.port}"

    def pull(self, reference: str, credentials: tuple[str, str] | None) -> PulledImage:
        """Pull from the world's registry; use a local image by its exact name if the name has no registry.

        Raises PullError, in the Engine's words.
        """
        resolved = self._registry.resolve(reference) if self._registry is not None else None
        name = resolved.pull_reference if resolved is not None else reference
        try:
            if resolved is not None:
                auth = {"username": credentials[0], "password": credentials[1]} if credentials else None
                image = self._client.images.pull(name, auth_config=auth)
            else:
                image = self._local_or_public(reference)
        except (APIError, ImageNotFound) as error:
            raise PullError(_pull_reason(reference, error)) from error
        digests = image.attrs.get("RepoDigests") or []
        digest = (
            resolved.digest if resolved is not None else (digests[0].partition("@")[2] if digests else image.id or "")
        )
        return PulledImage(name, digest, image.labels)

    def _local_or_public(self, reference: str) -> Image:
        try:
            return self._client.images.get(reference)
        except ImageNotFound:
            return self._client.images.pull(reference)

    def start(self, spec: TaskSpec, listener: TaskListener) -> str:
        try:
            # One more holds the task's network.
            self._host.check_room(self._ground.settings.limits.containers, len(spec.containers) + 1)
            pause = self._networks.open(spec)
            around = Neighbourhood(outwards=spec.outwards, names=spec.names, upstreams=spec.upstreams)
            surrounded = Surrounded(f"task {spec.task_id}", around, partial(self._networks.admit, spec, pause))
            task = _Task(spec, listener, pause, surrounded)
            with self._guard:
                self._tasks[spec.task_id] = task
                closed = self._closed
            if closed:
                raise StartError("the world has ended")
            started = [self._run(task, container) for container in spec.containers if not container.depends_on]
        except (APIError, ImageNotFound, NoRoom, StartError) as error:
            self.stop(spec.task_id)
            raise error if isinstance(error, StartError) else StartError(_words(error)) from error
        for name in started:
            self._follow(task, name)
        return self._host.address(task.pause)

    def start_container(self, task_id: str, container: str) -> None:
        task = self._tasks.get(task_id)
        if task is None:
            raise StartError("the task is gone")
        try:
            self._follow(task, self._run(task, next(spec for spec in task.spec.containers if spec.name == container)))
        except (APIError, ImageNotFound) as error:
            raise StartError(_words(error)) from error

    def _follow(self, task: _Task, name: str) -> None:
        for follow in (self._follow_logs, self._await_exit):
            threading.Thread(
                target=follow,
                args=(task.spec.task_id, name, task.containers[name], task.listener),
                name=f"pushproof-task-{task.spec.task_id[:8]}",
                daemon=True,
            ).start()

    def _run(self, task: _Task, spec: ContainerSpec) -> str:
        # Docker takes a dict as log_config; its stubs name a class of the SDK.
        task.containers[spec.name] = self._client.containers.run(  # type: ignore[call-overload]
            spec.image.reference,
            command=spec.command,
            entrypoint=spec.entry_point,
            environment=spec.environment,
            working_dir=spec.working_directory,
            user=spec.user,
            name=f"pushproof-{self._host.world_id}-{task.spec.family}-{task.spec.task_id[:12]}-{spec.name}",
            labels=self._host.labels(task=task.spec.task_id, container=spec.name),
            mem_limit=f"{spec.memory or task.spec.memory}m",
            # A share, not a quota: a quarter of a processor would slow the start of a container in AWS time thirtyfold.
            cpu_shares=max(2, spec.cpu or task.spec.cpu),
            read_only=spec.read_only_root,
            detach=True,
            # An image's own HEALTHCHECK is ignored, as ECS ignores it.
            healthcheck={"test": ["NONE"]},
            log_config={"Type": "json-file", "Config": {"max-size": "5m"}},
            network_mode=f"container:{task.pause.id}",
        )
        return spec.name

    def execute(self, task_id: str, container: str, command: list[str], timeout: float) -> CommandResult:
        target = self._container(task_id, container)
        if target is None:
            return CommandResult(None, "the container is gone")
        words = ["/bin/sh", "-c", command[1]] if command[:1] == ["CMD-SHELL"] else command[1:]
        result: list[CommandResult] = []

        def run() -> None:
            try:
                status, printed = captured(self._client.api, target.id, words)
                result.append(CommandResult(1 if status is None else status, printed.decode(errors="replace")[-4096:]))
            except (DockerException, OSError) as error:
                result.append(CommandResult(1, _words(error)))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(work_limit(self._ground.clock, timeout))
        return result[0] if result else CommandResult(None, "timed out")

    def statistics(self, task_id: str, container: str) -> Mapping[str, object] | None:
        running = self._container(task_id, container)
        if running is None:
            return None
        try:
            statistics: dict[str, Any] = self._client.api.stats(running.id or "", stream=False, one_shot=True)
        except (DockerException, OSError):
            return None
        return statistics

    def stop(self, task_id: str) -> dict[str, int]:
        with self._guard:
            task = self._tasks.pop(task_id, None)
            self._stopping.add(task_id)
        if task is None:
            return {}
        codes: dict[str, int] = {}
        for names in stop_order(task.spec.containers):
            threads = []
            for name in names & task.containers.keys():
                stop = self._kill_one if task_id in self._frozen else self._stop_one
                args = (name, task.containers[name], codes)
                threads.append(threading.Thread(target=stop, args=args, daemon=True))
                threads[-1].start()
            for thread in threads:
                thread.join()
        remove(task.pause)
        self._frozen.discard(task_id)
        return codes

    def _stop_one(self, name: str, container: Container, codes: dict[str, int]) -> None:
        # Real work: the application finishes its requests at its own speed, within AWS's default stop timeout.
        with contextlib.suppress(DockerException, OSError):
            container.stop(timeout=10)
        with contextlib.suppress(DockerException, OSError):
            container.reload()
            codes[name] = int(container.attrs["State"]["ExitCode"])
        with contextlib.suppress(DockerException, OSError):
            container.remove(force=True, v=True)

    def _kill_one(self, name: str, container: Container, codes: dict[str, int]) -> None:
        # What is frozen gets no signal, and a host that is lost does not come back for one.
        codes[name] = 137
        with contextlib.suppress(DockerException, OSError):
            container.remove(force=True, v=True)

    def kill(self, task_id: str, container: str) -> None:
        target = self._container(task_id, container)
        if target is not None:
            with contextlib.suppress(DockerException, OSError):
                target.kill()

    def admit(self, task_id: str, neighbourhood: Neighbourhood) -> None:
        task = self._tasks.get(task_id)
        if task is not None:
            task.surrounded.admit(neighbourhood)

    def freeze(self, task_id: str, frozen: bool = True) -> None:
        task = self._tasks.get(task_id)
        if task is None or (task_id in self._frozen) == frozen:
            return
        (self._frozen.add if frozen else self._frozen.discard)(task_id)
        for container in list(task.containers.values()):
            with contextlib.suppress(DockerException, OSError):
                container.pause() if frozen else container.unpause()

    def _follow_logs(self, task_id: str, name: str, container: Container, listener: TaskListener) -> None:
        with contextlib.suppress(DockerException, OSError):
            for lines in _batches(container.logs(stream=True, follow=True)):
                at = self._ground.clock.now()
                with self._ground.loop.lock:
                    listener.container_logged(task_id, name, [(at, line) for line in lines])

    def _await_exit(self, task_id: str, name: str, container: Container, listener: TaskListener) -> None:
        try:
            code = int(container.wait(timeout=86_400)["StatusCode"])
            container.reload()
            killed = bool(container.attrs["State"].get("OOMKilled"))
        except (DockerException, OSError):
            return
        if task_id in self._stopping:
            return
        with self._ground.loop.lock:
            listener.container_exited(task_id, name, code, out_of_memory=killed)

    def address_of(self, task_id: str) -> str | None:
        """Return the real address of a running task; None if it is gone."""
        task = self._tasks.get(task_id)
        return self._host.address(task.pause) if task is not None else None

    def _container(self, task_id: str, name: str) -> Container | None:
        task = self._tasks.get(task_id)
        return task.containers.get(name) if task is not None else None

    def close(self) -> None:
        with self._guard:
            # What ends from here on is not replaced: another world may go on with the same Engine.
            self._closed = True
            self._stopping |= self._tasks.keys()
            # A stop in another thread has taken its task, and removes the containers itself; or finds none.
            tasks = list(self._tasks.values())
            self._tasks.clear()
        for task in tasks:
            for container in (*task.containers.values(), task.pause):
                remove(container)
        self._networks.close()


def stop_order(containers: tuple[ContainerSpec, ...]) -> list[set[str]]:
    """Return containers in the order of their stop: each before those that it waited for."""
    waited = {container.name: set(container.depends_on) for container in containers}
    order: list[set[str]] = []
    while waited:
        needed = set().union(*waited.values())
        free = waited.keys() - needed or set(waited)
        order.append(set(free))
        waited = {name: others for name, others in waited.items() if name not in free}
    return order


def _batches(stream: Iterator[bytes]) -> Iterator[list[str]]:
    """Split chunks, which may end anywhere, into whole lines."""
    rest = b""
    for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [line.decode(errors="replace").rstrip("\r") for line in lines]
    if rest:
        yield [rest.decode(errors="replace")]


def _words(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)


def _pull_reason(reference: str, error: Exception) -> str:
    """Return AWS's wording for a pull that failed.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
    """
    words = _words(error)
    if isinstance(error, ImageNotFound | NotFound) or "not found" in words or "unknown" in words:
        return (
            f"pull image manifest has been retried 5 time(s): failed to resolve ref {reference}: {reference}: not found"
        )
    return f"pull image manifest has been retried 5 time(s): failed to resolve ref {reference}: {words}"
