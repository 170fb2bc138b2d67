"""A run as text: 80 columns, no colours, the same on a terminal and in a CI log."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pushproof.record.cause import cause, clock
from pushproof.record.model import Record
from pushproof.report.harmless import one_line

_WIDTH = 80
_MOST = 20


def summary(record: Record) -> str:
    """Return a summary of a run."""
    return "\n".join(_summary(record)) + "\n"


def explained(record: Record) -> str:
    """Return the cause of a run's last failure, and the commands that show more."""
    told = cause(record)
    lines = [*_wrapped(told.paragraph or record.verdict.why)]
    if told.commands:
        # Commands stay whole, however long: people copy them.
        lines += ["", "To look closer:", *(f"  {one_line(command)}" for command in told.commands)]
    return "\n".join(lines) + "\n"


def _summary(record: Record) -> Iterator[str]:
    run = record.run
    yield from _wrapped(f"{'PASSED' if record.verdict.passed else 'FAILED'}: {record.verdict.title}")
    yield from _wrapped(f"{run.command} {run.id} on {run.target}, {run.began}, {run.seconds:.0f} s")
    yield ""
    yield from _wrapped(record.verdict.why)
    if record.steps:
        yield ""
        for step in record.steps:
            mark = "failed" if step.failed else "shown"
            times = f"{step.seconds:7.1f} s {clock(step.aws_seconds):>8} AWS  {mark}"
            yield _row(f"({step.letter}) {one_line(step.title)}", times)
    if record.tests:
        yield ""
        for test in [test for test in record.tests if test.outcome == "failed"][:_MOST]:
            yield from _wrapped(f"failed: {test.id}")
        counted = {name: sum(test.outcome == name for test in record.tests) for name in ("passed", "failed", "skipped")}
        yield ", ".join(f"{count} {name}" for name, count in counted.items())
    for number, finding in enumerate(record.findings[:_MOST], 1):
        yield ""
        place = f"  {finding.address} ({finding.file}:{finding.line})" if finding.address else ""
        yield from _wrapped(f"{number}. {finding.resource}{place}")
        for name, text in (("found", finding.found), ("change", finding.change)):
            yield from _wrapped(f"{name}: {text}", "   ")
    if record.requests:
        yield ""
        for requests in record.requests:
            answered = ", ".join(
                f"{one_line(commit)[:7]} {count}" for commit, count in sorted(requests.commits.items())
            )
            yield from _wrapped(
                f"requests during ({requests.step}): {requests.sent} sent, {requests.failed} failed; {answered}"
            )
    for skip in record.skipped:
        yield from _wrapped(f"left out: {skip.what}: {skip.why}")


def _row(left: str, right: str) -> str:
    room = _WIDTH - len(right) - 2
    return f"{left if len(left) <= room else left[: room - 1] + '…':<{room}}  {right}"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(one_line(text), _WIDTH, initial_indent=indent, subsequent_indent=indent or "") or [""]
