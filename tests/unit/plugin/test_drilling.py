"""The fixture `drill` takes a repository's settings, and destroys what tests have applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pushproof.drill.settings import DrillSettings
from pushproof.session import drilling
from pushproof.session.drilling import Drills, Lines


class FakeDrill:
    """A drill that notes its end."""

    def __init__(self, target: object, settings: DrillSettings, narrator: object) -> None:
        self.settings, self.ended = settings, list[str]()
        MADE.append(self)

    def destroy(self) -> None:
        self.ended.append("destroyed")
        ENDED.append(self.settings.environment.name)

    def __enter__(self) -> FakeDrill:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.append("closed")


MADE: list[FakeDrill] = []
ENDED: list[str] = []


@pytest.fixture
def drills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drills:
    MADE.clear()
    ENDED.clear()
    (tmp_path / "pushproof.toml").write_text(
        '[drill]\nenvironment = "live/dev"\napp = "."\npipeline = "orders"\nvariables = { size = 1, team = "a" }\n'
    )
    monkeypatch.setattr(drilling, "Drill", FakeDrill)

    class Config:
        rootpath = tmp_path

    monkeypatch.setattr(drilling, "writer", lambda _: lambda _: None)
    config: Any = Config()
    target: Any = None
    return Drills(target, config, 20.0)


def test_what_a_test_leaves_out_comes_from_the_settings(drills: Drills, tmp_path: Path) -> None:
    """Arguments win; variables are joined; paths count from pytest's root directory."""
    drills()
    drills("live/prod", app="other", pipeline="b", size=2)
    first, second = (made.settings for made in MADE)
    assert (first.environment, first.application) == (tmp_path / "live/dev", tmp_path)
    assert (first.choices.pipeline, dict(first.variables)) == ("orders", {"size": 1, "team": "a"})
    assert (second.environment, second.application) == (tmp_path / "live/prod", tmp_path / "other")
    assert (second.choices.pipeline, dict(second.variables)) == ("b", {"size": 2, "team": "a"})


def test_the_newest_drill_is_destroyed_first(drills: Drills) -> None:
    """And every one is closed."""
    drills("live/one")
    drills("live/two")
    drills.close()
    assert ENDED == ["two", "one"]
    assert [made.ended for made in MADE] == [["destroyed", "closed"]] * 2


def test_progress_goes_out_by_whole_lines() -> None:
    """A part of a line waits for the rest."""
    seen: list[str] = []
    stream = Lines(seen.append)
    stream.write("a\nb")
    stream.write("c\n")
    assert seen == ["a", "bc"]
