"""The diary of a campaign: outcomes stay, torn ones do not count, and two campaigns keep out of each other's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushproof.engines.mutation import Edit, Mutant
from pushproof.mutation.diary import Busy, Diary, Prologue, fingerprint
from pushproof.mutation.outcome import Outcome

MUTANT = Mutant(
    "0123456789",
    "hcl.x",
    "main.tf",
    3,
    "aws_vpc.this",
    "Says.",
    (Edit(1, 2, "é"),),
    True,
    "Harm.",
    "https://x",
    (range(3, 4),),
)


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "repository", tmp_path / "state")


def test_a_campaign_is_read_as_it_was_written(diary: Diary) -> None:
    """Mutants of a resumed campaign are those of the campaign."""
    prologue = Prologue("f", {"tests": []}, (MUTANT,), ({"path": "x.tf", "line": 1, "reason": "no"},), (), 2.0)
    diary.begin(prologue)
    assert diary.prologue() == prologue


def test_outcomes_are_there_as_soon_as_they_are_noted(diary: Diary) -> None:
    """A campaign that is killed loses nothing that was found, and a torn line is no outcome."""
    diary.note(Outcome("a", "killed", "t"))
    with (diary.directory / "outcomes.jsonl").open("a") as file:
        file.write('{"mutant": "b", "sta')
    assert diary.outcomes() == {"a": Outcome("a", "killed", "t")}


def test_broken_mutants_are_tried_again(diary: Diary) -> None:
    """A run that broke says nothing about the mutant."""
    diary.note(Outcome("a", "broken"))
    assert diary.outcomes() == {}


def test_a_new_campaign_forgets_the_old_one(diary: Diary) -> None:
    """Outcomes belong to the campaign that found them."""
    diary.note(Outcome("a", "killed"))
    diary.begin(Prologue("g", {}, ()))
    assert diary.outcomes() == {}


def test_another_campaign_waits_outside(tmp_path: Path, diary: Diary) -> None:
    """Two campaigns of one repository would mix their outcomes."""
    with (
        diary.only_here(),
        pytest.raises(Busy, match="--resume"),
        Diary(tmp_path / "repository", tmp_path / "state").only_here(),
    ):
        pass


def test_copies_of_killed_processes_go(diary: Diary) -> None:
    """The next campaign removes the copies of a killed one; those of a running one stay."""
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    left = diary.directory / f"work-{gone.stdout.strip()}~1"
    left.mkdir()
    own = diary.work_directory()
    with diary.only_here():
        assert not left.exists()
        assert own.exists()


def test_every_byte_name_and_mode_is_in_the_fingerprint(tmp_path: Path) -> None:
    """A campaign is resumed on exactly the same repository only."""
    (tmp_path / "a").write_text("1")
    first = fingerprint(tmp_path, [])
    (tmp_path / "a").chmod(0o755)
    second = fingerprint(tmp_path, [])
    os.rename(tmp_path / "a", tmp_path / "b")
    third = fingerprint(tmp_path, [])
    (tmp_path / "b").write_text("2")
    assert len({first, second, third, fingerprint(tmp_path, []), fingerprint(tmp_path, ["x"])}) == 5
