"""Objects of a world on Docker Engine, against an Engine that keeps the rules which matter at the end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from pushproof.emulator.runtime.docker import host as module
from pushproof.emulator.runtime.docker.host import WORLD_LABEL, DockerHost, DockerUnavailable


class Engine:
    """Containers, images and networks; an image that a container uses cannot be removed."""

    def __init__(self, *images: str) -> None:
        self.names = set(images)
        self.used: dict[str, str] = {}
        self.closed = False
        self.own: SimpleNamespace | None = None
        self.members: list[str] = []
        self.removed_networks = 0
        self.engine, self.gateway = "Engine", "172.30.0.1"
        self.containers = self.networks = self.volumes = self.images = self

    def create(self, name: str, **settings: Any) -> Any:
        return SimpleNamespace(
            name=name,
            id="c0ffee012345" + "0" * 52,
            attrs={"IPAM": {"Config": [{"Gateway": self.gateway}]}},
            reload=lambda: None,
            remove=self._remove_network,
            connect=lambda container: self.members.append(container.id),
            **settings,
        )

    def _remove_network(self) -> None:
        self.removed_networks += 1

    def version(self) -> dict[str, Any]:
        return {"Components": [{"Name": self.engine}, {"Name": "containerd"}]}

    def get(self, name: str) -> Any:
        if self.own is None or self.own.id != name:
            raise NotFound(name)
        return self.own

    def list(self, *, all: bool = False, filters: Any = None, ignore_removed: bool = False) -> list[Any]:
        if filters is None:
            return [SimpleNamespace(tags=[name], attrs={}) for name in sorted(self.names)]
        if not all:
            return []
        assert filters == {"label": f"{WORLD_LABEL}=0123abcd"}
        return [
            SimpleNamespace(name=container, remove=lambda container=container, **_: self.used.pop(container))
            for container in sorted(self.used)
        ]

    def remove(self, name: str) -> None:
        if name in self.used.values():
            raise APIError(f"conflict: {name} is being used")
        self.names.remove(name)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def interfaces(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Return the interfaces of this machine: loopback, and the bridge of a world's network."""
    there = [(1, "lo"), (2, "br-c0ffee012345")]
    monkeypatch.setattr(module.socket, "if_nameindex", lambda: there)
    return there


def test_an_engine_elsewhere_is_refused(interfaces: list[tuple[int, str]]) -> None:
    """A network of Docker's whose bridge is not here is removed again, though an address like its gateway's is."""
    interfaces.pop()
    engine = Engine()
    engine.gateway = "127.0.0.1"
    with pytest.raises(DockerUnavailable, match="cannot reach a world here"):
        DockerHost("0123abcd", engine)
    assert (engine.removed_networks, engine.closed) == (1, True)


@pytest.mark.parametrize(("gateway", "here"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_another_engine_is_judged_by_its_address(interfaces: list[tuple[int, str]], gateway: str, here: bool) -> None:
    """Podman names its bridges otherwise: there the gateway's address has to be one of this machine's."""
    interfaces.pop()
    engine = Engine()
    engine.engine, engine.gateway = "Podman Engine", gateway
    if here:
        assert DockerHost("0123abcd", engine).bridge_address == gateway
    else:
        with pytest.raises(DockerUnavailable, match="elsewhere"):
            DockerHost("0123abcd", engine)


def test_the_images_of_a_world_go_with_it_even_those_a_container_still_stood_on() -> None:
    """A task that was starting when the world ended keeps neither its container nor its image; other images stay."""
    engine = Engine("127.0.0.1:4000/shop:dev-1", "127.0.0.1:5000/shop:dev-1", "pushproof/python:1")
    host = DockerHost("0123abcd", engine)
    host.registries.add("127.0.0.1:4000")
    engine.used["starting"] = "127.0.0.1:4000/shop:dev-1"
    host.close()
    assert engine.names == {"127.0.0.1:5000/shop:dev-1", "pushproof/python:1"}
    assert not engine.used
    assert engine.closed


OWN = "a" * 64


def _container(mode: str) -> SimpleNamespace:
    networks = {"pushproof-0123abcd": {"IPAddress": "172.30.0.9"}}
    attrs = {"HostConfig": {"NetworkMode": mode}, "NetworkSettings": {"Networks": networks}}
    return SimpleNamespace(id=OWN, attrs=attrs, reload=lambda: None)


@pytest.mark.parametrize(
    ("mode", "members", "address"),
    [("bridge", [OWN], "172.30.0.9"), ("host", [], "172.30.0.1"), ("none", [], "172.30.0.1"), (None, [], "172.30.0.1")],
)
def test_a_world_in_a_container_joins_its_own_network(
    monkeypatch: pytest.MonkeyPatch, mode: str | None, members: list[str], address: str
) -> None:
    """In a container of the same Engine the gateway's address is the container's; elsewhere it is the bridge's."""
    monkeypatch.setattr(module, "container_id", lambda: OWN)
    engine = Engine()
    engine.own = None if mode is None else _container(mode)
    host = DockerHost("0123abcd", engine)
    assert engine.members == members
    assert host.bridge_address == address


def test_the_end_of_a_world_takes_leave_of_its_network() -> None:
    """A container that joined the network without belonging to the world, as the one that it ran in, is parted from it first."""
    left: list[str] = []

    def remove() -> None:
        if "outer" not in left:
            raise APIError("has active endpoints")
        left.append("network")

    network = SimpleNamespace(
        name="pushproof-0123abcd",
        attrs={"Containers": {"outer": {}}},
        reload=lambda: None,
        disconnect=lambda member, **_: left.append(member),
        remove=remove,
    )
    client: Any = SimpleNamespace(
        containers=SimpleNamespace(list=lambda **_: []),
        volumes=SimpleNamespace(list=lambda **_: []),
        networks=SimpleNamespace(list=lambda **_: [network]),
    )
    assert module.remove_world(client, "0123abcd") == ["network pushproof-0123abcd"]
    assert left == ["outer", "network"]
