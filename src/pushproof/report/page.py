"""The timeline of a drill as one HTML file: steps as bars, claims, moments, and the requests as they were answered.

The template is `drill.html.jinja`. Whatever comes from outside (commit messages, build logs, events) is text there: markup is
escaped, and characters that would steer a terminal or turn the direction of writing are shown by their code points.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pushproof.drill.context import Result
from pushproof.drill.narration import Narrator
from pushproof.drill.prober import ProbeReport

_TEMPLATE = "drill.html.jinja"
_PALETTE = 4
# ECMA-48: control sequences (colours, cursor), and strings such as window titles and links.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    # A string without its end hides nothing: only its beginning goes.
    r"|\x1b[ -/]*[0-~]"
)
_KEPT = "\n\t"


@dataclass(frozen=True, slots=True)
class Bar:
    """A step over time: where it begins and how long it is, in percent of the whole drill."""

    letter: str
    title: str
    left: float
    width: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Answers of one kind within one second: a rectangle in a drawing that is 1000 wide and 100 high."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Share:
    """A commit's answers in all, and its colour."""

    commit: str
    count: int
    colour: str


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests during a step, second by second."""

    letter: str
    sent: int
    failed: int
    blocks: tuple[Block, ...]
    shares: tuple[Share, ...]


def write_report(path: Path, narrator: Narrator, result: Result) -> None:
    """Write the report; directories are made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(narrator, result), encoding="utf-8")


def render(narrator: Narrator, result: Result) -> str:
    """Return the whole page."""
    return _template().render(
        verdict=verdict(result),
        passed=result.passed,
        steps=narrator.steps,
        moments=sorted(narrator.moments, key=lambda moment: moment.at),
        speed=narrator.speed,
        bars=list(_bars(narrator)),
        end=_end(narrator),
        probes=[_requests(letter, report) for letter, report in sorted(result.probes.items()) if report.answers],
    )


def verdict(result: Result) -> str:
    """Return the page's heading: what is proven, and what was left out."""
    if not result.passed:
        return "Not proven"
    if result.skipped:
        return f"Shown, but for what was left out: {', '.join(result.skipped)}"
    return "A push deploys, a bad push rolls back"


def harmless(value: Any) -> Any:
    """Return a text without terminal sequences, and with control and direction characters shown by their code points."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "".join(map(_shown, _ANSI.sub("", value)))


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, with hours where there are any."""
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pushproof.report", package_path=""),
        autoescape=True,
        finalize=harmless,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    return environment.get_template(_TEMPLATE)


def _shown(character: str) -> str:
    """Return a character, or its code point where it is a control, a format or no character at all."""
    # Cc: controls. Cf: marks that turn the direction of writing, or that nobody sees. Cs, Co, Cn: nothing that a font has.
    if character in _KEPT or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return character
    return f"[U+{ord(character):04X}]"


def _end(narrator: Narrator) -> float:
    return max((step.ended or step.started for step in narrator.steps), default=1.0) or 1.0


def _bars(narrator: Narrator) -> Iterator[Bar]:
    end = _end(narrator)
    for step in narrator.steps:
        left, width = 100 * step.started / end, 100 * step.seconds / end
        # A bar that nobody sees is none; one at the very end stays within the drawing.
        width = max(width, 0.4)
        yield Bar(step.letter, step.title, min(left, 100 - width), width, step.failed)


def _requests(letter: str, report: ProbeReport) -> Requests:
    """Return who answered, second by second, for a prober."""
    first = report.answers[0].at
    colours = {commit: f"commit-{index % _PALETTE}" for index, commit in enumerate(sorted(report.commits))}
    seconds: dict[int, Counter[str]] = {}
    for answer in report.answers:
        colour = colours.get(answer.commit or "", "failed") if answer.good else "failed"
        seconds.setdefault(int(answer.at - first), Counter())[colour] += 1
    tallest = max(tally.total() for tally in seconds.values())
    width = 1000 / (max(seconds) + 1)
    blocks = []
    for second, tally in sorted(seconds.items()):
        top = 100.0
        for colour, count in sorted(tally.items()):
            height = count / tallest * 96
            top -= height
            blocks.append(Block(second * width, top, max(1.0, width - 1), height, colour))
    shares = tuple(Share(commit, report.commits[commit], colour) for commit, colour in colours.items())
    return Requests(letter, report.sent, len(report.failed), tuple(blocks), shares)
