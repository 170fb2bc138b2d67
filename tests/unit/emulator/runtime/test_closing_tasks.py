"""The end of a world while tasks of it are being stopped."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from pushproof.emulator.runtime.docker.tasks import DockerTaskRuntime


class _Container:
    """A container that notes its removal, after something else has happened."""

    def __init__(self, removed: list[str], name: str, first: Any = None) -> None:
        self._removed, self._name, self._first = removed, name, first

    def remove(self, **_: object) -> None:
        if self._first is not None:
            self._first()
        self._removed.append(self._name)


def test_a_stop_during_the_end_is_no_failure() -> None:
    """A task that another thread stops meanwhile is removed once, and the end goes on to the next one."""
    removed: list[str] = []
    runtime = DockerTaskRuntime.__new__(DockerTaskRuntime)

    def stop_second() -> None:
        thread = threading.Thread(target=runtime.stop, args=("second",))
        thread.start()
        thread.join(10)

    def task(name: str, first: Any = None) -> Any:
        spec: Any = SimpleNamespace(containers=())
        return SimpleNamespace(spec=spec, containers={}, pause=_Container(removed, name, first))

    runtime._guard, runtime._stopping, runtime._frozen = threading.Lock(), set(), set()
    runtime._tasks = {"first": task("first", stop_second), "second": task("second")}
    networks: Any = SimpleNamespace(close=lambda: removed.append("networks"))
    runtime._networks = networks
    runtime.close()
    assert removed == ["first", "second", "networks"]
