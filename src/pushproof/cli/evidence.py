"""`pushproof report` and `pushproof why`: what a run's record says, for people and for CI."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pushproof.cli.outcome import OK, finish

if TYPE_CHECKING:
    from pushproof.record.model import Record


class ReportFormat(StrEnum):
    """The formats that a record is shown in."""

    HTML = "html"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    TEXT = "text"


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...", help="records, directories with one, or ids of runs; the latest run without any"
        ),
    ] = None,
    form: Annotated[ReportFormat, typer.Option("--format", help="what to make")] = ReportFormat.HTML,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="where to write it (html: beside the record)")
    ] = None,
    link: Annotated[str, typer.Option(metavar="URL", help="markdown: the address of the whole report")] = "",
) -> None:
    """Show the record of a run: a page, Markdown for a job summary or a pull request, JUnit XML, or text of 80 columns."""
    finish(lambda: show(runs or [], form, output, link))


def why(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="a record, a directory with one, or a run's id; the latest without"),
    ] = None,
) -> None:
    """Say why the last failure of a run happened, and which commands show more; from its record alone."""
    finish(lambda: explain(run))


def show(runs: Sequence[str], form: ReportFormat, output: Path | None, link: str = "") -> int:
    """Write records in a format; returns the exit code. Raises BadInput."""
    from pushproof.drill.settings import BadInput

    paths = [found(run) for run in runs] or [found(None)]
    records = [(path, loaded(path)) for path in paths]
    if form is ReportFormat.HTML:
        from pushproof.report.page import render

        if output is not None and len(records) > 1 and not output.is_dir():
            raise BadInput(f"--output {output} is one file for {len(records)} pages; name a directory that is there")
        for path, record in records:
            page = _page(path, record, output)
            _write(page, render(record))
            typer.echo(f"report: {page}")
        return OK
    if form is ReportFormat.JUNIT:
        from pushproof.report.junit import junit

        text = junit([record for _, record in records])
    else:
        text = "\n".join(_rendered(record, form, link) for _, record in records)
    if output is None:
        echo(text)
    else:
        _write(output, text)
        typer.echo(f"report: {output}")
    return OK


def explain(run: str | None) -> int:
    """Print the cause of a run's last failure; returns the exit code. Raises BadInput."""
    from pushproof.report.plain import explained

    echo(explained(loaded(found(run))))
    return OK


def _rendered(record: Record, form: ReportFormat, link: str) -> str:
    if form is ReportFormat.MARKDOWN:
        from pushproof.report.summary import markdown

        return markdown(record, link=link)
    from pushproof.report.plain import summary

    return summary(record)


def _page(path: Path, record: Record, output: Path | None) -> Path:
    if output is None:
        return path.with_suffix(".html")
    return output / f"{record.run.id}.html" if output.is_dir() else output


def found(run: str | None) -> Path:
    """Return the place of a run's record. Raises BadInput."""
    from pushproof.drill.settings import BadInput
    from pushproof.record.store import NoRecord, find

    try:
        return find(run)
    except NoRecord as error:
        raise BadInput(str(error)) from error


def loaded(path: Path) -> Record:
    """Read a record. Raises BadInput."""
    from pushproof.drill.settings import BadInput
    from pushproof.record.store import NoRecord, load

    try:
        return load(path)
    except NoRecord as error:
        raise BadInput(str(error)) from error


def _write(path: Path, text: str) -> None:
    from pushproof.drill.settings import BadInput

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from error


def echo(text: str) -> None:
    """Print a text."""
    # A terminal whose encoding lacks a character shows something else instead of failing.
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, errors="replace").decode(encoding))
