"""A campaign: the suite on the original, the mutants, the outcome of each, and what there is to tell of them."""

from __future__ import annotations

import platform
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from pushproof.base.directories import remove_tree
from pushproof.engines.mutation import NothingMatches, only, sample, within_lines
from pushproof.engines.mutation.model import Mutant
from pushproof.mutation.assignment import Assignment
from pushproof.mutation.changes import changed_lines
from pushproof.mutation.crew import Crew, LocalCrew
from pushproof.mutation.diary import Busy, Diary, Prologue, fingerprint
from pushproof.mutation.outcome import Outcome
from pushproof.mutation.proposing import files_to_mutate, mutant_of_json
from pushproof.mutation.runner import Run, Runner, WorkerLost
from pushproof.mutation.settings import CampaignSettings, MutationError
from pushproof.mutation.suite import Suite, read_suite
from pushproof.mutation.worker import SuiteIsBroken, SuiteIsRed, Worker, observed_suite
from pushproof.mutation.workspace import Workspace, pack, take_snapshot
from pushproof.session.codeversion import code_version
from pushproof.terraform.binary import find_terraform


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a campaign.

    `mutants`: those that were chosen, with the outcomes that there are, by id; `files`: the original's content of mutated files.
    `seconds`: of this run of the campaign, `trying`: of that, those for mutants; `reused`: outcomes of an earlier run.
    """

    prologue: Prologue
    suite: Suite
    mutants: tuple[Mutant, ...]
    outcomes: Mapping[str, Outcome]
    files: Mapping[str, bytes]
    seconds: float
    trying: float
    reused: int


class Progress(AbstractContextManager["Progress"]):
    """Receives what a campaign is at. The base class stays silent."""

    def say(self, sentence: str) -> None:
        """Tell a sentence."""

    def begin(self, total: int, done: int) -> None:
        """Begin with the mutants."""

    def tell(self, mutant: Mutant, outcome: Outcome) -> None:
        """Tell an outcome."""

    def __exit__(self, *_: object) -> None:
        """End."""


def run_campaign(settings: CampaignSettings, progress: Progress) -> Result:
    """Run a campaign. Raises MutationError for bad input and a suite that is red or cannot be run.

    The repository is copied first, and only the copies are changed.
    """
    started = time.monotonic()
    diary = Diary(settings.root / settings.here)
    try:
        with diary.only_here():
            work = diary.work_directory()
            try:
                return _run(settings, diary, work, progress, started)
            finally:
                remove_tree(work)
    except Busy as error:
        raise MutationError(str(error)) from error
    except SuiteIsRed as error:
        raise MutationError(
            f"{error}\n\nMutants tell something about a suite that is green. Make it so, or leave the test out with --tests."
        ) from error
    except SuiteIsBroken as error:
        raise MutationError(str(error)) from error
    except WorkerLost as error:
        raise MutationError(f"the suite's process was lost: {error}") from error


def _run(settings: CampaignSettings, diary: Diary, work: Path, progress: Progress, started: float) -> Result:
    snapshot = work / "snapshot"
    take_snapshot(settings.root, snapshot)
    print_of_all = fingerprint(
        snapshot, [settings.here, *settings.paths, "--", *settings.tests, "--", *settings.options, *_programs()]
    )
    survivors = _survivors(diary) if settings.survivors else {}
    prologue, known = _prologue(settings, diary, snapshot, work, print_of_all, progress)
    for outcome in survivors.values():
        # Until it has been tried again: an interruption loses none.
        diary.note(outcome)
    suite = read_suite(prologue.observed)
    mutants = _chosen(settings, prologue.mutants, snapshot)
    if settings.survivors:
        mutants = _still_there(mutants, survivors)
    todo = [mutant for mutant in mutants if mutant.id not in known]
    # In a drawn order, so that an interrupted campaign has tried something of everything.
    random.Random(settings.seed).shuffle(todo)
    outcomes = {mutant.id: known[mutant.id] for mutant in mutants if mutant.id in known}
    reused = len(outcomes)
    progress.begin(len(mutants), reused)
    began = time.monotonic()
    by_id = {mutant.id: mutant for mutant in todo}
    if todo:
        with closing(_crew(settings, snapshot, work, suite)) as crew:
            for outcome in crew.outcomes(todo):
                diary.note(outcome)
                outcomes[outcome.mutant] = outcome
                progress.tell(by_id[outcome.mutant], outcome)
    files = {path: (snapshot / path).read_bytes() for path in {mutant.path for mutant in mutants}}
    now = time.monotonic()
    return Result(prologue, suite, tuple(mutants), outcomes, files, now - started, now - began, reused)


def list_mutants(settings: CampaignSettings) -> tuple[list[Mutant], Mapping[str, bytes]]:
    """Return the chosen mutants of files and directories, and the original's content of mutated files. Raises MutationError.

    Nothing is run, so that `paths` is needed, and operators of the team's own are left out.
    """
    from pushproof.engines.mutation import OPERATORS, Project, mutants_of

    files = files_to_mutate(settings.root, settings.paths or (settings.here,), ())
    mutants = mutants_of(Project(files), OPERATORS)
    chosen = _chosen(settings, mutants, settings.root)
    if settings.survivors:
        chosen = _still_there(chosen, _survivors(Diary(settings.root / settings.here)))
    return chosen, files


def _programs() -> list[str]:
    return [code_version(), platform.python_version(), str(find_terraform())]


def _standing(last: Prologue, now: Prologue, outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Return the outcomes that stand on a suite that has grown.

    What Terraform refuses and what is equivalent stands, and so does what a test has noticed that is still there. Survivors are
    tried again. Raises MutationError if the files that are mutated have changed.
    """
    if last.mutants != now.mutants:
        raise MutationError(
            "--grown: the files that are mutated have changed since the last campaign, and not the suite alone, so that its "
            "outcomes say nothing about them; leave the option out"
        )
    tests = {test.id for test in read_suite(now.observed).tests}
    return {
        name: outcome
        for name, outcome in outcomes.items()
        if outcome.status == "equivalent" or (outcome.status in ("killed", "refused") and outcome.by in tests)
    }


def _prologue(
    settings: CampaignSettings, diary: Diary, snapshot: Path, work: Path, mark: str, progress: Progress
) -> tuple[Prologue, Mapping[str, Outcome]]:
    """Return what is known of the original, and the outcomes to go on from."""
    last = diary.prologue()
    if last is None:
        if settings.resume or settings.grown:
            option = "--resume" if settings.resume else "--grown"
            raise MutationError(
                f"{option}: there is no campaign of this repository to go on with; leave the option out"
            )
    elif settings.resume:
        if last.fingerprint != mark:
            raise MutationError(
                "--resume: the repository, the suite or a program has changed since the last campaign, so that its outcomes say "
                "nothing about what is here now; leave the option out"
            )
        outcomes = diary.outcomes()
        progress.say(f"resumed: {len(outcomes)} outcome(s) of the last campaign stand")
        return last, outcomes
    if last is not None and last.fingerprint == mark:
        progress.say("the suite was green on exactly this repository; it is not observed again")
        prologue = last
    else:
        progress.say("the suite runs on the original first")
        prologue = _observe(settings, snapshot, work, mark)
    known: dict[str, Outcome] = {}
    if settings.grown and last is not None:
        known = _standing(last, prologue, diary.outcomes())
        progress.say(f"{len(known)} outcome(s) of the last campaign stand")
    diary.begin(prologue)
    for outcome in known.values():
        diary.note(outcome)
    return prologue, known


def _observe(settings: CampaignSettings, snapshot: Path, work: Path, mark: str) -> Prologue:
    """Run the suite on the original. Raises MutationError, SuiteIsRed, SuiteIsBroken, WorkerLost."""
    directory = work / "original"
    directory.mkdir()
    workspace = Workspace(snapshot, directory)
    with closing(Runner(workspace.root, settings, directory, 0)) as runner:
        run = runner.run(Assignment(propose=settings.paths), limit=settings.limit, stop_at_first=False)
    remove_tree(directory)
    observed_suite(run, "on the original")
    observed, proposed = _line(run, "observed"), _line(run, "proposed")
    return Prologue(
        fingerprint=mark,
        observed=observed,
        mutants=tuple(map(mutant_of_json, cast(Sequence[Mapping[str, object]], proposed["mutants"]))),
        unreadable=tuple(cast(Sequence[Mapping[str, object]], proposed["unreadable"])),
        operators=tuple(cast(Sequence[Mapping[str, object]], proposed["operators"])),
        seconds=run.done.seconds,
    )


def _line(run: Run, kind: str) -> Mapping[str, object]:
    return next(line.values for line in run.lines if line.kind == kind)


def _chosen(settings: CampaignSettings, mutants: Sequence[Mutant], snapshot: Path) -> list[Mutant]:
    """Return the mutants that the settings choose. Raises MutationError."""
    chosen = list(mutants)
    if not chosen:
        where = ", ".join(settings.paths) or "what the suite applies and reads"
        raise MutationError(
            f"{where}: there is nothing that can be mutated; expected *.tf, a buildspec or a Dockerfile"
        )
    if settings.only:
        try:
            chosen = only(chosen, settings.only)
        except NothingMatches as error:
            raise MutationError(f"--only {settings.only}: {error}") from error
    if settings.since:
        chosen = within_lines(chosen, changed_lines(settings.root, settings.since, snapshot))
    if settings.sample is not None:
        chosen = sample(chosen, settings.sample, settings.seed)
    return chosen


def _survivors(diary: Diary) -> dict[str, Outcome]:
    """Return the outcomes of the mutants that survived the last campaign. Raises MutationError."""
    survivors = {name: outcome for name, outcome in diary.outcomes().items() if outcome.status == "survived"}
    if not survivors:
        raise MutationError(
            "--survivors: no mutant is known to have survived in this repository; leave the option out to try all of them"
        )
    return survivors


def _still_there(mutants: Sequence[Mutant], survivors: Mapping[str, Outcome]) -> list[Mutant]:
    """Return the mutants that survived. Raises MutationError if their places have all changed."""
    chosen = [mutant for mutant in mutants if mutant.id in survivors]
    if not chosen:
        raise MutationError(
            f"--survivors: none of the {len(survivors)} mutant(s) that survived can be made any more, as their files have changed; "
            "leave the option out"
        )
    return chosen


def _crew(settings: CampaignSettings, snapshot: Path, work: Path, suite: Suite) -> Crew:
    if settings.scheduler:
        from pushproof.mutation.cluster import ClusterCrew

        return ClusterCrew(settings, pack(snapshot), suite)
    make = partial(_worker, snapshot, settings, suite)
    return LocalCrew(settings.workers, work, make)


def _worker(snapshot: Path, settings: CampaignSettings, suite: Suite, directory: Path, number: int) -> Worker:
    return Worker(snapshot, settings, directory, number, suite)
