"""The record that a drill leaves: kept for `pushproof why`, and written where `--report` says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pushproof.cli.outcome import console

if TYPE_CHECKING:
    from pushproof.drill.context import Result
    from pushproof.drill.narration import Narrator
    from pushproof.drill.runner import Drill
    from pushproof.record.model import Record


@contextmanager
def recorded(drill: Drill, narrator: Narrator) -> Iterator[None]:
    """Record what happens inside, however it ends."""
    from pushproof.drill.recording import Recording

    settings = drill.context.settings
    with Recording(drill, narrator) as recording:
        error = ""
        try:
            yield
        except BaseException as failure:
            error = "interrupted" if isinstance(failure, KeyboardInterrupt) else str(failure) or type(failure).__name__
            raise
        finally:
            stays = settings.keep and "apply" in drill.context.record
            kept = str(getattr(drill.target, "world_id", "")) if stays else ""
            save(recording.record(title=title(drill.result, error), error=error, kept=kept), settings.report)


def title(result: Result, error: str = "") -> str:
    """Return the verdict in a line: what is proven, and what was left out."""
    if not result.passed or error:
        return "Not proven"
    if result.skipped:
        return f"Shown, but for what was left out: {', '.join(result.skipped)}"
    return "A push deploys, a bad push rolls back"


def save(record: Record, report: Path | None) -> None:
    """Keep a record, and write it and its page where `report` says; what cannot be written is said, and ends nothing."""
    from pushproof.record.store import keep

    _send(record)
    try:
        keep(record)
        if report is None:
            console.print("`pushproof report` shows this run, `pushproof why` says why it failed", markup=False)
            return
        for path in write_beside(record, report):
            console.print(f"report: {path}", markup=False)
    except OSError as error:
        console.print(f"the report cannot be written: {error}", markup=False)


def _send(record: Record) -> None:
    """Send a run's spans to the collector that the environment names, if it names one."""
    from pushproof.report.spans import ENDPOINTS, NoSdk, export

    try:
        if any(os.environ.get(name) for name in ENDPOINTS) and not export(record):
            console.print("the collector of OTEL_EXPORTER_OTLP_ENDPOINT did not take the run's spans", markup=False)
    except NoSdk as error:
        console.print(str(error), markup=False)


def write_beside(record: Record, report: Path) -> list[Path]:
    """Write a record, and its page beside it; returns where.

    `report` names the page (`.html`), the record alone (`.json`), or a directory for both.
    """
    from pushproof.record.store import NAME, write
    from pushproof.report.page import render

    if report.suffix == ".json":
        return [write(record, report)]
    page = report if report.suffix in (".html", ".htm") else report / "report.html"
    written = write(record, page.with_name(NAME))
    page.write_text(render(record), encoding="utf-8")
    return [page, written]
