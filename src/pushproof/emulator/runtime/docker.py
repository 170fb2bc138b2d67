"""Docker Engine: a world's network, the labels that say whose a container is, and tasks as containers.

A task is one network namespace, as `awsvpc` gives it: the first essential container owns the address, the others join it.
Everything made here is labelled with the world, so that whatever a crash leaves behind is found and removed (see `orphans`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from pushproof.clock import SHORTEST_COMMAND_LIMIT, work_limit
from pushproof.emulator.runtime.base import (
    CommandResult,
    ContainerSpec,
    PulledImage,
    PullError,
    StartError,
    TaskListener,
    TaskSpec,
)
from pushproof.emulator.runtime.execution import captured

if TYPE_CHECKING:
    from pushproof.emulator.world import World

log = logging.getLogger(__name__)

WORLD_LABEL = "pushproof.world"
TASK_LABEL = "pushproof.task"


class DockerUnavailable(Exception):
    """Docker Engine does not answer; the message says what to do."""


def connect(timeout: int = 120) -> Any:
    """A Docker SDK client of an Engine that answers. Raises DockerUnavailable."""
    try:
        client = docker.from_env(timeout=timeout)
        client.ping()
    except (DockerException, OSError) as error:
        raise DockerUnavailable(
            f"Docker Engine does not answer ({error}). Start it (`systemctl start docker`, or `dockerd` as root), or install it: "
            "`make setup` does so on Debian and Ubuntu as root; elsewhere see https://docs.docker.com/engine/install/."
        ) from error
    return client


class DockerHost:
    """The Docker side of a world: a bridge network of its own, and what is labelled with it."""

    def __init__(self, world_id: str, client: Any | None = None) -> None:
        self.world_id = world_id
        self.client = client or connect()
        self.network_name = f"pushproof-{world_id}"
        self.network = self.client.networks.create(
            self.network_name, driver="bridge", labels=self.labels(), check_duplicate=True
        )
        self.network.reload()

    def labels(self, **more: str) -> dict[str, str]:
        """The labels for whatever is made for this world."""
        return {WORLD_LABEL: self.world_id, **{f"pushproof.{key}": value for key, value in more.items()}}

    @property
    def bridge_address(self) -> str:
        """The host's own address on the world's network."""
        address: str = self.network.attrs["IPAM"]["Config"][0]["Gateway"]
        return address.split("/")[0]

    def close(self) -> None:
        remove_world(self.client, self.world_id)
        self.client.close()


def remove_world(client: Any, world_id: str) -> list[str]:
    """Remove every container, volume, network and image labelled with a world; returns what was removed, described."""
    label = {"label": f"{WORLD_LABEL}={world_id}"}
    removed: list[str] = []
    for container in client.containers.list(all=True, filters=label, ignore_removed=True):
        with contextlib.suppress(NotFound, APIError):
            container.remove(force=True, v=True)
            removed.append(f"container {container.name}")
    for volume in client.volumes.list(filters=label):
        with contextlib.suppress(NotFound, APIError):
            volume.remove(force=True)
            removed.append(f"volume {volume.name}")
    for network in client.networks.list(filters=label):
        with contextlib.suppress(NotFound, APIError):
            network.remove()
            removed.append(f"network {network.name}")
    return removed


def remove_images(client: Any, registry: str) -> list[str]:
    """Remove every image pulled from a world's registry (`host:port`) that no container uses; returns their names."""
    removed: list[str] = []
    for image in client.images.list():
        names = [n for n in [*image.tags, *(image.attrs.get("RepoDigests") or [])] if n.startswith(f"{registry}/")]
        for name in names:
            with contextlib.suppress(NotFound, APIError, ImageNotFound):
                client.images.remove(name)
                removed.append(f"image {name}")
    return removed


def labelled_worlds(client: Any) -> set[str]:
    """The ids of all worlds that own a container, volume or network on this Engine."""
    label = {"label": WORLD_LABEL}
    found = {c.labels[WORLD_LABEL] for c in client.containers.list(all=True, filters=label, ignore_removed=True)}
    found |= {(v.attrs.get("Labels") or {}).get(WORLD_LABEL, "") for v in client.volumes.list(filters=label)}
    found |= {(n.attrs.get("Labels") or {}).get(WORLD_LABEL, "") for n in client.networks.list(filters=label)}
    return found - {""}


class DockerTaskRuntime:
    """Runs ECS tasks as containers; see `TaskRuntime`."""

    def __init__(self, world: World, host: DockerHost) -> None:
        self._world = world
        self._host = host
        self._client = host.client
        self._tasks: dict[str, dict[str, Container]] = {}
        self._stopping: set[str] = set()
        self._guard = threading.Lock()

    def pull(self, reference: str, credentials: tuple[str, str] | None) -> PulledImage:
        """Pull from the world's registry, or take a local image by its exact name when it is not a registry's.

        Raises PullError, in the Engine's words.
        """
        resolved = self._world.registry.resolve(reference) if self._world.registry is not None else None
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
        digest = resolved.digest if resolved is not None else (digests[0].partition("@")[2] if digests else image.id)
        return PulledImage(name, digest, image.labels)

    def _local_or_public(self, reference: str) -> Any:
        try:
            return self._client.images.get(reference)
        except ImageNotFound:
            return self._client.images.pull(reference)

    def start(self, spec: TaskSpec, listener: TaskListener) -> str:
        containers: dict[str, Container] = {}
        with self._guard:
            self._tasks[spec.task_id] = containers
        owner = next((c for c in spec.containers if c.essential), spec.containers[0])
        ordered = [owner, *(c for c in spec.containers if c is not owner)]
        try:
            for container_spec in ordered:
                containers[container_spec.name] = self._run(spec, container_spec, containers.get(owner.name))
        except (APIError, ImageNotFound) as error:
            self.stop(spec.task_id)
            raise StartError(_words(error)) from error
        containers[owner.name].reload()
        address: str = containers[owner.name].attrs["NetworkSettings"]["Networks"][self._host.network_name]["IPAddress"]
        for container_spec in ordered:
            for follow in (self._follow_logs, self._await_exit):
                threading.Thread(
                    target=follow,
                    args=(spec.task_id, container_spec.name, containers[container_spec.name], listener),
                    name=f"pushproof-task-{spec.task_id[:8]}",
                    daemon=True,
                ).start()
        return address

    def _run(self, task: TaskSpec, spec: ContainerSpec, owner: Container | None) -> Container:
        network = {"network": self._host.network_name} if owner is None else {"network_mode": f"container:{owner.id}"}
        return self._client.containers.run(
            spec.image.reference,
            command=spec.command,
            entrypoint=spec.entry_point,
            environment=spec.environment,
            working_dir=spec.working_directory,
            user=spec.user,
            name=f"pushproof-{self._host.world_id}-{task.family}-{task.task_id[:12]}-{spec.name}",
            labels=self._host.labels(task=task.task_id, container=spec.name),
            mem_limit=f"{spec.memory or task.memory}m",
            # A share, not a quota: a quarter of a processor would slow the start of a container in AWS time thirtyfold.
            cpu_shares=max(2, spec.cpu or task.cpu),
            read_only=spec.read_only_root,
            detach=True,
            # An image's own HEALTHCHECK is ignored, as ECS ignores it.
            healthcheck={"test": ["NONE"]},
            log_config={"Type": "json-file", "Config": {"max-size": "5m"}},
            **network,
        )

    def execute(self, task_id: str, container: str, command: list[str], timeout: float) -> CommandResult:
        target = self._tasks.get(task_id, {}).get(container)
        if target is None:
            return CommandResult(None, "the container is gone")
        words = ["/bin/sh", "-c", command[1]] if command[:1] == ["CMD-SHELL"] else command[1:]
        result: list[CommandResult] = []

        def run() -> None:
            try:
                status, printed = captured(self._client.api, target.id, words)
                result.append(CommandResult(1 if status is None else status, printed.decode(errors="replace")[-4096:]))
            except (APIError, NotFound, OSError) as error:
                result.append(CommandResult(1, _words(error)))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(work_limit(self._world.clock, timeout, shortest=SHORTEST_COMMAND_LIMIT))
        return result[0] if result else CommandResult(None, "timed out")

    def stop(self, task_id: str) -> dict[str, int]:
        with self._guard:
            containers = self._tasks.pop(task_id, {})
            self._stopping.add(task_id)
        codes: dict[str, int] = {}
        threads = []
        for name, container in containers.items():
            thread = threading.Thread(target=self._stop_one, args=(name, container, codes), daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
        return codes

    def _stop_one(self, name: str, container: Container, codes: dict[str, int]) -> None:
        # Real work: the application finishes its requests at its own speed, within what it gets on AWS by default.
        with contextlib.suppress(NotFound, APIError):
            container.stop(timeout=10)
        with contextlib.suppress(NotFound, APIError):
            container.reload()
            codes[name] = int(container.attrs["State"]["ExitCode"])
        with contextlib.suppress(NotFound, APIError):
            container.remove(force=True, v=True)

    def _follow_logs(self, task_id: str, name: str, container: Container, listener: TaskListener) -> None:
        with contextlib.suppress(NotFound, APIError, DockerException, OSError):
            for lines in _batches(container.logs(stream=True, follow=True)):
                at = self._world.clock.now()
                with self._world.loop.lock:
                    listener.container_logged(task_id, name, [(at, line) for line in lines])

    def _await_exit(self, task_id: str, name: str, container: Container, listener: TaskListener) -> None:
        try:
            code = int(container.wait(timeout=86_400)["StatusCode"])
            container.reload()
            killed = bool(container.attrs["State"].get("OOMKilled"))
        except (NotFound, APIError, DockerException, OSError):
            return
        if task_id in self._stopping:
            return
        with self._world.loop.lock:
            listener.container_exited(task_id, name, code, out_of_memory=killed)

    def address_of(self, task_id: str) -> str | None:
        """The real address of a running task; None when it is gone."""
        for container in self._tasks.get(task_id, {}).values():
            networks = container.attrs["NetworkSettings"]["Networks"]
            if self._host.network_name in networks:
                return str(networks[self._host.network_name]["IPAddress"])
        return None

    def close(self) -> None:
        for task_id in list(self._tasks):
            for container in self._tasks.pop(task_id).values():
                with contextlib.suppress(NotFound, APIError):
                    container.remove(force=True, v=True)
        remove_images(self._client, self._world.registry_host)


def _batches(stream: Iterator[bytes]) -> Iterator[list[str]]:
    """Whole lines out of chunks that end anywhere."""
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
    """AWS's wording for a pull that failed.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
    """
    words = _words(error)
    if isinstance(error, ImageNotFound | NotFound) or "not found" in words or "unknown" in words:
        return (
            f"pull image manifest has been retried 5 time(s): failed to resolve ref {reference}: {reference}: not found"
        )
    return f"pull image manifest has been retried 5 time(s): failed to resolve ref {reference}: {words}"
