"""Docker Engine: a world's network, and the labels that mark a container's owner.

Everything created here is labelled with the world and its process, so that leftovers of a crash can be identified and removed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.tls import TLSConfig

from pushproof.base.processes import container_id, is_gone, owner_mark
from pushproof.emulator.runtime.docker.endpoint import ContextUnusable, Endpoint, chosen_endpoint

if TYPE_CHECKING:
    from docker.client import DockerClient
    from docker.models.containers import Container
    from docker.models.networks import Network

WORLD_LABEL = "pushproof.world"
OWNER_LABEL = "pushproof.owner"


class DockerUnavailable(Exception):
    """Docker Engine does not answer; the message contains the remedy."""


#: Seconds for a Docker Engine to take a connection; only a host that is gone needs longer.
_PATIENCE = 2.5


def connect(timeout: int = 120) -> DockerClient:
    """Return a Docker SDK client of the Engine that the `docker` command would use, if it answers. Raises DockerUnavailable."""
    try:
        endpoint = chosen_endpoint(os.environ)
    except ContextUnusable as error:
        raise DockerUnavailable(str(error)) from error
    if endpoint.url.startswith("ssh://"):
        raise DockerUnavailable(_ELSEWHERE.format(where=endpoint))
    try:
        _reach(endpoint.url)
        client = _client(endpoint, timeout)
        client.ping()
    except (DockerException, OSError) as error:
        raise DockerUnavailable(_remedy(error, endpoint)) from error
    return client


def _client(endpoint: Endpoint, timeout: int) -> DockerClient:
    if endpoint.chosen_by == "DOCKER_HOST":
        # With DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, if they are set.
        return docker.from_env(timeout=timeout)
    directory = endpoint.certificates
    tls: TLSConfig | bool = False
    if directory is not None:
        pair = directory / "cert.pem", directory / "key.pem"
        authority = directory / "ca.pem"
        tls = TLSConfig(
            client_cert=(str(pair[0]), str(pair[1])) if all(file.exists() for file in pair) else None,
            ca_cert=str(authority) if authority.exists() else None,
            verify=endpoint.verified,
        )
    return docker.DockerClient(base_url=endpoint.url, timeout=timeout, tls=tls)


def _reach(url: str) -> None:
    """Raise OSError at once when nothing takes a connection there: the SDK would wait half a minute."""
    place = urlsplit(url)
    if place.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PATIENCE)
            probe.connect(place.path)
    elif place.scheme in ("tcp", "http", "https") and place.hostname:
        socket.create_connection((place.hostname, place.port or 2375), timeout=_PATIENCE).close()


def _remedy(error: Exception, endpoint: Endpoint) -> str:
    """Return what is wrong and what to do about it: no permission, a wrong address, or no Engine."""
    # The SDK has the system's own error somewhere behind its own.
    if isinstance(error, PermissionError) or "Permission denied" in str(error):
        return (
            f"Docker Engine runs, and this user may not talk to it ({error}). Let them: `sudo usermod -aG docker $USER`, then log "
            "in again (https://docs.docker.com/engine/install/linux-postinstall/); members of that group are as good as root."
        )
    if endpoint.chosen_by == "DOCKER_HOST":
        return (
            f"Docker Engine does not answer at DOCKER_HOST={endpoint.url} ({error}). "
            "Correct the variable, or unset it for the local one."
        )
    if endpoint.chosen_by:
        return (
            f"Docker Engine does not answer at {endpoint} ({error}). "
            "Correct the context, or return to this machine's own Engine: `docker context use default`."
        )
    return (
        f"Docker Engine does not answer ({error}). Start it (`systemctl start docker`, or `dockerd` as root), or install it: "
        "`apt-get install docker.io` on Debian and Ubuntu; elsewhere see https://docs.docker.com/engine/install/."
    )


class NoRoom(Exception):
    """The world has as many containers as its settings allow; the message names the limit."""


class DockerHost:
    """The Docker side of a world: a bridge network of its own, and everything with its label.

    Where this process runs in a container of the same Engine, that container joins the network: the bridge's own address is the
    host's, at which the process cannot listen.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, world_id: str, client: DockerClient | None = None) -> None:
        self.world_id = world_id
        self.client = client or connect()
        self._own = own_container(self.client)
        if self._own is None and sys.platform == "darwin":
            self.client.close()
            raise DockerUnavailable(_NO_BRIDGE)
        self.network_name = f"pushproof-{world_id}"
        self.network = self.client.networks.create(
            self.network_name, driver="bridge", labels=self.labels(), check_duplicate=True
        )
        if self._own is not None:
            try:
                self.network.connect(self._own)
            except BaseException:
                self.network.remove()
                raise
        self.network.reload()
        if self._own is None and not _is_here(self.network, self.client):
            self.network.remove()
            self.client.close()
            raise DockerUnavailable(_ELSEWHERE.format(where=chosen_endpoint(os.environ)))
        # : Registries (`host:port`) whose images are removed with the world.
        self.registries: set[str] = set()

    def labels(self, **more: str) -> dict[str, str]:
        """Return the labels for everything created for this world."""
        return world_labels(self.world_id, **more)

    @property
    def bridge_address(self) -> str:
        """Return the address of this process on the world's network: the host's own, or that of the container it runs in."""
        if self._own is not None:
            self._own.reload()
            own: str = self._own.attrs["NetworkSettings"]["Networks"][self.network_name]["IPAddress"]
            return own
        return self.gateway

    @property
    def block(self) -> str:
        """Return the block of addresses of the world's network."""
        block: str = self.network.attrs["IPAM"]["Config"][0]["Subnet"]
        return block

    @property
    def gateway(self) -> str:
        """Return the address that the machine with Docker Engine has on the world's network."""
        address: str = self.network.attrs["IPAM"]["Config"][0]["Gateway"]
        return address.split("/")[0]

    @property
    def apart(self) -> bool:
        """Return whether this process runs in a container, and so apart from the machine with Docker Engine."""
        return self._own is not None

    def check_room(self, most: int, more: int) -> None:
        """Raise NoRoom if the world would have more containers than `most` with `more` of them added."""
        label = {"label": f"{WORLD_LABEL}={self.world_id}"}
        standing = len(self.client.api.containers(quiet=True, filters=label))
        if standing + more > most:
            raise NoRoom(f"the world has {standing} containers; it may have {most} (WorldSettings.limits.containers)")

    def address(self, container: Container) -> str:
        """Return a container's address on the world's network, as the container was last read."""
        address: str = container.attrs["NetworkSettings"]["Networks"][self.network_name]["IPAddress"]
        return address

    def close(self) -> None:
        """Remove everything of the world. Raises DockerUnavailable if the Engine does not answer any more."""
        try:
            remove_world(self.client, self.world_id)
            # Only now: an image cannot be removed while a container uses it.
            for registry in self.registries:
                remove_images(self.client, registry)
        except (DockerException, OSError) as error:
            raise DockerUnavailable(
                f"Docker Engine does not answer any more ({error}): containers and networks of world {self.world_id} stay. "
                "Start it, then run `pushproof sweep --local`, which removes them."
            ) from error
        finally:
            self.client.close()


# A person with macOS has two ways: without containers, or with the world in a container too.
_NO_BRIDGE = (
    "Docker Desktop runs containers in a virtual machine whose networks this machine cannot reach: tasks, builds and load "
    "balancers do not work from here. Use scripted tasks (--task-runtime scripted), or run Pushproof in a container that has "
    "Docker's socket (docs/container.md)."
)


_ELSEWHERE = (
    "Docker Engine at {where} has its networks elsewhere: on another machine, in a virtual machine, or apart from this machine's "
    "(rootless). Its containers cannot reach a world here, and load balancers here cannot reach them. Use this machine's own "
    "Engine (unset DOCKER_HOST and DOCKER_CONTEXT, `docker context use default`), scripted tasks (--task-runtime scripted), or "
    "run Pushproof beside that Engine, in a container that has its socket (docs/container.md)."
)


def _is_here(network: Network, client: DockerClient) -> bool:
    """Return whether a bridge network is one of this machine's, so that its containers and this process reach each other.

    An address is no proof: Engines choose the same ones. Docker names the interface by the network's id
    (https://docs.docker.com/engine/network/drivers/bridge/#default-network-settings: "br-<id>").
    """
    if f"br-{(network.id or '')[:12]}" in {name for _, name in socket.if_nameindex()}:
        return True
    engines = {component.get("Name", "") for component in client.version().get("Components") or []}
    if "Engine" in engines:
        return False
    # Another Engine with Docker's API, such as Podman, has names of its own: at least the address has to be here.
    address = network.attrs["IPAM"]["Config"][0]["Gateway"].split("/")[0]
    try:
        socket.create_server((address, 0)).close()
    except OSError:
        return False
    return True


def own_container(client: DockerClient) -> Container | None:
    """Return the container that this process runs in, if it is one of this Engine's with networks of its own."""
    own = container_id()
    if own is None:
        return None
    try:
        container = client.containers.get(own)
        mode = container.attrs["HostConfig"]["NetworkMode"]
        if mode.startswith("container:"):
            # It shares the network of another, which can join a network in its place.
            container = client.containers.get(mode.partition(":")[2])
            mode = container.attrs["HostConfig"]["NetworkMode"]
    except NotFound:
        # A container of another Engine, in which this one runs.
        return None
    return None if mode in ("host", "none") else container


def world_labels(world_id: str, **more: str) -> dict[str, str]:
    """Return the labels for everything that this process creates for a world."""
    return {WORLD_LABEL: world_id, OWNER_LABEL: owner_mark(), **{f"pushproof.{key}": v for key, v in more.items()}}


def remove_world(client: DockerClient, world_id: str) -> list[str]:
    """Remove every container, volume, network and image labelled with a world, and describe what was removed."""
    label: dict[str, str | list[str] | bool] = {"label": f"{WORLD_LABEL}={world_id}"}
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
            network.reload()
            for member in network.attrs.get("Containers") or {}:
                # The container that the world itself ran in; its own containers are gone by now.
                with contextlib.suppress(NotFound, APIError):
                    network.disconnect(member, force=True)
            network.remove()
            removed.append(f"network {network.name}")
    return removed


def remove_images(client: DockerClient, registry: str) -> list[str]:
    """Remove every image pulled from a world's registry (`host:port`) that no container uses. Return their names."""
    removed: list[str] = []
    for image in client.images.list():
        names = [n for n in [*image.tags, *(image.attrs.get("RepoDigests") or [])] if n.startswith(f"{registry}/")]
        for name in names:
            with contextlib.suppress(NotFound, APIError, ImageNotFound):
                client.images.remove(name)
                removed.append(f"image {name}")
    return removed


def labelled_worlds(client: DockerClient) -> set[str]:
    """Return the ids of all worlds that own a container, volume or network on this Engine."""
    return {labels[WORLD_LABEL] for labels in _labels(client)}


def stray_worlds(client: DockerClient) -> set[str]:
    """Return the ids of worlds whose process is certainly gone, by the labels of their objects on this Engine."""
    labels = _labels(client)
    used = {label[WORLD_LABEL] for label in labels if OWNER_LABEL not in label or not is_gone(label[OWNER_LABEL])}
    return {label[WORLD_LABEL] for label in labels} - used


def _labels(client: DockerClient) -> list[dict[str, str]]:
    """Return the labels of every container, volume and network of a world."""
    label: dict[str, str | list[str] | bool] = {"label": WORLD_LABEL}
    all_labels = [c.labels for c in client.containers.list(all=True, filters=label, ignore_removed=True)]
    others = [*client.volumes.list(filters=label), *client.networks.list(filters=label)]
    all_labels += [other.attrs.get("Labels") or {} for other in others]
    return [labels for labels in all_labels if labels.get(WORLD_LABEL)]
