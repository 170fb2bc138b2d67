"""`--pushproof-report DIR` writes what a suite found, in one process and in several."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.record.model import Record
from pushproof.record.store import load

_SUITE = """
import pytest
from pushproof.base.origin import Origin
from pushproof.checks.finding import Finding
from pushproof.checks.verdict import Verdict

FAULT = Finding(resource="rtb-1", expected="own zone", found="another zone, password=canary-77aa11", why="a lost zone",
                change="add a NAT",
                check="networking.x", origin=Origin('module.n.aws_route_table.private["a"]', "routing.tf", 3))

def test_holds():
    assert Verdict("networking.y")

def test_does_not_hold():
    assert Verdict("networking.x", (FAULT,))

def test_expects_a_finding():
    assert Verdict("networking.x", (FAULT,)).findings

@pytest.mark.skip(reason="not \\x1b[31mhere")
def test_left_out():
    pass

@pytest.fixture
def broken():
    raise RuntimeError("TF_VAR_password is canary-88bb22")

def test_set_up(broken):
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PUSHPROOF_STATE", str(pytester.path / "state"))
    monkeypatch.setenv("TF_VAR_password", "canary-88bb22")
    pytester.makepyfile(test_suite=_SUITE)
    (pytester.path / "modules").mkdir()
    (pytester.path / "modules" / "routing.tf").write_text('# one\n\nresource "aws_route_table" "private" {\n}\n')
    return pytester


def recorded(suite: pytest.Pytester, *arguments: str) -> Record:
    result = suite.runpytest("--pushproof-report", "out", "-p", "no:cacheprovider", *arguments)
    result.assert_outcomes(passed=2, failed=1, skipped=1, errors=1)
    result.stdout.fnmatch_lines(["pushproof report: *report.html"])
    for text in (suite.path / "out" / "pushproof-report.json", suite.path / "out" / "report.html"):
        assert "canary" not in text.read_text(encoding="utf-8")
    return load(Path(suite.path) / "out" / "pushproof-report.json")


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "several"])
def test_verdicts_findings_and_skips_are_recorded(suite: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """Each test with its outcome; the finding of the red one with its source line; what was left out, and why; no secret."""
    record = recorded(suite, *arguments)
    outcomes = {test.id.rpartition("::")[2]: test.outcome for test in record.tests}
    assert outcomes == {
        "test_holds": "passed", "test_does_not_hold": "failed", "test_expects_a_finding": "passed", "test_left_out": "skipped",
        "test_set_up": "failed",
    }  # fmt: skip
    (finding,) = record.findings
    assert (finding.resource, finding.file, finding.line) == ("rtb-1", "routing.tf", 3)
    assert 'resource "aws_route_table" "private" {' in [line.text for line in finding.excerpt]
    assert [skip.what.rpartition("::")[2] for skip in record.skipped] == ["test_left_out"]
    assert (record.verdict.passed, record.verdict.title) == (False, "2 of 5 tests failed")
    assert "The change: add a NAT." in record.verdict.why


def test_without_the_option_nothing_is_written(suite: pytest.Pytester) -> None:
    """And nothing is imported for it: what users did not ask for costs them nothing."""
    suite.runpytest("-p", "no:cacheprovider")
    assert not (suite.path / "state").exists()
