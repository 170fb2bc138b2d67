"""Docker Engine that does not answer: why, and what to do, within seconds."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from pushproof.emulator.runtime.docker import host
from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect


def test_a_dead_host_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that swallows packets is given up after seconds, and the variable is named."""

    def swallow(*_: object, timeout: float) -> None:
        assert timeout <= 3
        raise TimeoutError("timed out")

    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    monkeypatch.setattr(socket, "create_connection", swallow)
    with pytest.raises(DockerUnavailable, match=r"at DOCKER_HOST=tcp://192\.0\.2\.1:2375"):
        connect()


def test_a_refused_port_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK is not even called if nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
    began = time.monotonic()
    with pytest.raises(DockerUnavailable, match="Correct the variable"):
        connect()
    assert time.monotonic() - began < 3


def test_missing_permission_is_no_missing_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that this user may not open is told from an Engine that is not there."""

    def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(host, "_reach", refuse)
    with pytest.raises(DockerUnavailable, match=r"may not talk to it.*usermod -aG docker"):
        connect()


def test_an_engine_that_is_not_there_is_to_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No socket at the usual place: start it, or install it."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    real = host._reach
    monkeypatch.setattr(host, "_reach", lambda _: real(f"unix://{tmp_path}/docker.sock"))
    with pytest.raises(DockerUnavailable, match="systemctl start docker"):
        connect()
