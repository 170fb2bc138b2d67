"""Failures as reports show them: the reason first, Terraform's words once, dependents in one line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

import pushproof
from pushproof.checks.finding import Finding
from pushproof.checks.verdict import Verdict
from pushproof.terraform.errors import CommandFailed, TerraformError

#: Tests that were skipped since what they stand on failed before; they run again with `--lf`.
DEPENDENTS = pytest.StashKey[list[str]]()
#: What annotations of a CI system are made from, on reports; plain values, which workers of xdist hand on.
ANNOTATIONS = "pushproof_annotations"
_FIRST = "_pushproof_first_test"


def cut_traceback(failure: pytest.ExceptionInfo[BaseException]) -> None:
    """Cut the traceback behind the caller's own line: the message says what is wrong, not the code that ran Terraform."""
    home = Path(pushproof.__file__).parent
    own, entry = None, failure.value.__traceback__
    while entry is not None and not Path(entry.tb_frame.f_code.co_filename).is_relative_to(home):
        own, entry = entry, entry.tb_next
    if own is not None:
        own.tb_next = None


def first_test_with(item: pytest.Item, error: BaseException) -> str:
    """Return the test that an error was shown with before; empty when this is the first."""
    first: str = getattr(error, _FIRST, "")
    if not first:
        setattr(error, _FIRST, item.nodeid)
    return "" if first == item.nodeid else first


def skip_dependent(item: pytest.Item, report: pytest.TestReport, error: TerraformError, first: str) -> None:
    """Turn the report of a test that stands on a failed apply into a skip with one line."""
    item.config.stash.setdefault(DEPENDENTS, []).append(item.nodeid)
    path, line, _ = item.location
    report.outcome = "skipped"
    report.longrepr = (
        path,
        (line or 0) + 1,
        f"Skipped: what it stands on failed before, see {first}: {_reason(error)}",
    )


def summarise(report: pytest.TestReport, reason: str, text: str) -> None:
    """Let the short test summary begin with the reason; JUnit XML has the whole text as the message, too."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and reason:
        crash.message = f"{reason}\n\n{text}"


def annotate_error(item: pytest.Item, report: pytest.TestReport, error: TerraformError) -> None:
    """Put annotations for an error of Terraform's on the report, at the place of each of its errors."""
    entries = [
        {
            "file": diagnostic.file,
            "line": diagnostic.line,
            "title": f"terraform: {diagnostic.address or item.name}",
            "text": str(diagnostic),
        }
        for diagnostic in (error.diagnostics if isinstance(error, CommandFailed) else ())
    ]
    setattr(report, ANNOTATIONS, entries or [{**_place(item), "title": item.name, "text": _reason(error)}])


def annotate_findings(item: pytest.Item, report: pytest.TestReport, verdicts: Sequence[Verdict]) -> None:
    """Put annotations for findings on the report, at the place of each one's resource, or else of the test."""
    findings = dict.fromkeys(finding for verdict in verdicts for finding in verdict.findings)
    setattr(report, ANNOTATIONS, [_entry(item, finding) for finding in findings])


def _entry(item: pytest.Item, finding: Finding) -> dict[str, object]:
    origin = finding.origin
    place = {"file": origin.file, "line": origin.line} if origin is not None and origin.file else _place(item)
    return {**place, "title": f"{finding.check}: {finding.resource}", "text": str(finding)}


def _place(item: pytest.Item) -> dict[str, object]:
    path, line, _ = item.location
    return {"file": os.path.normpath(path), "line": (line or 0) + 1}


def reason_of(error: TerraformError) -> str:
    """Return an error in one line."""
    return _reason(error)


def _reason(error: TerraformError) -> str:
    return error.reason if isinstance(error, CommandFailed) else str(error).partition("\n")[0]
