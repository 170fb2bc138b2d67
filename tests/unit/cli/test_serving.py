"""Addresses and names at which `pushproof serve` listens: never those of the machine itself."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.unit.structure.graph import SOURCE

from pushproof.base import processes
from pushproof.base.target import TargetUnavailable
from pushproof.cli import main
from pushproof.cli.serve import container_addresses, host_names
from pushproof.drill.settings import BadInput
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker import host
from pushproof.targets import worldtarget
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal


def test_outside_of_a_container_its_addresses_stay_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a machine the option is bad input: a world would be open to the machine's network."""
    monkeypatch.setattr(processes, "is_in_container", lambda: False)
    assert main(["serve", "--in-container", "--task-runtime", "scripted", "--port", "0"]) == 2
    assert "inside of a container only" in capsys.readouterr().out


def test_inside_a_container_its_own_addresses_are_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of the container's networks, without loopback, each once."""
    answers = [(2, 1, 6, "", (address, 0)) for address in ("172.18.0.2", "172.18.0.2", "127.0.1.1", "172.19.0.3")]
    monkeypatch.setattr(processes, "is_in_container", lambda: True)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: answers)
    assert container_addresses() == ("172.18.0.2", "172.19.0.3")


@pytest.mark.parametrize("name", ["", "http://pushproof", "pushproof:4567", "*", "a b", ".localhost", "-x"])
def test_only_names_are_names(name: str) -> None:
    """A pattern, a URL or a port cannot widen what the world answers to."""
    with pytest.raises(BadInput, match="is not a name of a host"):
        host_names([name])
    assert host_names(["Pushproof", "aws.test"]) == ["pushproof", "aws.test"]


def test_compose_publishes_on_loopback_only() -> None:
    """Each service of docker-compose.yml is published on 127.0.0.1, and a world under the number that it listens on inside."""
    services = yaml.safe_load((SOURCE.parent / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"localstack", "pushproof"}
    for service in services.values():
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:"), port
    (published,) = services["pushproof"]["ports"]
    _, outside, inside = published.replace("${PUSHPROOF_PORT:-4567}", "N").split(":")
    command = [str(word).replace("${PUSHPROOF_PORT:-4567}", "N") for word in services["pushproof"]["command"]]
    assert outside == inside == command[command.index("--port") + 1] == "N"
    assert "--open" not in command


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """This machine as macOS: its name, no /proc, and programs that answer as there."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sysctl").write_text("#!/bin/sh\necho '{ sec = 1767225600, usec = 0 } Thu Jan  1 00:00:00 2026'\n")
    (programs / "ps").write_text("#!/bin/sh\necho 'Sat Nov 28 09:00:00 2026     S+'\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setattr(processes, "PROC", tmp_path / "proc")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return tmp_path


def test_scripted_worlds_work_on_macos(mac: Path) -> None:
    """A world with scripted tasks opens, answers, and leaves nothing, without /proc and without Docker."""
    journal = Journal(mac / "state")
    settings = EmbeddedSettings(world=WorldSettings(), runtime="scripted")
    with EmbeddedTarget(settings, journal=journal) as target:
        assert target.client("sts").get_caller_identity()["Account"] == target.account_id
        (record,) = journal.records()
        assert record.alive
    assert list((mac / "state" / "worlds").iterdir()) == []


def test_containers_on_macos_are_refused_with_the_two_ways_on(mac: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker Desktop answers, and its networks cannot be reached from macOS: said before anything is created."""
    closed: list[bool] = []
    engine: Any = SimpleNamespace(close=lambda: closed.append(True))
    monkeypatch.setattr(host, "connect", lambda: engine)
    monkeypatch.setattr(worldtarget.DockerHost, "close", lambda _self: None)
    journal = Journal(mac / "state")
    with pytest.raises(TargetUnavailable, match=r"--task-runtime scripted.*docs/container\.md"):
        EmbeddedTarget(EmbeddedSettings(), journal=journal)
    assert closed == [True]
    assert list((mac / "state" / "worlds").iterdir()) == []
