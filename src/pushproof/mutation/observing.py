"""Observation of a run of the original: durations of tests, the modules that they apply, and the files that they read."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pushproof.mutation.assignment import apply_id
from pushproof.mutation.proposing import proposed

if TYPE_CHECKING:
    from pushproof.terraform.applied import AppliedModule

# Terraform's own reading of a module is known from its content; its working copies read everything.
_TERRAFORM = frozenset(
    {
        *(
            f"pushproof.terraform.{name}"
            for name in ("addresses", "applied", "content", "driver", "groundwork", "working_copy")
        ),
        "pushproof.session.keeping",
    }
)
_FRAMES = 12
_LEFT_OUT = (".py", ".pyc", ".pyi")


@dataclass(slots=True)
class Uses:
    """Applies, by name, and files, relative to the repository, that a test or a fixture uses."""

    applies: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


class Observer:
    """Observes a run, and reports it at the end as one line "observed"."""

    def __init__(
        self, root: Path, report: Callable[[str, Mapping[str, object]], None], propose: Sequence[str] | None = None
    ) -> None:
        from pushproof.terraform import applied

        self._root, self._report, self._propose = root.resolve(), report, propose
        self._prefix = str(self._root) + os.sep
        self._tests: defaultdict[str, Uses] = defaultdict(Uses)
        self._fixtures: defaultdict[str, Uses] = defaultdict(Uses)
        self._modules: defaultdict[str, Uses] = defaultdict(Uses)
        self._closures: dict[str, list[str]] = {}
        self._shared: dict[str, list[str]] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._outcomes: dict[str, str] = {}
        self._applies: dict[str, list[str]] = {}
        self._keys: defaultdict[str, set[str]] = defaultdict(set)
        self._stack: list[str] = []
        self._test = self._module = ""
        applied.PREPARED.append(self._hear_module)
        sys.addaudithook(self._hear_event)

    # Files.

    def _hear_event(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes):
            return
        path = os.fsdecode(arguments[0])
        flags = arguments[2] if len(arguments) > 2 else 0
        if path.endswith(_LEFT_OUT) or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)):
            return
        if not os.path.isabs(path):
            path = os.path.join(os.getcwd(), path)
        if path.startswith(self._prefix) and not _is_terraforms():
            self._user().files.add(os.path.normpath(path)[len(self._prefix) :])

    def _user(self) -> Uses:
        """Return the uses of the fixture that is being set up, of the test that runs, or of the file of tests that is imported.

        Of all tests, where there is none of these.
        """
        if self._stack:
            return self._fixtures[self._stack[-1]]
        return self._modules[self._module] if self._module and not self._test else self._tests[self._test]

    # Modules.

    def _hear_module(self, source: Path, base: Path, variables: Mapping[str, object]) -> None:
        from pushproof.terraform.content import read_content

        name = apply_id(os.path.relpath(source, self._root), variables)
        if name not in self._applies:
            content = read_content(source, base=base)
            files = (os.path.relpath(base / file, self._root) for file in content.files)
            self._applies[name] = sorted(file for file in files if not file.startswith(".."))
        # Fixtures of the stack wait for it, and so do their users. A test that applies by a callable of a wider fixture shares
        # the module with later tests that call it.
        for fixture in self._stack or self._shared.get(self._test, []):
            self._fixtures[fixture].applies.add(name)
        self._tests[self._test].applies.add(name)

    def hear_apply(self, module: AppliedModule, _outcome: str, key: str) -> None:
        """Note the kept world that an apply led to, or that it could have led to one."""
        keys = self._keys[apply_id(os.path.relpath(module.source, self._root), module.terraform.variables)]
        if key:
            keys.add(key)

    # Tests.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, object, object]:
        # A file of tests is imported when it is collected; classes in it are collected later.
        self._module = collector.nodeid if isinstance(collector, pytest.Module) else ""
        try:
            return (yield)
        finally:
            self._module = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._test = item.nodeid
        information = getattr(item, "_fixtureinfo", None)
        definitions = information.name2fixturedefs if information is not None else {}
        closure = [each for several in definitions.values() for each in several]
        indices: Mapping[str, int] = getattr(getattr(item, "callspec", None), "indices", {})
        self._closures[item.nodeid] = [_name(each, indices.get(each.argname)) for each in closure]
        self._shared[item.nodeid] = [
            _name(each, indices.get(each.argname))
            for each in closure
            if each.scope != "function" and not each.func.__module__.startswith(("pushproof.", "_pytest."))
        ]
        try:
            return (yield)
        finally:
            self._test = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        self._stack.append(_name(fixturedef, getattr(request, "param_index", None)))
        started = time.perf_counter()
        try:
            return (yield)
        finally:
            self._stack.pop()
            if fixturedef.scope == "function" and not self._stack:
                self._seconds[self._test] += time.perf_counter() - started

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._seconds[report.nodeid] += report.duration
        if report.when == "call" or not report.passed:
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        tests = [
            {"id": nodeid, "outcome": outcome, "seconds": round(self._seconds[nodeid], 3), **self._of(nodeid)}
            for nodeid, outcome in self._outcomes.items()
        ]
        if self._propose is not None:
            read = {file for files in self._applies.values() for file in files}
            every = (*self._tests.values(), *self._fixtures.values(), *self._modules.values())
            read |= {file for uses in every for file in uses.files}
            self._report("proposed", proposed(session.config, self._root, self._propose, read))
        self._report(
            "observed",
            {
                "applies": self._applies,
                "rootdir": os.path.relpath(session.config.rootpath, self._root),
                "keys": {name: sorted(keys) for name, keys in self._keys.items()},
                "tests": tests,
            },
        )

    def _of(self, nodeid: str) -> dict[str, list[str]]:
        uses = [
            self._tests[nodeid],
            self._tests[""],
            self._modules[nodeid.partition("::")[0]],
            *(self._fixtures[name] for name in self._closures.get(nodeid, ())),
        ]
        return {
            "applies": sorted({name for each in uses for name in each.applies}),
            "files": sorted({name for each in uses for name in each.files}),
        }


def _name(definition: pytest.FixtureDef[object], index: int | None) -> str:
    """Return the name of a fixture, with the index of its parameter where it has parameters."""
    parameter = f"[{index or 0}]" if definition.params else ""
    return f"{definition.baseid}::{definition.argname}{parameter}"


def _is_terraforms() -> bool:
    frame = sys._getframe(2)
    for _ in range(_FRAMES):
        if frame.f_globals.get("__name__") in _TERRAFORM:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False
