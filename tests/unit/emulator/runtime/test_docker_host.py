"""Objects of a world on Docker Engine, against an Engine that keeps the rules which matter at the end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from docker.errors import APIError

from pushproof.emulator.runtime.docker.host import WORLD_LABEL, DockerHost


class Engine:
    """Containers, images and networks; an image that a container uses cannot be removed."""

    def __init__(self, *images: str) -> None:
        self.names = set(images)
        self.used: dict[str, str] = {}
        self.closed = False
        self.containers = self.networks = self.volumes = self.images = self

    def create(self, name: str, **settings: Any) -> Any:
        return SimpleNamespace(name=name, reload=lambda: None, remove=lambda: None, **settings)

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
