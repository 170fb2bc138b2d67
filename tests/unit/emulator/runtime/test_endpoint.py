"""The Engine that a user means: variables before the configuration, and what is wrong with either.

The order: https://docs.docker.com/engine/manage-resources/contexts/ and https://docs.docker.com/reference/cli/docker/.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pushproof.emulator.runtime.docker.endpoint import OWN_SOCKET, ContextUnusable, Endpoint, chosen_endpoint
from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Return a Docker configuration with the contexts `near` and `far`, of which `near` is in use."""
    write_context(tmp_path, "near", {"Host": "unix:///run/near.sock"})
    write_context(tmp_path, "far", {"Host": "tcp://far.example.test:2376", "SkipTLSVerify": True})
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "near", "auths": {}}))
    return tmp_path


def write_context(configuration: Path, name: str, engine: object) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    file = configuration / "contexts/meta" / digest / "meta.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": engine}}))


def test_variables_come_before_the_configuration(configuration: Path) -> None:
    """DOCKER_HOST overrides DOCKER_CONTEXT, which overrides the context in use; `default` is this machine's own Engine."""
    base = {"DOCKER_CONFIG": str(configuration)}
    assert chosen_endpoint(base) == Endpoint("unix:///run/near.sock", "Docker context near")
    assert chosen_endpoint({**base, "DOCKER_CONTEXT": "default"}) == Endpoint(OWN_SOCKET)
    assert chosen_endpoint({**base, "DOCKER_CONTEXT": "", "DOCKER_HOST": ""}).chosen_by == "Docker context near"
    both = {**base, "DOCKER_CONTEXT": "far", "DOCKER_HOST": "tcp://127.0.0.1:2375"}
    assert chosen_endpoint(both) == Endpoint("tcp://127.0.0.1:2375", "DOCKER_HOST")


def test_a_context_has_its_certificates(configuration: Path) -> None:
    """A context's certificates are beside it, and whether the Engine's own is verified is a part of it."""
    certificates = configuration / "contexts/tls" / hashlib.sha256(b"far").hexdigest() / "docker"
    certificates.mkdir(parents=True)
    chosen = chosen_endpoint({"DOCKER_CONFIG": str(configuration), "DOCKER_CONTEXT": "far"})
    assert chosen == Endpoint("tcp://far.example.test:2376", "Docker context far", certificates, verified=False)


@pytest.mark.parametrize("text", [None, "{}", '{"currentContext": ""}', '{"currentContext": "default"}', "[]"])
def test_without_a_context_it_is_the_machines_own(tmp_path: Path, text: str | None) -> None:
    """No configuration, and one that names no context, mean the socket of this machine."""
    if text is not None:
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker/config.json").write_text(text)
    assert chosen_endpoint({"HOME": str(tmp_path)}) == Endpoint(OWN_SOCKET)


def test_a_context_that_is_not_there_is_named(configuration: Path) -> None:
    """The message has the context, who names it, and how to list those there are."""
    with pytest.raises(
        ContextUnusable, match=r"no Docker context 'gone', which DOCKER_CONTEXT names.*docker context ls"
    ):
        chosen_endpoint({"DOCKER_CONFIG": str(configuration), "DOCKER_CONTEXT": "gone"})
    (configuration / "config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(ContextUnusable, match=r"currentContext in .*config\.json"):
        chosen_endpoint({"DOCKER_CONFIG": str(configuration)})


@pytest.mark.parametrize("engine", [{}, {"Host": 7, "SkipTLSVerify": []}, [], None, {"host": "unix:///x"}])
def test_a_context_without_an_engine_is_refused(tmp_path: Path, engine: object) -> None:
    """A description without an address of an Engine is refused with its file."""
    write_context(tmp_path, "odd", engine)
    with pytest.raises(ContextUnusable, match=r"'odd'.*meta\.json.*docker context create"):
        chosen_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "odd"})


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    """A configuration that is not JSON is refused by its path."""
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ContextUnusable, match=r"config\.json is not JSON"):
        chosen_endpoint({"DOCKER_CONFIG": str(tmp_path)})


def test_the_client_follows_a_context(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's client is of the context's Engine; where that does not answer, the message names both."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(configuration))
    with pytest.raises(
        DockerUnavailable, match=r"unix:///run/near\.sock \(Docker context near\).*docker context use default"
    ):
        connect()


def test_an_engine_by_ssh_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers behind an SSH connection cannot reach a world here: the message has the ways that work."""
    monkeypatch.setenv("DOCKER_HOST", "ssh://ci@build.example.test")
    with pytest.raises(
        DockerUnavailable, match=r"ssh://ci@build\.example\.test.*elsewhere.*scripted tasks.*container\.md"
    ):
        connect()
