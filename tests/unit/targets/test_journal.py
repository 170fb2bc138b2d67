"""What a crash leaves is found and removed by the next command, and only that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushproof.targets import journal as module
from pushproof.targets.journal import WORLD_VARIABLE, Journal, kill_marked


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def crashed_world(tmp_path: Path) -> str:
    """A world whose owner is gone: opened by a process that ended without closing it."""
    code = (
        "from pathlib import Path; from pushproof.targets.journal import Journal; "
        f"print(Journal(Path({str(tmp_path)!r})).open('embedded').id)"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_a_world_of_a_living_process_is_left_alone(journal: Journal) -> None:
    """Cleaning up never touches a world that somebody uses."""
    record = journal.open("embedded")
    assert journal.orphans() == []
    assert journal.clean_up() == []
    assert Path(record.directory).is_dir()


def test_an_orphans_directory_and_record_go(journal: Journal, tmp_path: Path) -> None:
    """After a crash the world is an orphan; cleaning removes it and says so."""
    world = crashed_world(tmp_path)
    assert [r.id for r in journal.orphans()] == [world]
    removed = journal.clean_up()
    assert any(world in line for line in removed)
    assert journal.records() == []
    assert not (tmp_path / "worlds" / world).exists()


def test_an_orphans_processes_are_killed_and_no_others(journal: Journal, tmp_path: Path) -> None:
    """Processes that carry the orphan's mark end; one that carries another world's mark goes on."""
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
    """A program of the crashed run that goes on starting children is gone with all of them."""
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
