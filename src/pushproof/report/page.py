"""The page of a run: one HTML file from its record, that needs no network.

The template is `page.html.jinja`. Whatever comes from outside (commit messages, AWS's errors, events) is text there: markup is
escaped, and characters that would steer a terminal or turn the direction of writing are shown by their code points. The page's own
policy lets no other script run than its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup, escape

from pushproof.base.extras import require
from pushproof.record.cause import cause, clock
from pushproof.record.model import Mutation, Record
from pushproof.report.harmless import harmless
from pushproof.report.picture import matrices, picture
from pushproof.report.timeline import WIDTH, colours, draw, failed

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATE, _STYLE, _SCRIPT = "page.html.jinja", "page.css", "page.js"
#: Events on the page: a run with a thousand tasks has tens of thousands, which no page opens with in a second. The next number is
#: taken where a page is too long with the one before.
MOST_EVENTS = (1000, 300, 50)
LONGEST = 950_000


@dataclass(frozen=True, slots=True)
class Happening:
    """A moment of the run, an event of a service, or one of the bus."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """Counts of mistakes made on purpose; the share of valid ones that were noticed is a percentage."""

    name: str
    made: int
    valid: int
    caught: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """Rows by module or by operator."""

    by: str
    rows: list[ScoreRow]


def render(record: Record, *, live: bool = False) -> str:
    """Return the whole page; a `live` one follows its world."""
    page = ""
    for most in MOST_EVENTS:
        page = _rendered(record, live, most)
        if len(page) < LONGEST:
            break
    return page


def _rendered(record: Record, live: bool, most: int) -> str:
    happenings = sorted(_happenings(record), key=lambda happening: happening.at)
    shown = _thinned(happenings, most)
    drawing = draw(record)
    style, script = _asset(_STYLE), _asset(_SCRIPT)
    return _template().render(
        record=record,
        live=live,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        numbers=numbers(record),
        parts=list(_parts(record, bool(drawing.lanes))),
        why_title=why_title(record),
        commands=cause(record).commands,
        drawing=drawing,
        width=WIDTH,
        palette=_palette(record),
        networks=[(network, picture(network), matrices(network)) for network in record.networks],
        happenings=shown,
        left_out=len(happenings) - len(shown),
        scores=[scores(record, "module"), scores(record, "operator")],
        survivors=[each for each in record.mutations if each.status == "survived"],
        kinds=list(dict.fromkeys(happening.kind for happening in shown)),
        filter=_filter,
    )


def numbers(record: Record) -> list[tuple[str, str]]:
    """Return the three numbers that say most about a run."""
    if record.mutations:
        valid = [mutation for mutation in record.mutations if mutation.status not in ("equivalent", "broken")]
        caught = sum(mutation.caught for mutation in valid)
        return [
            (f"{caught / len(valid):.0%}" if valid else "–", "score"),
            (f"{caught}/{len(valid)}", "mistakes noticed"),
            (f"{record.run.seconds:.0f} s", "in all"),
        ]
    if record.tests or record.run.command == "pytest":
        failed_tests = sum(test.outcome == "failed" for test in record.tests)
        return [
            (f"{len(record.tests) - failed_tests}/{len(record.tests)}", "tests not failed"),
            (str(len(record.findings)), "finding" if len(record.findings) == 1 else "findings"),
            (f"{record.run.seconds:.0f} s", "in all"),
        ]
    sent, bad = sum(r.sent for r in record.requests), sum(r.failed for r in record.requests)
    good = sum(not step.failed for step in record.steps)
    return [
        (f"{good}/{len(record.steps)}", "steps shown"),
        (f"{bad}/{sent}", "requests failed"),
        (f"{record.run.seconds:.0f} s", f"in all, {clock(record.run.seconds * record.run.speed)} of AWS time"),
    ]


def scores(record: Record, by: Literal["module", "operator"]) -> Scores:
    """Return the mistakes made on purpose, counted by module or by operator."""
    rows: dict[str, list[Mutation]] = {}
    for mutation in record.mutations:
        name = mutation.module if by == "module" else mutation.operator
        rows.setdefault(name or "–", []).append(mutation)
    return Scores(by, [_score(name, mutations) for name, mutations in sorted(rows.items())])


def _score(name: str, mutations: list[Mutation]) -> ScoreRow:
    valid = [mutation for mutation in mutations if mutation.status not in ("equivalent", "broken")]
    caught = sum(mutation.caught for mutation in valid)
    return ScoreRow(name, len(mutations), len(valid), caught, 100 * caught / len(valid) if valid else None)


def why_title(record: Record) -> str:
    """Return the heading of the paragraph that says why."""
    if any(deployment.status.startswith("ROLLBACK") for deployment in record.deployments):
        return "Why it rolled back"
    return "What happened" if record.verdict.passed else "Why it failed"


def _parts(record: Record, drawn: bool) -> Iterator[tuple[str, str]]:
    for anchor, title, there in (
        ("timeline", "Timeline", drawn), ("findings", "Findings", record.findings), ("tests", "Tests", record.tests),
        ("mutations", "Mistakes", record.mutations), ("network", "Network", record.networks), ("roles", "Roles", record.roles),
        ("steps", "Steps", record.steps), ("delivery", "Delivery", record.executions), ("tasks", "Tasks", record.tasks),
        ("events", "Events", record.moments or record.service_events or record.events),
    ):  # fmt: skip
        if there:
            yield anchor, title


def _palette(record: Record) -> dict[str, str]:
    answered = {commit for requests in record.requests for commit in requests.commits}
    return {commit: colour for commit, colour in colours(record).items() if commit in answered}


def _happenings(record: Record) -> Iterator[Happening]:
    for moment in record.moments:
        # The drill's own timeline repeats the service's events.
        if moment.kind != "ecs" or not record.service_events:
            yield Happening(moment.at, moment.kind, moment.text)
    for event in record.service_events:
        yield Happening(event.at, "service", event.message)
    for target in record.targets:
        text = f"{target.address}:{target.port} in {target.group} is {target.state}. {target.reason}".rstrip(". ")
        yield Happening(target.at, "target", text)
    for put in record.events:
        yield Happening(put.at, "bus", f"{put.type}: {put.text}" if put.text else put.type)


def _thinned(happenings: list[Happening], most: int) -> list[Happening]:
    """Return what fits: where there is too much, events of the bus go first, since tasks and services say the same."""
    if len(happenings) <= most:
        return happenings
    without = [happening for happening in happenings if happening.kind != "bus"]
    return without[-most:]


def _filter(table: str, kinds: list[str]) -> Markup:
    """Return the form that filters a table; it shows itself where scripts run."""
    boxes = "".join(
        f'<label><input type="checkbox" value="{escape(harmless(kind))}" checked> {escape(harmless(kind))}</label>'
        for kind in kinds
    )
    return Markup(
        f'<form class="filter" data-table="{escape(table)}" hidden><label>Filter <input type="search"></label>{boxes}'
        '<output class="dim" aria-live="polite"></output></form>'
    )


@cache
def _asset(name: str) -> str:
    return (files("pushproof.report") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _template() -> Template:
    require("report", "a page of a record")
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pushproof.report", package_path=""),
        autoescape=True,
        finalize=harmless,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, lines=_lines, first_lines=_first_lines, anchor=_anchor, tail=_tail)
    environment.tests["failed_task"] = failed
    return environment.get_template(_TEMPLATE)


def _lines(text: str, most: int) -> list[str]:
    """Return a text broken into two lines at most, for where nothing wraps by itself."""
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    cut = [line if len(line) <= most + 3 else f"{line[:most]}…" for line in lines]
    return cut if len(cut) <= 2 else [cut[0], f"{cut[1]}…"]


def _first_lines(text: Any, most: int = 600) -> str:
    text = str(text)
    return text if len(text) <= most else f"{text[:most]} …"


def _anchor(text: Any) -> str:
    """Return a text as an id: whatever else a name holds, it is one word."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", str(text))


def _tail(arn: Any) -> str:
    return str(arn).rsplit("/", 1)[-1].rpartition(":")[2]
