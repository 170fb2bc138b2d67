"""The run journal."""

from __future__ import annotations

import shutil
from pathlib import Path

from pushproof.sandbox.runs import RunJournal


def test_a_journal_that_was_brought_from_elsewhere_is_read_where_it_is(tmp_path: Path) -> None:
    """The records of a run on another machine count here too: an unpacked artifact of a nightly run."""
    there = RunJournal(tmp_path / "there")
    run = there.open(account_id="210987654321", region="eu-west-1", owner="ci", endpoint=None, expires_at=4e9)
    there.announce_one(run, "aws_s3_bucket", "pushproof-bucket")
    shutil.move(tmp_path / "there", tmp_path / "here")
    here = RunJournal(tmp_path / "here")
    (found,) = here.runs("210987654321")
    assert found.directory == str(tmp_path / "here" / "sandbox" / run.id)
    assert [intent.name for intent in here.intents(found)] == ["pushproof-bucket"]
    here.forget(found)
    assert here.runs() == []
