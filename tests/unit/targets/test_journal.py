"""The next command finds and removes the leftovers of a crash, and only those."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from pushproof.base.processes import owner_mark
from pushproof.emulator.runtime.docker import host as docker
from pushproof.emulator.runtime.docker.host import OWNER_LABEL, WORLD_LABEL, DockerUnavailable
from pushproof.targets import journal as module
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import WORLD_VARIABLE, Journal, kill_marked


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def crashed_world(tmp_path: Path, *, engine: bool = False) -> str:
    """A world whose owner is gone: opened by a process that ended without closing it."""
    code = (
        "from pathlib import Path; from pushproof.targets.journal import Journal; "
        f"print(Journal(Path({str(tmp_path)!r})).open('embedded', engine={engine}).id)"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_a_world_of_a_living_process_is_left_alone(journal: Journal) -> None:
    """Cleaning up never touches a world in use."""
    record = journal.open("embedded")
    assert journal.orphans() == []
    assert journal.clean_up() == []
    assert Path(record.directory).is_dir()


def test_an_orphans_directory_and_record_go(journal: Journal, tmp_path: Path) -> None:
    """A world is an orphan after a crash; cleaning removes it and reports it."""
    world = crashed_world(tmp_path)
    assert [r.id for r in journal.orphans()] == [world]
    removed = journal.clean_up()
    assert any(world in line for line in removed)
    assert journal.records() == []
    assert not (tmp_path / "worlds" / world).exists()


def test_an_orphans_processes_are_killed_and_no_others(journal: Journal, tmp_path: Path) -> None:
    """Processes with the orphan's mark end; one with another world's mark continues."""
    world = crashed_world(tmp_path)
    mine = journal.open("embedded")
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with (
        subprocess.Popen(command, env={**os.environ, WORLD_VARIABLE: world}, stdout=subprocess.PIPE) as orphaned,
        subprocess.Popen(command, env={**os.environ, WORLD_VARIABLE: mine.id}, stdout=subprocess.PIPE) as living,
    ):
        try:
            for process in (orphaned, living):
                assert process.stdout is not None
                assert process.stdout.readline() == b"up\n"
            journal.clean_up()
            assert orphaned.wait(10) == -9
            assert living.poll() is None
        finally:
            living.kill()


def test_processes_that_start_others_meanwhile_do_not_outlive_it() -> None:
    """A program of the crashed run that keeps starting children is gone with all of them."""
    restless = "echo up; while :; do sleep 600 & sleep 0.01; done"
    world = f"restless{os.getpid()}"
    with subprocess.Popen(
        ["sh", "-c", restless],
        env={**os.environ, WORLD_VARIABLE: world},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert len(list(kill_marked(world))) >= 1
    assert list(kill_marked(world)) == []


def test_a_pid_that_was_used_again_does_not_keep_an_orphan(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world belongs to a process, not to its number."""
    record = journal.open("embedded")
    monkeypatch.setattr(module, "process_start", lambda _: "another start")
    assert [r.id for r in journal.orphans()] == [record.id]


class Engine:
    """Docker Engine with networks only: name, labels."""

    def __init__(self, **networks: dict[str, str]) -> None:
        self.owned = networks
        self.containers = self.volumes = SimpleNamespace(list=lambda **_: [])
        self.networks = SimpleNamespace(list=self._networks)

    def _networks(self, filters: dict[str, str]) -> list[Any]:
        label, _, value = filters["label"].partition("=")
        return [
            SimpleNamespace(
                name=name,
                attrs={"Labels": labels},
                reload=lambda: None,
                remove=lambda name=name: self.owned.pop(name),
            )
            for name, labels in self.owned.items()
            if label in labels and value in ("", labels[label])
        ]

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def test_what_is_on_an_engine_that_does_not_answer_is_not_forgotten(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A world stays on record while the engine is down, until it can be cleaned up."""

    def refuse(**_: Any) -> Any:
        raise DockerUnavailable("not running")

    monkeypatch.setattr(docker, "connect", refuse)
    world, light = crashed_world(tmp_path, engine=True), crashed_world(tmp_path)
    assert [line.split()[1] for line in journal.clean_up()] == [light]
    assert [r.id for r in journal.orphans()] == [world]

    engine = Engine(left={WORLD_LABEL: world}, others={WORLD_LABEL: "0000aaaa"})
    monkeypatch.setattr(docker, "connect", lambda **_: engine)
    assert "network left" in journal.clean_up()
    assert journal.records() == []
    assert set(engine.owned) == {"others"}


def test_what_is_written_down_nowhere_goes_when_its_process_is_certainly_gone(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unrecorded objects go only on request; live, unmarked and other users' objects stay."""
    code = "from pushproof.base.processes import owner_mark; print(owner_mark())"
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    mine = journal.open("embedded", engine=True)
    engine = Engine(
        stray={WORLD_LABEL: "0000aaaa", OWNER_LABEL: gone},
        living={WORLD_LABEL: "0000bbbb", OWNER_LABEL: owner_mark()},
        unmarked={WORLD_LABEL: "0000cccc"},
        foreign={WORLD_LABEL: "0000dddd", OWNER_LABEL: "4242" + gone},
        written={WORLD_LABEL: mine.id, OWNER_LABEL: gone},
        half={WORLD_LABEL: "0000bbbb", OWNER_LABEL: gone},
        unrelated={},
    )
    monkeypatch.setattr(docker, "connect", lambda **_: engine)
    assert journal.clean_up() == []
    assert journal.clean_up(strays=True) == ["network stray"]
    assert set(engine.owned) == {"living", "unmarked", "foreign", "written", "half", "unrelated"}


def test_a_world_that_closes_leaves_no_process_of_its_own(tmp_path: Path) -> None:
    """A provider whose Terraform was killed ends with its world, for nobody else looks for it."""
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    target = EmbeddedTarget(EmbeddedSettings(runtime="scripted"), journal=Journal(tmp_path))
    with subprocess.Popen(command, env={**os.environ, **target.environment()}, stdout=subprocess.PIPE) as left:
        assert left.stdout is not None
        left.stdout.readline()
        target.close()
        assert left.wait(30) == -signal.SIGKILL


def test_a_world_whose_engine_is_gone_stays_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing ends and says what stays and what removes it: a later clean-up looks at the record."""
    journal = Journal(tmp_path)
    target = EmbeddedTarget(EmbeddedSettings(runtime="scripted"), journal=journal)
    close = target.world.close

    def closes(**options: bool) -> None:
        close(**options)
        raise DockerUnavailable("Docker Engine does not answer any more: run `pushproof sweep --local`")

    monkeypatch.setattr(target.world, "close", closes)
    target.close()
    assert "pushproof sweep --local" in caplog.text
    assert [record.id for record in journal.records()] == [target.world.id]


def test_an_engine_that_is_gone_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The removal of a world's containers fails in words that name the world and the next step, whatever the client raised."""

    def refuse(*_: object) -> None:
        raise requests.exceptions.ConnectionError("refused")

    monkeypatch.setattr(docker, "remove_world", refuse)
    host = docker.DockerHost.__new__(docker.DockerHost)
    host.world_id, host.client, host.registries = "w1", SimpleNamespace(close=lambda: None), set()
    with pytest.raises(DockerUnavailable, match=r"world w1 stay.*pushproof sweep --local"):
        host.close()
