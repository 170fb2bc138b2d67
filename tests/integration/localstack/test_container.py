"""A LocalStack container of a world's own, and every way it can fail: clear, and with nothing left behind."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.runtime.docker.host import WORLD_LABEL, connect
from pushproof.emulator.runtime.docker.imagemaking import build
from pushproof.targets.journal import Journal, WorldRecord
from pushproof.targets.localstack.container import choose_image, start_localstack
from pushproof.targets.localstack.target import LocalStackSettings, LocalStackTarget
from pushproof.terraform.applied import prepare
from pushproof.terraform.errors import CommandFailed

pytestmark = pytest.mark.docker

Open = Callable[..., LocalStackTarget]


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    client = connect(timeout=600)
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(engine: Any) -> str:
    """The image that runs here: pulled, or made from the package index once."""
    return choose_image(engine, None, print)


class Noted(Journal):
    """Remembers the worlds that it saw, also when they are gone: others run on the same Engine."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.ids: set[str] = set()

    def records(self) -> list[WorldRecord]:
        found = super().records()
        self.ids |= {record.id for record in found}
        return found

    def open(self, target: str, *, engine: bool = False) -> WorldRecord:
        record = super().open(target, engine=engine)
        self.ids.add(record.id)
        return record


@pytest.fixture
def journal(tmp_path: Path, engine: Any) -> Iterator[Journal]:
    """A journal of the test's own; at the end no container carries the label of any of its worlds."""
    journal = Noted(tmp_path)
    yield journal
    assert not set(_labelled(engine)) & journal.ids
    assert not journal.records()


def _labelled(engine: Any) -> list[str]:
    label = {"label": [WORLD_LABEL, "pushproof.part=localstack"]}
    return [c.labels[WORLD_LABEL] for c in engine.containers.list(all=True, filters=label, ignore_removed=True)]


@pytest.fixture
def opened(image: str, journal: Journal) -> Open:
    """Opens a target on a container of its own, without containers of tasks."""

    def open_target(**settings: Any) -> LocalStackTarget:
        told = {"image": image, **settings}
        return LocalStackTarget(LocalStackSettings(runtime="scripted", where="container", **told), journal=journal)

    return open_target


def test_the_container_is_published_on_loopback_only(opened: Open, engine: Any) -> None:
    """The container is reachable from this machine only, since an emulator accepts any credentials."""
    with opened() as target:
        assert target.container is not None
        ports = engine.containers.get(target.container.name).attrs["NetworkSettings"]["Ports"]
        assert {binding["HostIp"] for bindings in ports.values() for binding in bindings or ()} == {"127.0.0.1"}
        assert target.client("sts").get_caller_identity()["Account"] == target.account_id
        assert target.leftovers() == []
    assert target.remains() == []


def test_a_container_that_dies_is_named_with_its_last_words(opened: Open, engine: Any) -> None:
    """The next call after a kill fails with the container's name and the end of its log."""
    with opened() as target:
        assert target.container is not None
        sns = target.client("sns")
        sns.create_topic(Name="before")
        engine.containers.get(target.container.name).kill()
        with pytest.raises(ClientError) as raised:
            sns.create_topic(Name="after")
        told = str(raised.value)
        assert target.container.name in told
        assert "ended with exit code 137" in told
        assert "Ready." in told
    assert target.remains() == []


def test_a_container_that_is_removed_is_named(opened: Open, engine: Any) -> None:
    """The error names a removed container, and states that its log is gone too."""
    with opened() as target:
        assert target.container is not None
        engine.containers.get(target.container.name).remove(force=True)
        with pytest.raises(ClientError, match=rf"{target.container.name} .* is gone\. It was removed from outside"):
            target.client("sqs").list_queues()


_TOPICS = """
resource "aws_sns_topic" "first" {
  name = "first"
}

resource "aws_sns_topic" "second" {
  name         = "second"
  display_name = aws_sns_topic.first.name
}

# On a busy machine the container dies a little later.
resource "aws_sns_topic" "third" {
  name         = "third"
  display_name = aws_sns_topic.second.name
}

resource "aws_sns_topic" "fourth" {
  name         = "fourth"
  display_name = aws_sns_topic.third.name
}
"""


def test_a_container_that_dies_during_an_apply_ends_it(opened: Open, engine: Any, tmp_path: Path) -> None:
    """Terraform does not go on trying for minutes: its error names the container and shows the end of its log."""
    source = tmp_path / "topics"
    source.mkdir()
    (source / "main.tf").write_text(_TOPICS)
    with opened() as target:
        assert target.container is not None
        name = target.container.name

        def kill(line: str) -> None:
            if line.startswith("aws_sns_topic.first: Creation complete"):
                engine.containers.get(name).kill()

        terraform = prepare(target, source, name="topics", listener=kill)
        terraform.init()
        with pytest.raises(CommandFailed) as raised:
            terraform.apply()
        # Terraform folds long lines into its box.
        told = " ".join(str(raised.value).replace("│", " ").split())
        assert f"container {name} " in told
        assert "ended with exit code 137" in told
        assert "AWS sns.CreateTopic => 200" in told
        assert re.search(r"aws_sns_topic\.(second|third|fourth)", told)
        assert terraform.timings["apply"] < 90
        # What was made is in the state, for whoever has a LocalStack that persists.
        assert "aws_sns_topic" in (terraform.copy.directory / "terraform.tfstate").read_text()
    assert target.remains() == []


def test_a_taken_port_is_named(opened: Open) -> None:
    """A port that something else listens on is refused, naming it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TargetUnavailable, match=rf"port {port} of 127\.0\.0\.1 cannot be published .* taken"):
            opened(localstack_port=port)


def test_an_invalid_token_is_told_in_localstacks_words(opened: Open, image: str, engine: Any) -> None:
    """An image that quits over its licence is reported in LocalStack's words, and leaves no container."""
    name = "pushproof/test-licence:1"
    refusal = (
        "Localstack returning with exit code 55. Reason:\\nThe license activation failed for the following reason:\\n"
    )
    script = f'FROM {image}\nCMD ["sh", "-c", "printf \'{refusal}The credentials are invalid.\\\\n\'; exit 55"]\n'
    build(engine, name, {"Dockerfile": script.encode()}, None, {})
    try:
        with pytest.raises(TargetUnavailable, match="has quit over its licence") as raised:
            opened(image=name, token="ls-wrong")
        assert "The credentials are invalid." in str(raised.value)
        assert "ls-wrong" not in str(raised.value)
    finally:
        engine.images.remove(name, force=True)


def test_an_image_that_cannot_be_pulled_is_named(opened: Open) -> None:
    """LOCALSTACK_IMAGE is taken at its word: what cannot be had is not replaced."""
    missing = "127.0.0.1:1/nobody/localstack:9"
    with pytest.raises(TargetUnavailable, match=r"cannot be pulled .*LOCALSTACK_IMAGE names it.*docker pull"):
        opened(image=missing)


class NoImages:
    """A Docker client of an Engine that has no image and reaches no registry."""

    images: Any

    def __init__(self) -> None:
        self.images = self

    def get(self, name: str) -> Any:
        from docker.errors import ImageNotFound

        raise ImageNotFound(name)

    def pull(self, name: str) -> Any:
        from docker.errors import APIError

        raise APIError(f"no route to the registry of {name}")


def test_when_neither_image_can_be_had_both_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message gives both reasons if the image can be neither pulled nor built."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(TargetUnavailable) as raised:
        choose_image(NoImages(), None, lambda _: None)
    told = str(raised.value)
    assert "Pulled: localstack/localstack:4.14.0 cannot be pulled" in told
    assert "Built here (`python -m pushproof.targets.localstack.image`):" in told
    assert "pip download localstack-core==4.14.0" in told


# Docker's SDK forgets the socket that could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_without_docker_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing Docker Engine is reported with the remedy."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(TargetUnavailable) as raised:
        start_localstack("0123abcd", progress=lambda _: None)
    assert "Docker Engine does not answer" in str(raised.value)
    assert "Correct the variable" in str(raised.value)
    del raised
    gc.collect()


# Another process: a run that is killed, and one that runs beside this one.

_RUN = """
import json, sys
from pathlib import Path
from pushproof.targets.journal import Journal, WorldRecord
from pushproof.targets.localstack.target import LocalStackSettings, LocalStackTarget
settings = LocalStackSettings(runtime="scripted", where="container", image=sys.argv[2])
with LocalStackTarget(settings, journal=Journal(Path(sys.argv[1]))) as target:
    s3 = target.client("s3")
    s3.create_bucket(Bucket="shared-name", CreateBucketConfiguration={"LocationConstraint": target.region})
    s3.put_object(Bucket="shared-name", Key="whose", Body=target.world.id.encode())
    print(json.dumps({"world": target.world.id, "container": target.container.name}), flush=True)
    sys.stdin.readline()
    print(s3.get_object(Bucket="shared-name", Key="whose")["Body"].read().decode(), flush=True)
print(target.remains(), flush=True)
"""


def _run(directory: Path, image: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, str(directory), image], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_runs_side_by_side_do_not_meet(journal: Journal, tmp_path: Path, image: str) -> None:
    """Two processes, the same names: each sees its own, and ending one leaves the other as it was."""
    first, second = (_run(tmp_path, image) for _ in range(2))
    worlds = [json.loads(_line(process))["world"] for process in (first, second)]
    assert {record.id for record in journal.records()} == set(worlds)
    assert worlds[0] != worlds[1]
    for process, world in zip((first, second), worlds, strict=True):
        told, _ = process.communicate("\n", timeout=120)
        assert told.split() == [world, "[]"]
        assert process.returncode == 0


def test_what_a_killed_run_left_is_removed_by_the_next(
    journal: Journal, tmp_path: Path, image: str, engine: Any
) -> None:
    """kill -9 leaves the container; the next command's clean-up finds it by its label and removes it."""
    process = _run(tmp_path, image)
    container = json.loads(_line(process))["container"]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert engine.containers.get(container).status == "running"
    assert f"container {container}" in journal.clean_up()
    assert not engine.containers.list(all=True, filters={"name": container})
