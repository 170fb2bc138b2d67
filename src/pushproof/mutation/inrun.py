"""Plugin of a campaign's pytest runs: `pytest -p pushproof.mutation.inrun`.

A run of the original is observed: which test takes how long, applies which module, and reads which file. A run of a mutant has its
tests in the order of the assignment, stops at the first red one, and leaves out tests that rely on identical plans alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pushproof.mutation.advising import Adviser
from pushproof.mutation.assignment import VARIABLE, Assignment, apply_id, read_assignment
from pushproof.mutation.observing import Observer
from pushproof.session.keeperof import POLICY
from pushproof.session.policy import Policy

if TYPE_CHECKING:
    from pushproof.terraform.applied import AppliedModule

_LONGEST = 4000
_SAME = "the plan is the same as the original's"


def pytest_configure(config: pytest.Config) -> None:
    """Take the assignment, if this process has one."""
    name = os.environ.get(VARIABLE)
    if not name:
        return
    assignment = read_assignment(Path(name))
    report = Report(Path(assignment.report))
    if assignment.advise:
        adviser = Adviser(Path(assignment.root), assignment.advise, report.write)
        trial = Trial(assignment, report)
        config.stash[POLICY] = Policy(adviser.hear_apply, trying=True, origins=trial.origins)
        config.pluginmanager.register(adviser, "pushproof-adviser")
    elif assignment.mutated:
        trial = Trial(assignment, report)
        config.stash[POLICY] = Policy(trial.hear_apply, trying=True, origins=trial.origins)
        config.pluginmanager.register(trial, "pushproof-trial")
    else:
        observer = Observer(Path(assignment.root), report.write, assignment.propose)
        config.stash[POLICY] = Policy(observer.hear_apply)
        config.pluginmanager.register(observer, "pushproof-observer")
    config.pluginmanager.register(Reporter(report), "pushproof-mutation-report")
    if assignment.order is not None:
        config.pluginmanager.register(Order(assignment.order), "pushproof-mutation-order")


class Report:
    """The file that a run reports to, line by line, so that a killed run has told what it had found."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, kind: str, values: Mapping[str, object]) -> None:
        """Append a line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **values}) + "\n")


class Order:
    """Runs the tests of an assignment, and no others, in its order."""

    def __init__(self, order: Sequence[str]) -> None:
        self._places = {nodeid: place for place, nodeid in enumerate(order)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._places]
        left = [item for item in items if item.nodeid not in self._places]
        if left:
            config.hook.pytest_deselected(items=left)
        items[:] = sorted(chosen, key=lambda item: self._places[item.nodeid])


class Reporter:
    """Reports outcomes of tests, and of files that could not be collected."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._refused: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        error = call.excinfo.value if call.excinfo is not None else None
        report = yield
        if report.failed and error is not None and _is_refused(error):
            self._refused[item.nodeid] = str(error)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            self._report.write(
                "test",
                {
                    "id": report.nodeid,
                    "when": report.when,
                    "outcome": report.outcome,
                    "seconds": report.duration,
                    "message": _message(report) if report.failed else "",
                    "refused": self._refused.get(report.nodeid, "")[:_LONGEST],
                    "expected": hasattr(report, "wasxfail"),
                },
            )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._report.write("collect", {"id": report.nodeid, "message": str(report.longrepr)[-_LONGEST:]})


class Trial:
    """Reports the outcome of each apply of a mutant, and leaves out tests that rely on identical plans alone."""

    def __init__(self, assignment: Assignment, report: Report) -> None:
        self._assignment, self._report = assignment, report
        self._same: set[str] = set()

    def origins(self, source: Path, variables: Mapping[str, object]) -> Sequence[str]:
        """Return the keys of the kept worlds that an apply of the original led to."""
        return self._assignment.origins.get(self._name(source, variables), ())

    def _name(self, source: Path, variables: Mapping[str, object]) -> str:
        return apply_id(os.path.relpath(source, self._assignment.root), variables)

    def hear_apply(self, module: AppliedModule, outcome: str, _key: str) -> None:
        """Note the outcome of an apply."""
        name = self._name(module.source, module.terraform.variables)
        if outcome in ("identical", "unchanged"):
            self._same.add(name)
        self._report.write("apply", {"id": name, "outcome": outcome})

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._leave_out(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        # Its fixtures may have applied only now.
        self._leave_out(item)

    def _leave_out(self, item: pytest.Item) -> None:
        applies = self._assignment.relies.get(item.nodeid)
        if applies and self._same.issuperset(applies):
            pytest.skip(_SAME)


def _is_refused(error: BaseException) -> bool:
    # An error that nobody imported was not raised.
    errors = sys.modules.get("pushproof.terraform.errors")
    if errors is None or not isinstance(error, errors.TerraformError):
        return False
    from pushproof.terraform.phases import is_refused

    return is_refused(error)


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else str(report.longrepr)
    return text[:_LONGEST]
