"""`pushproof init`."""

from __future__ import annotations

from pathlib import Path

from pushproof.cli.outcome import OK, console
from pushproof.drill.badinput import BadInput
from pushproof.onboarding.files import files, unwritten
from pushproof.onboarding.survey import Survey, survey


def initialise(directory: Path, *, environment: str, dry_run: bool) -> int:
    """Write settings, a first suite and a workflow for a repository; what is there already stays. Raises BadInput."""
    seen = survey(directory)
    root = seen.choose(environment)
    if root is None:
        raise BadInput(_nothing(seen, directory, environment))
    for unread in seen.unreadable:
        console.print(f"{unread} has no block that can be read; `terraform validate` says why", markup=False)
    delivery = (
        "with a pipeline and a service"
        if root.delivers
        else "without a pipeline and a service: no drill yet, but tests"
    )
    console.print(f"environment {root.path}: {len(root.kinds)} types of resources, {delivery}", markup=False)
    others = [other.path for other in seen.roots if other is not root]
    if others:
        console.print(f"other root modules, for --environment: {', '.join(others)}", markup=False)
    for source in root.remote:
        console.print(f"module {source} is not in the repository: its resources are not seen here", markup=False)
    missing = unwritten(seen.directory, files(seen, root))
    if not missing:
        console.print("everything is there already; nothing is written", markup=False)
        return OK
    for name, text in missing.items():
        if dry_run:
            console.print(f"--- {name}", markup=False)
            console.print(text, markup=False, highlight=False, soft_wrap=True)
            continue
        path = seen.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        console.print(f"wrote {name}", markup=False)
    if not dry_run:
        console.print("Next: `pytest tests/pushproof`, then `pushproof drill --break all`", markup=False)
    return OK


def _nothing(seen: Survey, directory: Path, environment: str) -> str:
    listed = ", ".join(root.path for root in seen.roots)
    if environment:
        return f"--environment {environment} is no root module of {directory}; there are: {listed or 'none'}"
    unreadable = f" These cannot be read: {', '.join(seen.unreadable)}." if seen.unreadable else ""
    return f"{directory} has no root module that makes resources of AWS (*.tf).{unreadable} Run this where they are"
