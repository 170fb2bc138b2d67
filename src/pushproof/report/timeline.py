"""The timeline of a record as shapes: lanes from left to right, drawn by the template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pushproof.record.cause import clock
from pushproof.record.model import Counts, Deployment, Execution, Record, Requests, Task

_T = TypeVar("_T")

#: The drawing's width, and the part of it in which time runs.
WIDTH, LEFT, RIGHT = 1200.0, 176.0, 1184.0
#: More tasks than these are drawn as one shape for each state: a thousand links make the page heavy, and no keyboard gets through.
SINGLE = 80
#: Colours of commits: as many as can be told apart.
PALETTE = 6
_BAR, _GAP = 16.0, 5.0
_LOWEST_COUNTS, _REQUESTS = 70.0, 80.0
_GOOD = frozenset({"Succeeded", "SUCCEEDED", "SUCCESSFUL"})
_BAD = frozenset({"Failed", "FAILED", "FAULT", "TIMED_OUT", "STOPPED", "Stopped", "Abandoned"})


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its place, its class, its tooltip, the text on it, and the anchor it leads to."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str
    label: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """Many equal shapes as one."""

    kind: str
    d: str


@dataclass(slots=True)
class Lane:
    """A lane: its title, where it begins and how high it is, and what is in it."""

    title: str
    y: float
    height: float
    bars: list[Bar] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    notes: list[tuple[float, float, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that matters: a line across every lane, with words at its top."""

    x: float
    label: str
    title: str
    kind: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole timeline."""

    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    top: float


class _Scale:
    """Turns seconds into the drawing's coordinates."""

    def __init__(self, end: float) -> None:
        self.end = max(end, 1.0)

    def x(self, at: float) -> float:
        return LEFT + (RIGHT - LEFT) * min(max(at / self.end, 0.0), 1.0)

    def span(self, started: float, ended: float, least: float = 2.0) -> tuple[float, float]:
        """Return where a bar begins and how wide it is; one that nobody sees is none, and none leaves the drawing."""
        width = max(self.x(ended) - self.x(started), least)
        return min(self.x(started), RIGHT - width), width


def colours(record: Record) -> dict[str, str]:
    """Return the class of each commit's colour, in the order in which commits came."""
    commits = [e.commit for e in record.executions if e.commit]
    commits += sorted(commit for requests in record.requests for commit in requests.commits)
    return {commit: f"commit-{index % PALETTE}" for index, commit in enumerate(dict.fromkeys(commits))}


def draw(record: Record) -> Drawing:
    """Return the timeline of a record."""
    end = _end(record)
    scale = _Scale(end)
    marks = tuple(_marks(record, scale))
    top = 26.0 + 15.0 * len(marks)
    lanes: list[Lane] = []
    y = top + 6.0
    for lane in _lanes(record, scale, end):
        lane.y = y
        y += lane.height + 14.0
        lanes.append(lane)
    return Drawing(tuple(lanes), marks, tuple(_ticks(scale)), y + 4.0, top)


def _end(record: Record) -> float:
    ends = [step.ended for step in record.steps]
    ends += [e.ended or e.started or 0.0 for e in record.executions] + [
        t.stopped or t.started or 0.0 for t in record.tasks
    ]
    return max([record.run.seconds, *ends])


def _ticks(scale: _Scale) -> Iterator[tuple[float, str]]:
    step = next(
        s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600, 7200, 86400, 10**9) if scale.end / s <= 12
    )
    at = 0
    while at <= scale.end:
        yield scale.x(at), clock(at)
        at += step


def _lanes(record: Record, scale: _Scale, end: float) -> Iterator[Lane]:
    if record.steps:
        lane = Lane("Steps of the drill", 0, _BAR)
        for step in record.steps:
            x, width = scale.span(step.started, step.ended)
            title = f"({step.letter}) {step.title}: {step.seconds:.1f} s, {clock(step.aws_seconds)} of AWS time"
            lane.bars.append(
                Bar(x, 0, width, _BAR, "bad" if step.failed else "step", title, f"{step.letter}", f"step-{step.letter}")
            )
        yield lane
    if record.executions:
        yield _pipelines(record.executions, scale, end)
    if record.builds:
        yield _builds(record, scale, end)
    if record.deployments:
        yield _deployments(record.deployments, scale, end)
    if record.tasks:
        yield from _tasks(record, scale, end)
    if record.counts:
        yield _counts(record.counts, scale, end)
    for requests in record.requests:
        if requests.seconds:
            yield _requests(requests, scale, colours(record))


def _pipelines(executions: Sequence[Execution], scale: _Scale, end: float) -> Lane:
    lane = Lane("Pipeline", 0, 0)
    for row, packed in enumerate(_packed(executions, lambda e: (e.started or 0.0, e.ended or end))):
        for execution in packed:
            for action in execution.actions:
                x, width = scale.span(action.started or 0.0, action.ended if action.ended is not None else end)
                title = f"{execution.commit[:7] or execution.trigger} {action.stage}/{action.name}: {action.status}"
                title += f". {action.error}" if action.error else ""
                lane.bars.append(
                    Bar(
                        x,
                        row * (_BAR + _GAP),
                        width,
                        _BAR,
                        _status(action.status),
                        title,
                        action.stage,
                        f"execution-{execution.id}",
                    )
                )
        lane.height = (row + 1) * (_BAR + _GAP) - _GAP
    return lane


def _builds(record: Record, scale: _Scale, end: float) -> Lane:
    lane = Lane("Build phases", 0, _BAR)
    for build in record.builds:
        for phase in build.phases:
            if phase.started is None or phase.name == "COMPLETED":
                continue
            ended = phase.started + phase.seconds if phase.seconds is not None else end
            x, width = scale.span(phase.started, ended, 1.0)
            label = phase.name if phase.name in ("PRE_BUILD", "BUILD", "POST_BUILD") else ""
            title = f"build {build.id.rpartition(':')[2][:8]} of {build.commit[:7]}, {phase.name}: {phase.status}"
            lane.bars.append(Bar(x, 0, width, _BAR, _status(phase.status), title, label, f"build-{_anchor(build.id)}"))
    return lane


def _deployments(deployments: Sequence[Deployment], scale: _Scale, end: float) -> Lane:
    lane = Lane("Deployments", 0, _BAR)
    for row, several in enumerate(_packed(deployments, lambda d: (d.started or 0.0, d.ended or end))):
        for deployment in several:
            began = deployment.started or 0.0
            ended = deployment.ended if deployment.ended is not None else end
            kind = _status(deployment.status) if not deployment.status.startswith("ROLLBACK") else "bad"
            title = f"{deployment.task_definition or 'deployment'}: {deployment.status}. {deployment.reason}"
            x, width = scale.span(began, ended)
            label = deployment.task_definition.rpartition(":")[2]
            y, href = row * (_BAR + _GAP), f"deployment-{_anchor(deployment.arn)}"
            lane.bars.append(Bar(x, y, width, _BAR, kind, title, f":{label}" if label else "", href))
        lane.height = (row + 1) * (_BAR + _GAP) - _GAP
    return lane


def _tasks(record: Record, scale: _Scale, end: float) -> Iterator[Lane]:
    by_revision: dict[tuple[str, str, str], list[Task]] = {}
    for task in record.tasks:
        by_revision.setdefault((task.service, task.task_definition, task.commit), []).append(task)
    single = len(record.tasks) <= SINGLE
    height, gap = (8.0, 3.0) if single else (3.0, 1.0)
    for (_, definition, commit), tasks in by_revision.items():
        lane = Lane(f"Tasks of {definition}" + (f" ({commit[:7]})" if commit else ""), 0, height)
        shapes: dict[str, list[str]] = {}
        rows = 0
        for row, several in enumerate(
            _packed(tasks, lambda t: (t.created or 0.0, t.stopped if t.stopped is not None else end))
        ):
            rows = row + 1
            for task in several:
                y = row * (height + gap)
                for started, ended, kind in _life(task, end):
                    x, width = scale.span(started, ended, 1.0)
                    if single:
                        title = f"task {task.id[:8]} in {task.zone}: {kind}. {task.stop_reason}".strip()
                        lane.bars.append(Bar(x, y, width, height, kind, title, "", f"task-{_anchor(task.id)}"))
                    else:
                        shapes.setdefault(kind, []).append(f"M{x:.1f} {y:.1f}h{width:.1f}v{height:g}h-{width:.1f}z")
                if single and failed(task):
                    lane.notes.append((scale.x(task.stopped or end) + 2, y + height - 0.5, "✗"))
        lane.paths = [Path(kind, "".join(parts)) for kind, parts in sorted(shapes.items())]
        lane.height = max(rows * (height + gap) - gap, _BAR)
        yield lane


def failed(task: Task) -> bool:
    """Return whether a task stopped by itself, or because it was not healthy."""
    return bool(task.stopped is not None and task.stop_reason and not task.stop_reason.startswith("Scaling activity"))


def _life(task: Task, end: float) -> Iterator[tuple[float, float, str]]:
    """Yield the spans of a task's life: waiting, running, healthy, unhealthy, stopping."""
    last = task.stopped if task.stopped is not None else end
    changes: list[tuple[float, str]] = [(task.created or 0.0, "waiting")]
    if task.started is not None:
        changes.append((task.started, "running"))
    for state in task.states:
        if state.status == "RUNNING" and state.health in ("HEALTHY", "UNHEALTHY"):
            changes.append((state.at, state.health.lower()))
        elif state.status in ("DEACTIVATING", "STOPPING", "DEPROVISIONING"):
            changes.append((state.at, "stopping"))
    changes.sort()
    for (at, kind), (until, _) in zip(changes, [*changes[1:], (last, "")], strict=True):
        if min(until, last) > at:
            yield at, min(until, last), kind


def _counts(counts: Sequence[Counts], scale: _Scale, end: float) -> Lane:
    lane = Lane("Healthy targets, running, desired", 0, _LOWEST_COUNTS)
    most = max(1, *(max(c.desired, c.running, c.healthy) for c in counts))
    for name in ("desired", "running", "healthy"):
        parts: list[str] = []
        for index, entry in enumerate(counts):
            y = _LOWEST_COUNTS * (1 - getattr(entry, name) / most)
            until = counts[index + 1].at if index + 1 < len(counts) else end
            parts.append(f"{'M' if not parts else 'L'}{scale.x(entry.at):.1f} {y:.1f}H{scale.x(until):.1f}")
        lane.paths.append(Path(f"line {name}", "".join(parts)))
    lane.notes += [(LEFT - 6, 8.0, str(most)), (LEFT - 6, _LOWEST_COUNTS, "0")]
    return lane


def _requests(requests: Requests, scale: _Scale, palette: dict[str, str]) -> Lane:
    lane = Lane(f"Requests per second ({requests.step})", 0, _REQUESTS)
    most = max(1, *(sum(s.answers.values()) + s.failed for s in requests.seconds))
    shapes: dict[str, list[str]] = {}
    for second in requests.seconds:
        x, width = scale.span(second.at, second.at + 1.0, 1.0)
        top = _REQUESTS
        for kind, count in [
            *((palette.get(c, "unknown"), n) for c, n in sorted(second.answers.items())),
            ("bad", second.failed),
        ]:
            height = _REQUESTS * count / most
            if count:
                top -= height
                shapes.setdefault(kind, []).append(f"M{x:.1f} {top:.1f}h{width:.1f}v{height:.1f}h-{width:.1f}z")
    lane.paths = [Path(kind, "".join(parts)) for kind, parts in sorted(shapes.items())]
    lane.notes += [(LEFT - 6, 8.0, str(most)), (LEFT - 6, _REQUESTS, "0")]
    return lane


def _marks(record: Record, scale: _Scale) -> Iterator[Mark]:
    for deployment in record.deployments:
        if deployment.rollback_started is not None and (
            deployment.breaker is None or deployment.breaker.status == "TRIGGERED"
        ):
            breaker = deployment.breaker
            counted = f", {breaker.failures} of {breaker.threshold} tasks failed" if breaker is not None else ""
            yield Mark(
                scale.x(deployment.rollback_started),
                f"rolled back{counted}",
                deployment.rollback_reason,
                "bad",
                f"deployment-{_anchor(deployment.arn)}",
            )


def _packed(items: Iterable[_T], span: Callable[[_T], tuple[float, float]]) -> list[list[_T]]:
    """Return the items in as few rows as they need, none over another."""
    rows: list[list[_T]] = []
    ends: list[float] = []
    for item in sorted(items, key=span):
        started, ended = span(item)
        row = next((index for index, taken in enumerate(ends) if taken <= started), None)
        if row is None:
            rows.append([])
            ends.append(0.0)
            row = len(rows) - 1
        rows[row].append(item)
        ends[row] = ended + 0.2
    return rows


def _status(status: str) -> str:
    return "good" if status in _GOOD else "bad" if status in _BAD else "going"


def _anchor(text: str) -> str:
    return text.rsplit("/", 1)[-1].rpartition(":")[2]
