"""`pushproof example copy`, and commands where there is no environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushproof.cli import main

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A command takes SIGTERM for Ctrl-C, which is not for the test run.
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_example_is_copied_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Infrastructure and application are copied, hidden files and programs too, and the next commands are printed."""
    assert main(["example", "copy", "deep/shop"]) == 0
    copied = Path("deep/shop")
    for name in (
        "infrastructure/environments/dev/main.tf",
        "infrastructure/bootstrap/versions.tf",
        "app/.dockerignore",
    ):
        assert (copied / name).read_bytes() == (ROOT / name).read_bytes()
    assert os.access(copied / "app" / "healthcheck", os.X_OK)
    assert not [path for path in copied.rglob("*") if path.name in ("__pycache__", ".terraform")]
    printed = capsys.readouterr().out
    assert "cd deep/shop" in printed
    assert "pushproof drill" in printed


def test_an_empty_directory_is_filled() -> None:
    """A directory that is there and empty is as good as a new one, `.` too."""
    Path("empty").mkdir()
    assert main(["example", "copy", "empty"]) == 0
    os.chdir("empty/infrastructure/sandbox-account/..")
    Path("here").mkdir()
    os.chdir("here")
    assert main(["example", "copy", "."]) == 0
    assert Path("app/buildspec.yml").is_file()


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    """A directory that holds anything, a hidden file even, is refused and left as it is."""
    Path("mine").mkdir()
    Path("mine/.env").write_text("secret")
    assert main(["example", "copy", "mine"]) == 2
    assert "mine is not empty" in capsys.readouterr().out
    assert [path.name for path in Path("mine").iterdir()] == [".env"]


def test_a_file_is_no_directory(capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is a file, or goes through one, is refused in a sentence."""
    Path("file").write_text("text")
    assert main(["example", "copy", "file"]) == 2
    assert "file is a file" in capsys.readouterr().out
    assert main(["example", "copy", "file/below"]) == 2
    assert "cannot be copied to file/below" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["drill", "up"])
def test_where_there_is_no_environment_the_next_step_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command in a directory without the usual environment names both remedies, and starts nothing."""
    assert main([command]) == 2
    printed = capsys.readouterr().out
    assert "there is no environment here" in printed
    assert "--environment" in printed
    assert "pushproof example copy DIR" in printed


def test_an_environment_that_was_named_is_named_back(capsys: pytest.CaptureFixture[str]) -> None:
    """The error for a named environment that is missing names that environment, and not the example."""
    assert main(["drill", "--environment", "live/prod"]) == 2
    printed = capsys.readouterr().out
    assert "live/prod is not a directory" in printed
    assert "example copy" not in printed
