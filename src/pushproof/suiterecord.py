"""The record of a pytest run: `--pushproof-report DIR` writes `pushproof-report.json` and its page there."""

from __future__ import annotations

import os
import platform
import re
import time
import warnings
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pytest

from pushproof.checks.finding import Finding as Fault
from pushproof.checks.verdict import Attention
from pushproof.record.assembling import Told, assemble
from pushproof.record.codec import read, to_plain
from pushproof.record.inside import inside
from pushproof.record.model import Finding, Record, Run, Skip, SourceLine, SuiteTest, Versions
from pushproof.record.observing import Observations, plain
from pushproof.record.redaction import secret_variables
from pushproof.record.store import NAME, keep, write
from pushproof.session.options import text_of

PAGE = "report.html"
_LONGEST = 4000
_AROUND = 2
_RESOURCE = re.compile(r"(?:^|\.)(?:data\.)?([a-z0-9_]+)\.([A-Za-z0-9_-]+)(?:\[[^\]]*\])?$")


class SuiteRecorder:
    """Collects verdicts and findings of a session; with pytest-xdist, those that its workers send.

    `attention` is the key under which an item keeps the verdicts of its test.
    """

    def __init__(self, config: pytest.Config, directory: Path, attention: pytest.StashKey[Attention]) -> None:
        self._config, self._directory, self._attention = config, directory, attention
        self._began = time.time()
        self._tests: dict[str, SuiteTest] = {}
        self._findings: dict[Finding, None] = {}
        self._target: Any = None

    # In the process that runs the test.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._target = getattr(item, "funcargs", {}).get("target", self._target)
        if call.when == "call":
            made = item.stash[self._attention].made if self._attention in item.stash else []
            # A plain value: pytest-xdist carries it to the process that collects.
            report.pushproof = {  # type: ignore[attr-defined]
                "checks": [verdict.check for verdict in made],
                # A test that expects findings, and passes, has none to report.
                "findings": [to_plain(self._finding(fault)) for verdict in made for fault in verdict._findings]
                if report.failed
                else [],
            }
        return report

    def _finding(self, fault: Fault) -> Finding:
        origin = fault.origin
        address, file, line = (origin.address, origin.file, origin.line) if origin is not None else ("", "", 0)
        return Finding(
            check=fault.check,
            resource=fault.resource,
            address=address,
            file=file,
            line=line,
            expected=fault.expected,
            found=fault.found,
            why=fault.why,
            change=fault.change,
            page=fault.page,
            excerpt=excerpt(self._config.rootpath, address, file, line),
        )

    # In the process that collects.

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self._tests.get(report.nodeid)
        told = getattr(report, "pushproof", None) or {"checks": [], "findings": []}
        for finding in told["findings"]:
            self._findings.setdefault(read(Finding, finding, "finding"))
        outcome: Literal["passed", "failed", "skipped"] = report.outcome
        # A set-up or an end that fails makes a test red; one that passes says nothing that the test has not said.
        if known is not None and (outcome == "passed" or known.outcome == "failed"):
            outcome = known.outcome
        message = _message(report) if report.outcome != "passed" else known.message if known is not None else ""
        self._tests[report.nodeid] = SuiteTest(
            id=report.nodeid,
            outcome=outcome,
            seconds=report.duration + (known.seconds if known is not None else 0.0),
            message=message,
            checks=(*(known.checks if known is not None else ()), *told["checks"]),
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int | pytest.ExitCode) -> None:
        if hasattr(self._config, "workerinput"):
            return
        record = self.record(int(exitstatus))
        self._directory.mkdir(parents=True, exist_ok=True)
        keep(record)
        write(record, self._directory / NAME)
        from pushproof.report.page import render

        (self._directory / PAGE).write_text(render(record), encoding="utf-8")
        from pushproof.report.spans import NoSdk, export

        try:
            export(record)
        except NoSdk as error:
            warnings.warn(str(error), pytest.PytestWarning, stacklevel=1)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"pushproof report: {self._directory / PAGE}")

    def record(self, exitstatus: int) -> Record:
        """Return the record of the session until now."""
        tests = tuple(self._tests.values())
        failed = sum(test.outcome == "failed" for test in tests)
        passed = exitstatus == pytest.ExitCode.OK
        world = getattr(self._target, "world", None)
        seen = Observations() if world is None else Observations(**plain(inside(world)))
        return assemble(
            Told(
                run=Run(
                    id=f"suite-{int(self._began):x}-{os.getpid():x}",
                    command="pytest",
                    target=text_of(self._config, "target"),
                    account=str(getattr(self._target, "account_id", "")),
                    region=str(getattr(self._target, "region", "")),
                    speed=float(getattr(getattr(self._target, "clock", None), "speed", 1.0)),
                    began=datetime.fromtimestamp(self._began, UTC).isoformat(timespec="seconds"),
                    seconds=time.time() - self._began,
                ),
                versions=Versions(pushproof=version("pushproof"), python=platform.python_version()),
                passed=passed,
                title=f"{failed} of {len(tests)} tests failed" if failed else _title(len(tests), passed),
                error="" if passed or failed else f"pytest ended with exit code {exitstatus}",
                tests=tests,
                findings=tuple(self._findings),
                skipped=tuple(_skipped(tests)),
                watched=world is not None,
                began=self._began,
                secrets=(*getattr(self._target, "keys", ()), *secret_variables({}, os.environ)),
            ),
            seen,
        )


def excerpt(root: Path, address: str, file: str, line: int) -> tuple[SourceLine, ...]:
    """Return the lines around a finding's place; none where no file below the root has that resource there."""
    match = _RESOURCE.search(address)
    if not file or line < 1 or match is None:
        return ()
    declared = f'"{match[1]}" "{match[2]}"'
    for path in _named(root, Path(file).name):
        lines = _lines(path)
        if line <= len(lines) and declared in lines[line - 1]:
            first, last = max(0, line - 1 - _AROUND), min(len(lines), line + 3 * _AROUND)
            return tuple(SourceLine(number=n + 1, text=lines[n]) for n in range(first, last))
    return ()


@cache
def _named(root: Path, name: str) -> tuple[Path, ...]:
    """Return the files of a name below a directory, without what tools keep there."""
    paths: list[Path] = []
    for directory, below, names in os.walk(root):
        below[:] = sorted(
            entry for entry in below if not entry.startswith(".") and entry not in ("node_modules", "venv")
        )
        if name in names:
            paths.append(Path(directory, name))
    return tuple(paths)


@cache
def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _message(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        text = str(report.longrepr[2])
    else:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = str(crash.message) if crash is not None else report.longreprtext
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _title(count: int, passed: bool) -> str:
    if not passed:
        return "The tests did not run to their end"
    return f"All {count} tests hold" if count else "No test ran"


def _skipped(tests: tuple[SuiteTest, ...]) -> Iterator[Skip]:
    for test in tests:
        if test.outcome == "skipped":
            yield Skip(what=test.id, why=test.message)
