"""The drill's progress and timeline, readable on a terminal and in a CI log alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Moment:
    """An event, at so many real seconds since the drill began."""

    at: float
    kind: str
    text: str


@dataclass(slots=True)
class Step:
    """A step of the drill: its letter, title, real start and end (seconds since the drill began), and what it showed."""

    letter: str
    title: str
    started: float
    ended: float | None = None
    failed: bool = False
    claims: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return (self.ended or self.started) - self.started


class Narrator:
    """Prints progress, collects steps and moments. `speed` turns real seconds into AWS seconds."""

    def __init__(self, console: Console | None = None, *, speed: float = 1.0) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True, emoji=False)
        self.speed = speed
        self.steps: list[Step] = []
        self.moments: list[Moment] = []
        #: Called with each step when it has ended, however it did.
        self.listeners: list[Callable[[Step], None]] = []
        self._start = time.monotonic()
        self._guard = threading.Lock()
        self._last_line = ""

    def now(self) -> float:
        return time.monotonic() - self._start

    def at(self, epoch: float) -> float:
        """Return the seconds since the drill began, for a wall-clock instant."""
        return epoch - time.time() + self.now()

    @contextmanager
    def step(self, letter: str, title: str) -> Iterator[Step]:
        """Announce a step, time it, and say how it ended."""
        step = Step(letter, title, self.now())
        self.steps.append(step)
        self.console.print(f"[bold cyan]({letter})[/] [bold]{escape(title)}[/]")
        try:
            yield step
        except BaseException:
            step.failed = True
            step.ended = self.now()
            self.console.print(f"    [bold red]failed[/] after {self._span(step.seconds)}")
            self._announce(step)
            raise
        step.ended = self.now()
        self.console.print(f"    [green]done[/] in {self._span(step.seconds)}")
        self._announce(step)

    def _announce(self, step: Step) -> None:
        for listener in self.listeners:
            listener(step)

    def claim(self, text: str) -> None:
        """Print and keep something that the current step has shown."""
        if self.steps:
            self.steps[-1].claims.append(text)
        self.moment("shown", text, quiet=True)
        self.console.print(f"    [green]✓[/] {escape(text)}")

    def say(self, text: str) -> None:
        """Print a line of progress; a line that repeats the last one is left out."""
        with self._guard:
            if text == self._last_line:
                return
            self._last_line = text
        self.console.print(f"    [dim]{self._clock(self.now())}[/] {escape(text)}")

    def moment(self, kind: str, text: str, *, at: float | None = None, quiet: bool = False) -> None:
        """Put an event on the timeline, and print it unless `quiet`."""
        with self._guard:
            self.moments.append(Moment(self.now() if at is None else at, kind, text))
        if not quiet:
            self.say(text)

    def timeline(self) -> Table:
        """Return a table of every moment in order, in real and in AWS time."""
        table = Table(title="Timeline", title_justify="left", show_edge=False, pad_edge=False)
        table.add_column("real", justify="right")
        table.add_column("AWS", justify="right")
        table.add_column("what")
        table.add_column("")
        for moment in sorted(self.moments, key=lambda m: m.at):
            table.add_row(self._clock(moment.at), self._clock(moment.at * self.speed), moment.kind, escape(moment.text))
        return table

    def durations(self) -> Table:
        """Return a table of each step's duration."""
        table = Table(title="Steps", title_justify="left", show_edge=False, pad_edge=False)
        for heading in ("", "step", "real", "AWS", ""):
            table.add_column(heading, justify="right" if heading in ("real", "AWS") else "left")
        for step in self.steps:
            mark = "[red]failed[/]" if step.failed else "[green]shown[/]"
            table.add_row(
                f"({step.letter})",
                escape(step.title),
                f"{step.seconds:.1f} s",
                self._clock(step.seconds * self.speed),
                mark,
            )
        total = sum(step.seconds for step in self.steps)
        table.add_row("", "total", f"{total:.1f} s", "", "")
        return table

    def _span(self, seconds: float) -> str:
        return f"{seconds:.1f} s ({self._clock(seconds * self.speed)} of AWS time)"

    @staticmethod
    def _clock(seconds: float) -> str:
        whole = int(max(0.0, seconds))
        hours, rest = divmod(whole, 3600)
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"
