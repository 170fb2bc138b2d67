"""`pushproof report` and `pushproof why` show a record in every format, and refuse what is none by name."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.unit.record.observed import rolled_back

from pushproof.cli.app import run
from pushproof.record.codec import to_json
from pushproof.record.store import NAME, keep

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PUSHPROOF_STATE", str(tmp_path / "state"))
    return keep(rolled_back())


def test_the_page_is_written_beside_the_record(kept: Path, capsys: Capture) -> None:
    """The default is the record of the latest run."""
    assert run(["report"]) == 0
    page = kept.with_suffix(".html")
    assert str(page) in capsys.readouterr().out.replace("\n", "")
    assert "Why it rolled back" in page.read_text(encoding="utf-8")


def test_several_records_make_several_pages(kept: Path, tmp_path: Path) -> None:
    """Into a directory that is there; one file for two pages is refused."""
    (tmp_path / "pages").mkdir()
    assert run(["report", str(kept), "c0ffee01", "--output", str(tmp_path / "pages")]) == 0
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["c0ffee01.html"]
    assert run(["report", str(kept), str(kept), "--output", str(tmp_path / "one.html")]) == 2


@pytest.mark.parametrize("form", ["markdown", "text", "junit"])
def test_texts_go_to_the_terminal_or_a_file(form: str, tmp_path: Path, capsys: Capture) -> None:
    """The same text either way; JUnit XML of two runs is one document."""
    assert run(["report", "--format", form]) == 0
    printed = capsys.readouterr().out
    assert "rolled back" in printed
    assert run(["report", "--format", form, "-o", str(tmp_path / "deep" / "out")]) == 0
    assert (tmp_path / "deep" / "out").read_text(encoding="utf-8").strip() == printed.strip()
    if form == "junit":
        assert run(["report", "c0ffee01", "c0ffee01", "--format", form, "-o", str(tmp_path / "two.xml")]) == 0
        assert len(ElementTree.parse(tmp_path / "two.xml").getroot()) == 2


def test_why_tells_the_chain_and_the_commands(capsys: Capture) -> None:
    """From the record alone, of the latest run or a named one."""
    assert run(["why"]) == 0
    told = capsys.readouterr().out
    assert "was rolled back" in " ".join(told.split())
    assert "aws ecs describe-service-deployments --service-deployment-arns" in told
    assert run(["why", "c0ffee01"]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("command", ["why", "report"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "does not exist|there is no run"),
        ("", "no whole JSON"),
        ('{"format": "pushproof-report", "version": 1, "run', "no whole JSON"),
        (json.dumps({"format": "pushproof-report", "version": 99}), "version 99; this Pushproof reads version 1"),
        (json.dumps({"tests": []}), "no record of a run"),
        (to_json(rolled_back()).replace('"passed": true', '"passed": 1', 1), "record.verdict.passed"),
    ],
    ids=["missing", "empty", "truncated", "another-version", "another-file", "another-form"],
)
def test_what_is_no_record_is_bad_input(
    command: str, text: str | None, words: str, tmp_path: Path, capsys: Capture
) -> None:
    """Exit code 2 and one sentence that names the file and the reason; no traceback."""
    path = tmp_path / NAME
    if text is not None:
        path.write_text(text)
    assert run([command, str(path)]) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("Bad input:")
    assert any(word in said for word in words.split("|")), said
    assert "Traceback" not in said


def test_a_hostile_run_name_steers_no_terminal(capsys: Capture) -> None:
    """A run's name is quoted in the message, and never interpreted."""
    assert run(["why", "\x1b[2J\u202ego"]) == 2
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_report_that_cannot_be_written_is_bad_input(tmp_path: Path, capsys: Capture) -> None:
    """A directory that is a file."""
    (tmp_path / "file").write_text("")
    assert run(["report", "--format", "text", "-o", str(tmp_path / "file" / "out")]) == 2
    assert "cannot be written" in capsys.readouterr().out
