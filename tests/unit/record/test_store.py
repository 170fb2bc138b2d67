"""Records on disk are found by file, directory and run, and only the newest are kept."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.record.observed import rolled_back

from pushproof.record.model import Record
from pushproof.record.store import KEPT, NAME, NoRecord, find, keep, load, write


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PUSHPROOF_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def named(identity: str) -> Record:
    record = rolled_back()
    return replace(record, run=replace(record.run, id=identity))


def test_the_latest_run_is_found_without_a_name() -> None:
    """And every other by its id, its file, or its directory."""
    first, second = keep(named("aaaa0001")), keep(named("aaaa0002"))
    os.utime(first, (1, 1))
    assert find(None) == second
    assert find("aaaa0001") == find(str(first)) == find(str(first.parent)) == first
    assert load(find("aaaa0001")).run.id == "aaaa0001"


def test_only_the_newest_runs_are_kept() -> None:
    """The directory does not grow for ever."""
    for index in range(KEPT + 3):
        os.utime(keep(named(f"run-{index}")), (index, index))
    with pytest.raises(NoRecord):
        find("run-0")
    assert find(f"run-{KEPT + 2}")


@pytest.mark.parametrize("run", ["bbbb0000", "../../no/such/run", "no such run", "x" * 5000, "a\x1b[31mb"])
def test_a_run_that_is_none_is_refused_with_those_there_are(run: str) -> None:
    """The message says what was asked for, and which runs there are."""
    keep(named("aaaa0001"))
    with pytest.raises(NoRecord, match="aaaa0001"):
        find(run)


def test_no_run_at_all_says_what_makes_one() -> None:
    """The message before the first drill names the commands that create a run."""
    with pytest.raises(NoRecord, match="pushproof drill"):
        find(None)


def test_a_file_that_is_no_record_is_refused_by_name(tmp_path: Path) -> None:
    """Missing, no text, no JSON: the message begins with the file."""
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "half.json").write_text('{"format": "pushproof-rep')
    for name in ("missing.json", "binary.json", "half.json"):
        with pytest.raises(NoRecord, match=name):
            load(tmp_path / name)


def test_a_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Other users of the machine cannot read a record."""
    path = write(rolled_back(), tmp_path / "deep" / NAME)
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in path.parent.iterdir()] == [NAME]
