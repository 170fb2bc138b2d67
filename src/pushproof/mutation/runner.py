"""A worker's pytest runs, each in a fork of its zygote."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pushproof.mutation.assignment import VARIABLE, Assignment, Line, read_lines
from pushproof.mutation.settings import CampaignSettings
from pushproof.mutation.zygote import Done, Order


class WorkerLost(Exception):
    """A worker's process ended unexpectedly."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: the lines that it reported, its end, and the last lines of its output."""

    lines: tuple[Line, ...]
    done: Done
    output: str


class Runner:
    """Runs pytest in a copy of a repository. `number`: of the worker, from 0."""

    def __init__(self, root: Path, settings: CampaignSettings, directory: Path, number: int) -> None:
        self._root, self._here, self._directory = root, root / settings.here, directory
        self._options, self._tests, self._number = settings.options, settings.tests, number
        self._zygote: subprocess.Popen[str] | None = None
        self._count = 0
        self._closed = False

    def run(self, assignment: Assignment, *, limit: float, stop_at_first: bool, anew: bool = False) -> Run:
        """Run the tests of an assignment. `limit` in seconds. `anew`: no kept world is used. Raises WorkerLost."""
        self._count += 1
        paths = {name: self._directory / f"{name}-{self._count}" for name in ("assignment", "report", "output")}
        assignment = replace(assignment, report=str(paths["report"]), root=str(self._root))
        assignment.write(paths["assignment"])
        order = Order(
            directory=str(self._here),
            arguments=[
                *_OWN,
                *_without_workers(),
                *(["-x"] if stop_at_first else []),
                *(["--cold"] if anew else []),
                *self._options,
                *self._files(assignment),
            ],
            environment=self._environment(paths["assignment"]),
            output=str(paths["output"]),
            limit=limit,
        )
        try:
            done = self._carry_out(order)
            lines = tuple(read_lines(paths["report"]))
            output = paths["output"].read_text(encoding="utf-8", errors="replace")[-4000:]
            return Run(lines, done, output)
        finally:
            for path in paths.values():
                path.unlink(missing_ok=True)

    def _files(self, assignment: Assignment) -> list[str]:
        """Return the files to collect: those of the tests that are to run."""
        if assignment.order is None:
            return list(self._tests)
        # Node ids begin at pytest's own root directory.
        base = self._root / assignment.rootdir
        return list(dict.fromkeys(str(base / nodeid.partition("::")[0]) for nodeid in assignment.order))

    def _environment(self, assignment: Path) -> Mapping[str, str]:
        return {
            VARIABLE: str(assignment),
            # Numbered as pytest-xdist numbers its workers, so that suites which share ports or names among workers do it here too.
            "PYTEST_XDIST_WORKER": f"gw{self._number}",
            "PYTEST_ADDOPTS": "",
        }

    def _carry_out(self, order: Order) -> Done:
        zygote = self._started()
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        try:
            zygote.stdin.write(order.to_json() + "\n")
            zygote.stdin.flush()
            answer = zygote.stdout.readline()
        except OSError as error:
            self.close()
            raise WorkerLost(f"the worker's process is gone: {error}") from error
        if not answer:
            self.close()
            raise WorkerLost("the worker's process has ended")
        return Done(**json.loads(answer))

    def _started(self) -> subprocess.Popen[str]:
        if self._closed:
            raise WorkerLost("the worker has been closed")
        if self._zygote is None:
            environment = {
                name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_CORE_"))
            }
            self._zygote = subprocess.Popen(
                [sys.executable, "-P", "-m", "pushproof.mutation.zygote"],
                cwd=self._directory,
                env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
            assert self._zygote.stdout is not None
            if self._zygote.stdout.readline() != "ready\n":
                self.close()
                raise WorkerLost("the worker's process did not start")
        return self._zygote

    def close(self) -> None:
        """End the zygote, and a run of it, for good; safe to call twice."""
        self._closed = True
        zygote, self._zygote = self._zygote, None
        if zygote is None:
            return
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        with contextlib.suppress(OSError):
            zygote.stdin.close()
        # It interrupts its run, which cleans up, and ends by itself. A thread that waits for the run reads the end of the output.
        zygote.wait()
        zygote.stdout.close()


_OWN = (
    "-q",
    "--tb=short",
    "-p",
    "pushproof.mutation.inrun",
    "-p",
    "no:cacheprovider",
    # The zygote has imported the plugins before.
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)


def _without_workers() -> list[str]:
    """Return options against plugins that would run tests elsewhere or shuffle them."""
    options = ["-n0"] if importlib.util.find_spec("xdist") else []
    return [*options, "-p", "no:randomly"]
