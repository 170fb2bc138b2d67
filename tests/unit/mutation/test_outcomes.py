"""Outcomes, scores, and what a run has reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.mutation.assignment import Assignment, Line, apply_id, read_assignment, read_lines
from pushproof.mutation.judging import first_failure, outcomes_of_applies
from pushproof.mutation.outcome import STATUSES, Outcome, outcome_of_json, score


@given(st.lists(st.sampled_from(STATUSES)))
def test_a_score_counts_every_outcome_once(statuses: list[str]) -> None:
    """Valid, equivalent and broken mutants are all there are, and the score is a share."""
    counts = score(outcome_of_json({"mutant": "m", "status": status}) for status in statuses)
    assert counts.valid + counts.equivalent + counts.broken == len(statuses)
    assert counts.detected + counts.survived == counts.valid
    assert counts.share is None or 0 <= counts.share <= 1


def test_what_terraform_refuses_is_noticed() -> None:
    """A refusal is a kill by the module itself, and the share of tests alone is told beside it."""
    counts = score([Outcome("a", "refused"), Outcome("b", "killed"), Outcome("c", "survived")])
    assert counts.share == pytest.approx(2 / 3)
    assert counts.tested_share == pytest.approx(1 / 2)


def test_an_unknown_status_is_no_outcome() -> None:
    """A diary that another version wrote is not read as something else."""
    with pytest.raises(ValueError, match="status 'dead': expected one of killed"):
        outcome_of_json({"mutant": "m", "status": "dead"})


def test_an_outcome_survives_json() -> None:
    """An outcome that is written is the one that is read."""
    outcome = Outcome("m", "survived", "", "every test is green", 1.5, 2, ("assert checks.is_encrypted()",))
    assert outcome_of_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_the_first_failure_decides() -> None:
    """Later failures may come of the first."""
    lines = [
        Line("test", {"id": "a", "outcome": "passed"}),
        Line("test", {"id": "b", "outcome": "failed", "message": "no", "refused": ""}),
        Line("test", {"id": "c", "outcome": "failed", "message": "no", "refused": "Error: Unsupported argument"}),
    ]
    failure = first_failure(lines)
    assert failure is not None
    assert (failure.test, failure.message, failure.refused) == ("b", "no", False)


def test_a_file_that_cannot_be_collected_is_red() -> None:
    """A test module that reads a broken file on import notices it."""
    failure = first_failure([Line("collect", {"id": "tests/test_x.py", "message": "KeyError: 'phases'"})])
    assert failure is not None
    assert failure.message == "KeyError: 'phases'"


def test_a_torn_report_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """A run that was killed has told what it had found."""
    report = tmp_path / "report"
    report.write_text('{"kind": "apply", "id": "modules/x#1", "outcome": "changed"}\n{"kind": "te')
    assert outcomes_of_applies(list(read_lines(report))) == {"modules/x#1": "changed"}


def test_an_assignment_survives_the_file(tmp_path: Path) -> None:
    """A run gets the assignment that was written for it."""
    assignment = Assignment("r", "/x", ["a"], "m.tf", {"a": ["modules/x#1"]}, {"modules/x#1": ["k"]}, [], "infra", [])
    assignment.write(tmp_path / "a")
    assert read_assignment(tmp_path / "a") == assignment


def test_applies_are_told_apart_by_their_variables() -> None:
    """A module that is applied twice with other variables is two applies."""
    assert apply_id("modules/x", {"a": 1}) == apply_id("modules/x", {"a": 1})
    assert apply_id("modules/x", {"a": 1}) != apply_id("modules/x", {"a": 2})
