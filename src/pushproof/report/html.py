"""The timeline of a drill as one HTML file: steps as bars, what happened in each, requests as they were answered."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --dim: #68707a; --line: #d9dde2; --good: #18794e; --bad: #cd2b31; --paper: #fff; --bar: #3e63dd; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --dim: #9ba1a6; --line: #363a3f; --paper: #111113; --good: #3dd68c; --bad: #ff6369; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .2rem .6rem .2rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td.time { color: var(--dim); font-variant-numeric: tabular-nums; white-space: nowrap; text-align: right; }
.good { color: var(--good); } .bad { color: var(--bad); } .kind { color: var(--dim); }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .dim { fill: var(--dim); }
"""


def write_report(path: Path, narrator: Any, result: Any, *, passed: bool) -> None:
    """Write the report; directories are made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(narrator, result, passed=passed), encoding="utf-8")


def render(narrator: Any, result: Any, *, passed: bool) -> str:
    """The whole page. `narrator` has steps and moments, `result` the probes."""
    verdict = "A push deploys, a bad push rolls back" if passed else "Not proven"
    mark = "good" if passed else "bad"
    rows = "".join(
        f"<tr><td class=time>{_clock(m.at)}</td><td class=time>{_clock(m.at * narrator.speed)}</td>"
        f"<td class=kind>{html.escape(m.kind)}</td><td>{html.escape(m.text)}</td></tr>"
        for m in sorted(narrator.moments, key=lambda m: m.at)
    )
    claims = "".join(
        f"<tr><td class={'bad' if s.failed else 'good'}>({s.letter})</td><td>{html.escape(s.title)}"
        + "".join(f"<br><span class=kind>✓ {html.escape(c)}</span>" for c in s.claims)
        + f"</td><td class=time>{s.seconds:.1f} s</td><td class=time>{_clock(s.seconds * narrator.speed)}</td></tr>"
        for s in narrator.steps
    )
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Pushproof: {verdict}</title><style>{_STYLE}</style></head><body>"
        f"<h1 class={mark}>{verdict}</h1>{_bars(narrator)}{_probes(result)}"
        f"<h2>What was shown</h2><table><tr><th></th><th></th><th>real</th><th>AWS</th></tr>{claims}</table>"
        f"<h2>Timeline</h2><table><tr><th>real</th><th>AWS</th><th></th><th></th></tr>{rows}</table></body></html>\n"
    )


def _bars(narrator: Any) -> str:
    """Steps over time, one bar each."""
    end = max((s.ended or s.started for s in narrator.steps), default=1.0) or 1.0
    width, height = 1000, 26 * len(narrator.steps) + 24
    bars = []
    for row, step in enumerate(narrator.steps):
        x, w = 320 + step.started / end * 660, max(2.0, step.seconds / end * 660)
        colour = "var(--bad)" if step.failed else "var(--bar)"
        y = 26 * row + 4
        bars.append(
            f"<text x=0 y={y + 14}>({step.letter}) {html.escape(step.title[:46])}</text>"
            f"<rect x={x:.1f} y={y} width={w:.1f} height=18 rx=3 fill='{colour}'/>"
        )
    axis = f"<text class=dim x=320 y={height - 4}>0 s</text><text class=dim x=980 y={height - 4} text-anchor=end>{end:.0f} s</text>"
    return f"<svg viewBox='0 0 {width} {height}' role=img aria-label='Steps over time'>{''.join(bars)}{axis}</svg>"


def _probes(result: Any) -> str:
    """Draw the commit that answered, second by second, for each prober."""
    parts = []
    for letter, report in sorted((result.probes or {}).items()):
        if not report.answers:
            continue
        first, last = report.answers[0].at, max(report.answers[-1].at, report.answers[0].at + 1)
        commits = sorted(report.commits)
        colours = ["#3e63dd", "#f76b15", "#8e4ec6", "#30a46c"]
        seconds: dict[int, dict[str, int]] = {}
        for answer in report.answers:
            key = answer.commit if answer.good and answer.commit else "failed"
            bucket = seconds.setdefault(int(answer.at - first), {})
            bucket[key] = bucket.get(key, 0) + 1
        top = max(sum(bucket.values()) for bucket in seconds.values())
        step = 1000 / (int(last - first) + 1)
        rects = []
        for second, bucket in sorted(seconds.items()):
            y = 100.0
            for key, count in sorted(bucket.items()):
                h = count / top * 90
                y -= h
                colour = "var(--bad)" if key == "failed" else colours[commits.index(key) % len(colours)]
                rects.append(
                    f"<rect x={second * step:.1f} y={y:.1f} width={max(1.0, step - 1):.1f} height={h:.1f} fill='{colour}'/>"
                )
        legend = " ".join(
            f"<span style='color:{colours[i % len(colours)]}'>■</span> {c[:7]} ({report.commits[c]})"
            for i, c in enumerate(commits)
        )
        parts.append(
            f"<h2>Requests during ({letter}): {report.sent} sent, {len(report.failed)} failed</h2>"
            f"<svg viewBox='0 0 1000 104' role=img aria-label='Answers per second by commit'>{''.join(rects)}</svg><p>{legend}</p>"
        )
    return "".join(parts)


def _clock(seconds: float) -> str:
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"
