"""`pushproof mutate`: realistic mistakes in a copy of the repository, one at a time, and the suite that has to notice each."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pushproof.cli.outcome import FAILED, OK, bad_input, console, finish

if TYPE_CHECKING:
    from pushproof.engines.mutation.model import Mutant
    from pushproof.mutation.campaign import Progress, Result
    from pushproof.mutation.outcome import Outcome
    from pushproof.mutation.settings import CampaignSettings


def mutate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="files and directories to mutate [what the suite applies and reads]"),
    ] = None,
    tests: Annotated[
        list[str] | None,
        typer.Option("--tests", metavar="PATH", help="the suite; may be repeated [pytest's testpaths]"),
    ] = None,
    options: Annotated[
        str, typer.Option("--pytest", metavar="OPTIONS", help="more of pytest's options, such as \"-m 'not slow'\"")
    ] = "",
    only: Annotated[
        str, typer.Option(metavar="WHAT", help="a module, address, operator, file, directory or id; globs are read")
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="REF", help="mutants in lines that have changed since a git revision")
    ] = "",
    sample: Annotated[int | None, typer.Option(metavar="N", min=1, help="so many, drawn evenly over operators")] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="of the sample")] = 1,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="processes on this machine")] = 1,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="a dask scheduler, such as tcp://10.0.0.5:8786")
    ] = "",
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=1, help="that a mutant may take, and five times the suite's own on top"),
    ] = 300.0,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the last campaign of this repository")] = False,
    survivors: Annotated[
        bool, typer.Option("--survivors", help="only the mutants that survived the last campaign, on the suite of now")
    ] = False,
    grown: Annotated[
        bool,
        typer.Option("--grown", help="go on with the last campaign on a suite with more tests; noticed mutants stand"),
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(metavar="PERCENT", min=0, max=100, help="exit code 1 below this score")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="write the record (JSON), JUnit XML, text and a page there")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="show the mutants as diffs, and try none")] = False,
) -> None:
    """Make realistic mistakes in a copy of this repository, one at a time, and show which of them the suite does not notice.

    The suite runs on the original first, and has to be green. The working tree is only read.
    """

    def body() -> int:
        from pushproof.mutation.settings import CampaignSettings
        from pushproof.terraform.working_copy import repository_of

        directory = Path.cwd()
        # Modules may be anywhere in the repository.
        root = repository_of(directory) or directory
        chosen = []
        for path in paths or ():
            if not path.exists():
                return bad_input(f"{path} does not exist; expected a file or directory in {root}")
            if not path.resolve().is_relative_to(root):
                return bad_input(f"{path} is not in {root}; run this in the repository that has it")
            chosen.append(path.resolve().relative_to(root).as_posix())
        for test in tests or ():
            if not (directory / test.partition("::")[0]).exists():
                return bad_input(f"--tests {test} does not exist; expected a file or directory of tests in {directory}")
        going_on = [
            name for name, is_on in (("--resume", resume), ("--survivors", survivors), ("--grown", grown)) if is_on
        ]
        if len(going_on) > 1:
            return bad_input(
                f"{' and '.join(going_on)} exclude each other: each goes on with the last campaign by itself; give one of them"
            )
        try:
            more = shlex.split(options)
        except ValueError as error:
            return bad_input(f"--pytest {options!r} cannot be split into options: {error}")
        settings = CampaignSettings(
            root=root,
            here=directory.relative_to(root).as_posix(),
            paths=tuple(chosen),
            tests=tuple(tests or ()),
            options=tuple(more),
            only=only,
            since=since,
            sample=sample,
            seed=seed,
            workers=workers,
            scheduler=scheduler,
            resume=resume,
            survivors=survivors,
            grown=grown,
            timeout=timeout,
        )
        return _show_list(settings) if listing else _run(settings, threshold, report)

    finish(body)


def _run(settings: CampaignSettings, threshold: float | None, report: Path | None) -> int:
    from pushproof.mutation.campaign import run_campaign
    from pushproof.mutation.outcome import score
    from pushproof.mutation.settings import MutationError
    from pushproof.mutation.summary import summary

    try:
        result = run_campaign(settings, _lines())
    except MutationError as error:
        return bad_input(str(error))
    for line in summary(result):
        console.print(line, markup=False)
    counts = score(result.outcomes.values())
    low = threshold is not None and counts.share is not None and counts.share * 100 < threshold
    if report is not None:
        _write(result, report, passed=not low and not counts.broken)
    if counts.broken:
        console.print(f"{counts.broken} run(s) broke; try them again with --resume", style="red", markup=False)
        return FAILED
    if low:
        console.print(f"the score is below --threshold {threshold:g}", style="red", markup=False)
        return FAILED
    return OK


def _write(result: Result, directory: Path, *, passed: bool) -> None:
    from pushproof.mutation.writing import write_reports

    for path in write_reports(result, directory, passed=passed):
        console.print(f"wrote {path}", markup=False)


def _show_list(settings: CampaignSettings) -> int:
    from pushproof.mutation.campaign import list_mutants
    from pushproof.mutation.settings import MutationError

    try:
        mutants, files = list_mutants(settings)
    except MutationError as error:
        return bad_input(str(error))
    for mutant in mutants:
        console.print(f"{mutant.id} {mutant.operator} {mutant.path}:{mutant.line}: {mutant.summary}", markup=False)
        console.print(mutant.diff(files[mutant.path]), markup=False, highlight=False)
    console.print(f"{len(mutants)} mutant(s)")
    return OK


def _lines() -> Progress:
    from pushproof.mutation.campaign import Progress
    from pushproof.mutation.summary import line_of

    class Lines(Progress):
        """Prints a line for each outcome, with the time that is left."""

        def __init__(self) -> None:
            self._total = self._done = self._before = 0
            self._began = time.monotonic()

        def say(self, sentence: str) -> None:
            console.print(sentence, markup=False)

        def begin(self, total: int, done: int) -> None:
            self._total, self._done, self._before = total, done, done
            self._began = time.monotonic()
            console.print(f"{total} mutant(s), {total - done} to try", markup=False)

        def tell(self, mutant: Mutant, outcome: Outcome) -> None:
            self._done += 1
            share = (time.monotonic() - self._began) / (self._done - self._before)
            left = share * (self._total - self._done)
            console.print(
                f"[{self._done:>4}/{self._total}] {line_of(mutant, outcome)} ({outcome.seconds:.1f} s; about "
                f"{left / 60:.0f} min left)",
                markup=False,
            )

    return Lines()
