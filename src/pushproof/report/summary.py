"""A run as Markdown: for GitHub's job summary, a comment on a pull request or merge request, and whatever else shows Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.record.cause import cause
from pushproof.record.model import Record
from pushproof.report.harmless import markdown as safe
from pushproof.report.harmless import one_line
from pushproof.report.page import numbers, why_title

_MOST = 20
#: GitHub cuts a comment at 65,536 characters, and a step's summary at 1 MiB.
LONGEST = 60_000


def markdown(record: Record, *, link: str = "") -> str:
    """Return the verdict, why, three numbers, and a link to the whole report where there is one."""
    text = "\n".join(_lines(record, link)) + "\n"
    return (
        text if len(text) <= LONGEST else f"{text[:LONGEST].rpartition(chr(10))[0]}\n\n… the rest is in the report.\n"
    )


def _lines(record: Record, link: str) -> Iterator[str]:
    yield f"### {'✅' if record.verdict.passed else '❌'} {safe(record.verdict.title)}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for number, what in numbers(record):
        yield f"| **{safe(number)}** | {safe(what)} |"
    yield ""
    yield f"**{why_title(record)}.** {safe(record.verdict.why)}"
    yield ""
    for finding in record.findings[:_MOST]:
        place = f" in {safe(finding.file)}:{finding.line}" if finding.file else ""
        address = f", {safe(finding.address)}" if finding.address else ""
        yield f"- **{safe(finding.resource)}**{address}{place}: {safe(finding.found)} **Change:** {safe(finding.change)}"
    failed = [test for test in record.tests if test.outcome == "failed"]
    if failed:
        yield ""
        yield from (f"- failed: {safe(test.id)}" for test in failed[:_MOST])
    commands = cause(record).commands
    if commands:
        yield ""
        yield "<details><summary>Look closer</summary>"
        yield ""
        # Indented code: no text can end it, as it could end a fence.
        yield from (f"    {one_line(command)}" for command in commands)
        yield ""
        yield "</details>"
    yield ""
    run = record.run
    about = f"{run.command} {run.id} on {run.target}, Pushproof {record.versions.pushproof}"
    address = f" · [the whole report](<{_address(link)}>)" if link else ""
    yield f"<sub>{safe(about)}</sub>{address}"


def _address(link: str) -> str:
    return one_line(link).replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
