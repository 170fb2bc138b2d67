"""The table of what became of each foreign configuration, at the end of a run: what docs/foreign-modules.md shows."""

from __future__ import annotations

import pytest

COLUMNS = ("applied", "plan", "destroyed", "seconds")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and "test_a_foreign_module[" in report.nodeid
    ]
    if not reports:
        return
    terminalreporter.section("foreign modules")
    terminalreporter.write_line("| module | applied | second plan | destroyed | seconds |")
    terminalreporter.write_line("|---|---|---|---|---|")
    for report in sorted(reports, key=lambda report: report.nodeid):
        name = report.nodeid.partition("[")[2].removesuffix("]")
        noted = dict(report.user_properties)
        cells = [str(noted.get(column, "" if report.passed else "no")) for column in COLUMNS]
        terminalreporter.write_line(f"| {' | '.join([name, *cells])} |")
