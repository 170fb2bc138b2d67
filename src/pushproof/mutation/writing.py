"""Records of campaigns, and the reports made of them."""

from __future__ import annotations

import platform
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pushproof.engines.mutation.model import Mutant
from pushproof.mutation.campaign import Result
from pushproof.mutation.outcome import Outcome, score
from pushproof.mutation.summary import directory_of, pairs_of, summary, whole
from pushproof.record.model import Mutation, Record, Run, Verdict, Versions
from pushproof.record.store import NAME, write

_NOTICED = ("killed", "refused", "timed out")


def write_reports(result: Result, directory: Path, *, passed: bool) -> Iterator[Path]:
    """Write the record of a result, its page, JUnit XML and text; yields the path of each."""
    from pushproof.report.junit import junit
    from pushproof.report.page import render

    record = record_of(result, passed=passed)
    directory.mkdir(parents=True, exist_ok=True)
    yield write(record, directory / NAME)
    for name, text in (
        ("mutations.html", render(record)),
        ("mutations.xml", junit([record])),
        ("mutations.txt", "\n".join(summary(result)) + "\n"),
    ):
        path = directory / name
        path.write_text(text, encoding="utf-8")
        yield path


def record_of(result: Result, *, passed: bool) -> Record:
    """Return the record of a result."""
    pairs = pairs_of(result)
    counts = score(outcome for _, outcome in pairs)
    share = "no valid mutant" if counts.share is None else f"{counts.share:.1%} of {counts.valid} mistakes noticed"
    return Record(
        run=Run(
            id=f"mutate-{secrets.token_hex(4)}",
            command="mutate",
            target="embedded",
            account="",
            region="",
            speed=1.0,
            began=datetime.fromtimestamp(time.time() - result.seconds, UTC).isoformat(timespec="seconds"),
            seconds=result.seconds,
        ),
        versions=Versions(pushproof=version("pushproof"), python=platform.python_version()),
        verdict=Verdict(passed=passed, title=share, why=f"{whole(counts)}."),
        mutations=tuple(_mutation(mutant, outcome, result.files[mutant.path]) for mutant, outcome in pairs),
    )


def _mutation(mutant: Mutant, outcome: Outcome, content: bytes) -> Mutation:
    return Mutation(
        name=mutant.summary,
        module=directory_of(mutant.path),
        caught=outcome.status in _NOTICED,
        check=outcome.by,
        seconds=outcome.seconds,
        id=mutant.id,
        operator=mutant.operator,
        status=outcome.status,
        path=mutant.path,
        line=mutant.line,
        address=mutant.address,
        message=outcome.message,
        diff=mutant.diff(content),
        harm=mutant.harm,
        page=mutant.page,
        advice=outcome.advice,
    )
