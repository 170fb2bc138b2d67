"""Engines that are chosen: by DOCKER_HOST, by a Docker context; and one whose networks are not this machine's."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pushproof.base.target import TargetUnavailable
from pushproof.doctor import diagnose
from pushproof.emulator.runtime.docker.host import labelled_worlds
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

pytestmark = pytest.mark.docker
OWN = "/var/run/docker.sock"


class Door:
    """A second socket of this machine's Engine, which counts the connections that it takes."""

    def __init__(self, path: Path) -> None:
        self.url, self.connections = f"unix://{path}", 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=_join, args=(near,), daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _join(near: socket.socket) -> None:
    """Pass everything on in both directions, until both have ended."""
    with near, socket.socket(socket.AF_UNIX) as far:
        far.connect(OWN)
        back = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
        back.start()
        _pass_on(near, far)
        back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path / "d.sock")
    yield door
    door.close()


def use_context(directory: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a Docker configuration in which the context `other` is in use, and let this process have it."""
    file = directory / "contexts/meta" / hashlib.sha256(b"other").hexdigest() / "meta.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": url}}}))
    (directory / "config.json").write_text(json.dumps({"currentContext": "other"}))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(directory))


@pytest.mark.parametrize("way", ["DOCKER_HOST", "context"])
def test_a_world_goes_by_the_chosen_engine(
    way: str, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A world, the doctor and the `docker` command talk to one Engine: the chosen one; and nothing is left of the world."""
    if way == "DOCKER_HOST":
        monkeypatch.setenv("DOCKER_HOST", door.url)
    else:
        use_context(tmp_path / "configuration", door.url, monkeypatch)
    (engine,) = (each for each in diagnose() if each.subject == "Docker Engine")
    assert engine.present, engine
    assert door.url in engine.state
    counted = door.connections
    assert counted > 0
    with EmbeddedTarget(EmbeddedSettings()) as target:
        host = target.world.equipment.engine
        assert host is not None
        assert target.world.id in labelled_worlds(host.client)
        assert door.connections > counted
    assert target.remains() == []
    counted = door.connections
    docker = shutil.which("docker")
    if docker is not None:
        subprocess.run([docker, "version"], check=True, capture_output=True, timeout=60)
        assert door.connections > counted


@pytest.fixture
def engine_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start an Engine in a network namespace of its own, as on another machine, and yield its URL."""
    if os.geteuid() or not shutil.which("dockerd") or not shutil.which("unshare"):
        pytest.skip("an Engine of its own requires root, dockerd and unshare")
    # Short: the path of a socket has at most 107 bytes.
    directory = tmp_path_factory.mktemp("e")
    url = f"unix://{directory}/s"
    options = f"--data-root {directory}/r --exec-root {directory}/x --pidfile {directory}/p --host {url}"
    command = f"ip link set lo up; mount -t tmpfs run /run; exec dockerd --storage-driver vfs {options}"
    log = (directory / "log").open("w")
    process = subprocess.Popen(
        ["unshare", "--net", "--mount", "sh", "-c", command], stdout=log, stderr=log, start_new_session=True
    )
    try:
        _await(directory / "s", process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()


def _await(path: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(path))
            return
        time.sleep(0.1)
    pytest.skip(f"no second Engine starts on this machine; see {path.parent}/log")


def test_an_engine_elsewhere_is_refused_before_anything_starts(
    engine_apart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers that cannot reach the gateway are no use: the message has the Engine, the reason and the ways that work."""
    monkeypatch.setenv("PUSHPROOF_STATE", str(tmp_path / "state"))
    use_context(tmp_path / "configuration", engine_apart, monkeypatch)
    with pytest.raises(TargetUnavailable) as caught:
        EmbeddedTarget(EmbeddedSettings())
    for words in (engine_apart, "Docker context other", "cannot reach a world here", "--task-runtime scripted"):
        assert words in str(caught.value)
    worlds = tmp_path / "state/worlds"
    assert not worlds.exists() or not list(worlds.iterdir())
    networks = subprocess.run(
        ["docker", "network", "ls", "--quiet", "--filter", "label=pushproof.world"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert networks.stdout == b""
    with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as target:
        assert target.client("sts").get_caller_identity()["Account"]
