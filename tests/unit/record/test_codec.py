"""Records are written and read in one form; whatever else comes is refused with the place where it differs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.record.observed import rolled_back

from pushproof.record.codec import Unreadable, from_json, to_json
from pushproof.record.model import Record
from pushproof.record.schema import schema

ROOT = Path(__file__).resolve().parents[3]


def test_a_record_comes_back_as_it_was_written() -> None:
    """Writing and reading loses nothing but the digits beyond milliseconds."""
    text = to_json(rolled_back())
    assert to_json(from_json(text)) == text


def test_the_published_schema_is_the_models() -> None:
    """docs/pushproof-report-1.schema.json is what the model says now."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "report_schema.py"), "--check"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_record_agrees_with_the_schema() -> None:
    """Another program that validates with the schema accepts what is written, and refuses another version."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    validator = jsonschema.Draft202012Validator(schema())
    content = json.loads(to_json(rolled_back()))
    assert list(validator.iter_errors(content)) == []
    assert list(validator.iter_errors({**content, "version": 2}))
    assert list(validator.iter_errors({**content, "secrets": []}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version 2; this Pushproof reads version 1"),
        ({"version": "1"}, "this Pushproof reads version 1"),
        ({"version": True}, "this Pushproof reads version 1"),
        ({"version": None}, "this Pushproof reads version 1"),
        ({"format": "something-else"}, "no record of a run"),
        ({"tasks": {}}, "record.tasks is '{}'; expected a list"),
        ({"tasks": ["x"]}, "record.tasks[0] is 'x'; expected an object"),
        ({"run": {}}, "record.run lacks 'id'"),
        ({"secrets": 1}, "record has 'secrets', which version 1 does not have"),
        (
            {"verdict": {"passed": "yes", "title": "", "why": ""}},
            "record.verdict.passed is 'yes'; expected true or false",
        ),
        ({"moments": [{"at": 10**400, "kind": "", "text": ""}]}, "expected a number"),
        ({"cached_builds": 1.5}, "expected a whole number"),
    ],
)
def test_a_record_of_another_form_is_refused(change: dict[str, Any], words: str) -> None:
    """The message names the place, and what was expected there."""
    content = {**json.loads(to_json(rolled_back())), **change}
    with pytest.raises(Unreadable) as caught:
        from_json(json.dumps(content))
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '"pushproof-report"', "NaN", "[" * 100_000, "{}", "\x00"])
def test_what_is_no_record_is_refused(text: str) -> None:
    """A text that is no JSON, or JSON that is no record, is unreadable and nothing else."""
    with pytest.raises(Unreadable):
        from_json(text)


@settings(deadline=None, max_examples=15)
@given(st.integers(min_value=0, max_value=5000))
def test_a_truncated_record_is_refused(cut: int) -> None:
    """However much of the end is missing."""
    text = to_json(rolled_back()).strip()
    with pytest.raises(Unreadable):
        from_json(text[: len(text) - 1 - cut * 7 % len(text)])


def test_not_a_number_is_refused() -> None:
    """Python reads NaN, JSON has none."""
    text = to_json(rolled_back()).replace('"cached_builds": 2', '"cached_builds": NaN')
    assert "NaN" in text
    with pytest.raises(Unreadable):
        from_json(text)


def test_every_class_of_the_model_is_described() -> None:
    """The schema explains each of its objects."""
    made = schema()
    assert made["description"] == Record.__doc__
    assert all(entry["description"] for entry in made["$defs"].values())
