"""A worker of a campaign: tries mutants one after the other in its own copy of the repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pushproof.base.directories import remove_tree
from pushproof.engines.mutation.hiding import Spans, hidden_lines, is_hidden
from pushproof.engines.mutation.model import Mutant
from pushproof.mutation.advising import answers_of_image
from pushproof.mutation.assignment import Assignment
from pushproof.mutation.judging import Failure, first_failure, outcomes_of_applies
from pushproof.mutation.outcome import Outcome, Status
from pushproof.mutation.runner import Run, Runner
from pushproof.mutation.settings import CampaignSettings
from pushproof.mutation.suite import (
    SLOW,
    Group,
    ObservedTest,
    Suite,
    groups_of,
    in_own_order,
    quickest_first,
    read_suite,
    source_of,
)
from pushproof.mutation.workspace import Workspace

#: Seconds that the run of a group may take on top of the timeout, as a multiple of the original's.
LIMIT_FACTOR = 5.0


class SuiteIsRed(Exception):
    """The suite is red on the original, so that nothing can be learned from a red test. The message names the tests."""


class SuiteIsBroken(Exception):
    """The suite cannot be run. The message has the end of the output."""


@dataclass(slots=True)
class _Known:
    """Knowledge about a mutant so far: outcomes of applies, by name."""

    applies: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    runs: int = 0

    def same_sources(self) -> set[str]:
        """Return the root modules of which every apply that was tried is identical to the original's."""
        sources = {source_of(name) for name in self.applies}
        differing = {source_of(name) for name, outcome in self.applies.items() if outcome != "identical"}
        return sources - differing

    def changed_sources(self) -> set[str]:
        """Return the root modules of which an apply differs from the original's."""
        return {source_of(name) for name, outcome in self.applies.items() if outcome in ("changed", "cold")}


class Worker:
    """Tries mutants. `number`: from 0, unique among workers that run at the same time on a machine."""

    def __init__(self, snapshot: Path, settings: CampaignSettings, directory: Path, number: int, suite: Suite) -> None:
        self._timeout, self._original_limit = settings.timeout, settings.limit
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._workspace = Workspace(snapshot, directory)
        self._runner = Runner(self._workspace.root, settings, directory, number)
        self._suite = suite
        self._groups = groups_of(suite)
        # By group: the suite as this worker has observed it. Ports and addresses of its own make variables of its own.
        self._observed: dict[str, Suite] = {}
        self._seconds: dict[str, float] = {}
        # Names of groups whose tests depend on each other, so that they run whole and in the suite's own order.
        self._in_sequence: set[str] = set()
        # Lines whose mistakes a difference may hide, once they are asked for.
        self._hidden: Spans | None = None
        # Answers of the checks that apply to root modules of a group, on the original.
        self._answers: dict[tuple[str, frozenset[str]], dict[str, bool]] = {}

    def try_mutant(self, mutant: Mutant) -> Outcome:
        """Try a mutant. Raises SuiteIsRed, SuiteIsBroken, WorkerLost."""
        known = _Known()
        touching = {test.id for test in self._suite.touching(mutant.path)}
        for group in self._groups if mutant.visible_in_plan else quickest_first(self._groups, touching):
            tests = self._left_to_try(group, mutant, touching, known)
            if not tests:
                continue
            if (outcome := self._tried(mutant, group, tests, known)) is not None:
                return outcome
        return self._tried_anew(mutant, touching, known) or self._alive(mutant, known)

    def _tried(
        self, mutant: Mutant, group: Group, tests: list[ObservedTest], known: _Known, *, anew: bool = False
    ) -> Outcome | None:
        """Run tests of a group on a mutant. Return its outcome; None while it is alive."""
        here = self._suite_of(group)
        tests = self._sequence(group, tests)
        with self._workspace.mutated(mutant):
            run = self._run(group, tests, mutant, here, anew=anew)
        known.runs += 1
        known.seconds += run.done.seconds
        if not anew:
            known.applies.update(outcomes_of_applies(run.lines))
        return self._judged(mutant, run, known)

    def _tried_anew(self, mutant: Mutant, touching: set[str], known: _Known) -> Outcome | None:
        """Try a mutant that is alive on worlds applied from nothing, where a difference to the original's may have hidden it.

        What `ignore_changes` names keeps the original's value in a difference, and has the mutant's in a new world. None while
        the mutant is alive.
        """
        changed = known.changed_sources()
        if not changed or not mutant.visible_in_plan or not self._may_be_hidden(mutant):
            return None
        for group in self._groups:
            tests = [
                test
                for test in group.tests
                if test.id in touching
                and {source_of(name) for name in self._suite.relied_on(test, mutant.path)} & changed
            ]
            if not tests or not group.keeps:
                continue
            if (outcome := self._tried(mutant, group, tests, known, anew=True)) is not None:
                return outcome
        return None

    def _may_be_hidden(self, mutant: Mutant) -> bool:
        """Return whether a mutant's value reaches an attribute under `ignore_changes`."""
        if self._hidden is None:
            names = [name for name in self._suite.files if name.endswith((".tf", ".tfvars"))]
            self._hidden = hidden_lines({name: (self._workspace.root / name).read_bytes() for name in names})
        return is_hidden(mutant, self._hidden)

    def _left_to_try(self, group: Group, mutant: Mutant, touching: set[str], known: _Known) -> list[ObservedTest]:
        """Return the tests of a group that may notice a mutant, as far as plans have not answered that."""
        same = known.same_sources() if mutant.visible_in_plan else set()

        def is_answered(test: ObservedTest) -> bool:
            sources = {source_of(name) for name in self._suite.relied_on(test, mutant.path)}
            return bool(sources) and sources <= same and mutant.path not in test.files

        sources = self._suite.sources(mutant.path)
        if group.name == SLOW and sources and sources <= same:
            # Every plan is the same: there is nothing left to notice.
            return []
        return [test for test in group.tests if test.id in touching and not is_answered(test)]

    def _suite_of(self, group: Group) -> Suite:
        """Return the suite as this worker observes it in a group's process: run once on the original, in the order of mutants."""
        if not group.keeps and any(test.applies for test in group.tests):
            # Everything would be applied once more, for nothing but the order.
            return self._suite
        suite = self._observed.get(group.name)
        if suite is None:
            where = f"in the group {group.name}"
            try:
                suite, seconds = self._observe(group.tests, group, where)
            except SuiteIsRed:
                # A test may need what an earlier one has left in the world, or need it not to be there yet.
                own = in_own_order(self._suite, group.tests)
                if own == list(group.tests):
                    raise
                suite, seconds = self._observe(own, group, where)
                self._in_sequence.add(group.name)
            self._observed[group.name], self._seconds[group.name] = suite, seconds
        return suite

    def _observe(self, tests: Sequence[ObservedTest], group: Group, where: str) -> tuple[Suite, float]:
        """Run tests of a group on the original. Return the suite as observed, and the seconds. Raises SuiteIsRed, SuiteIsBroken."""
        assignment = Assignment(order=[test.id for test in tests], rootdir=self._suite.rootdir)
        # What a mutant may take (`--timeout`) says nothing about the original.
        run = self._runner.run(assignment, limit=self._original_limit, stop_at_first=False)
        return observed_suite(run, where), run.done.seconds

    def _sequence(self, group: Group, tests: list[ObservedTest]) -> list[ObservedTest]:
        """Return tests in the order in which they run, with those of their files that they may depend on."""
        if group.name not in self._in_sequence:
            return tests
        files = {test.file for test in tests}
        return in_own_order(self._suite, [test for test in group.tests if test.file in files])

    def _run(
        self, group: Group, tests: Sequence[ObservedTest], mutant: Mutant, here: Suite, *, anew: bool = False
    ) -> Run:
        relies: dict[str, Sequence[str]] = {}
        if mutant.visible_in_plan:
            observed = {test.id: test for test in here.tests}
            for test in tests:
                applies = here.relied_on(observed.get(test.id, test), mutant.path)
                if applies and mutant.path not in test.files:
                    relies[test.id] = applies
        assignment = Assignment(
            order=[test.id for test in tests],
            mutated=mutant.path,
            relies=relies,
            origins=here.origins,
            rootdir=self._suite.rootdir,
        )
        return self._runner.run(assignment, limit=self._limit(group), stop_at_first=True, anew=anew)

    def _limit(self, group: Group) -> float:
        return self._timeout + LIMIT_FACTOR * max(group.seconds, self._seconds.get(group.name, 0.0))

    def _judged(self, mutant: Mutant, run: Run, known: _Known) -> Outcome | None:
        """Return the outcome of a mutant after a run; None while it is alive."""
        failure = first_failure(run.lines)
        if failure is not None:
            return _outcome(mutant, "refused" if failure.refused else "killed", known, failure)
        if run.done.timed_out:
            text = f"no end after {run.done.seconds:.0f} s"
            return _outcome(mutant, "timed out", known, Failure("", text))
        if run.done.code not in (0, 5):
            return _outcome(mutant, "broken", known, Failure("", f"pytest ended with {run.done.code}\n{run.output}"))
        return None

    def _alive(self, mutant: Mutant, known: _Known) -> Outcome:
        sources = self._suite.sources(mutant.path)
        if mutant.visible_in_plan and sources and sources <= known.same_sources():
            reason = f"the plan of {', '.join(sorted(sources))} is the same as the original's"
            return _outcome(mutant, "equivalent", known, Failure("", reason))
        unread = not sources and not any(mutant.path in test.files for test in self._suite.tests)
        reason = "no test applies or reads the file" if unread else "every test that it concerns is green"
        outcome = _outcome(mutant, "survived", known, Failure("", reason))
        return replace(outcome, advice=self._advice(mutant, known))

    def _advice(self, mutant: Mutant, known: _Known) -> tuple[str, ...]:
        """Return lines of tests that are red on a survivor, and green on the original."""
        before, after = dict[str, bool](), dict[str, bool]()
        path = self._workspace.root / mutant.path
        if not path.name.endswith((".tf", ".tfvars", ".yml", ".yaml")):
            before.update(answers_of_image(path, mutant.path))
            with self._workspace.mutated(mutant):
                after.update(answers_of_image(path, mutant.path))
        sources = self._suite.sources(mutant.path) & known.changed_sources()
        for group in self._groups:
            if not sources or not group.keeps:
                continue
            here = self._suite_of(group)
            tests, asked = _first_appliers(group, here, sources)
            if not tests:
                continue
            sources -= asked
            if (group.name, frozenset(asked)) not in self._answers:
                self._answers[group.name, frozenset(asked)] = self._ask(group, tests, asked, here)
            before.update(self._answers[group.name, frozenset(asked)])
            with self._workspace.mutated(mutant):
                after.update(self._ask(group, tests, asked, here))
        return tuple(sorted(line for line, is_green in before.items() if is_green and after.get(line) is False))

    def _ask(self, group: Group, tests: Sequence[ObservedTest], sources: set[str], here: Suite) -> dict[str, bool]:
        assignment = Assignment(
            order=[test.id for test in tests],
            advise=sorted(sources),
            origins=here.origins,
            rootdir=self._suite.rootdir,
        )
        run = self._runner.run(assignment, limit=self._limit(group), stop_at_first=False)
        return {str(line.values["line"]): bool(line.values["green"]) for line in run.lines if line.kind == "advice"}

    def close(self) -> None:
        """End the worker, and remove its copy."""
        self._runner.close()
        remove_tree(self._directory)


def _outcome(mutant: Mutant, status: Status, known: _Known, failure: Failure) -> Outcome:
    return Outcome(mutant.id, status, failure.test, failure.message, round(known.seconds, 3), known.runs)


def _first_appliers(group: Group, suite: Suite, sources: set[str]) -> tuple[list[ObservedTest], set[str]]:
    """Return for each root module the first test of a group that applies it, and the root modules that there are."""
    observed = {test.id: test for test in suite.tests}
    chosen: dict[str, ObservedTest] = {}
    for test in group.tests:
        for name in observed.get(test.id, test).applies:
            if suite.origins.get(name) and source_of(name) in sources:
                chosen.setdefault(source_of(name), test)
    return list(dict.fromkeys(chosen.values())), set(chosen)


def observed_suite(run: Run, where: str) -> Suite:
    """Return the suite that a run of the original has observed. Raises SuiteIsRed, SuiteIsBroken."""
    failure = first_failure(run.lines)
    if failure is not None:
        raise SuiteIsRed(f"{failure.test or 'the collection'} is red {where}, without any mutant:\n{failure.message}")
    if run.done.timed_out:
        raise SuiteIsBroken(f"the suite has no end {where} after {run.done.seconds:.0f} s:\n{run.output}")
    observed = next((line.values for line in run.lines if line.kind == "observed"), None)
    if run.done.code != 0 or observed is None:
        raise SuiteIsBroken(f"pytest ended with {run.done.code} {where}:\n{run.output}")
    return read_suite(observed)
