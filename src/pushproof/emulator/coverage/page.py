"""The page that shows the coverage: `docs/operations.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pushproof.emulator.coverage.errors import ListedError, errors
from pushproof.emulator.coverage.operations import Coverage, Operation, State, coverage
from pushproof.emulator.services import PLANE

_HEAD = """# Operations

AWS's models of the plane's services, operation by operation, and what an embedded world does with each.
`python scripts/operations.py` generates this page from the code; tests keep it current and compare it with a running world.
Programs get the same from `pushproof.emulator.coverage.operation("ecs", "CreateService").state`.

- **Emulated**: a method of the plane answers, and acts as AWS does; [limits.md](limits.md) says how far.
- **Stored only**: resources are kept and read back, usually by the substrate, and have no effect of their own. The plane
  reads some of them: roles and policies decide calls, networks decide what a task reaches, log groups and buckets receive data.
- **Refused**: 501, with the operation's name, whatever the request contains. Nothing changes.

Each emulated operation is listed with the *unread* members of its request: names that no code between the request and its effect
mentions, so that nothing can act on them. A structure represents everything in it. If the service stores the document around
such a member, the member is still read back. A member that is not listed is mentioned somewhere; it may still have fewer effects
than on AWS.
"""


_ERRORS = """## Errors

Errors that AWS's models list for the emulated operations of a service, and whether the code that handles the service contains
them. An error that it contains is raised in the known cases ([refusals.md](refusals.md) lists many); any other is
never answered. AWS's own failures (5xx) are left out, and so are services whose models list no errors.
"""


def page() -> str:
    """Return the whole page."""
    everything = [coverage(service) for service in PLANE]
    parts = [_HEAD, _summary(everything)]
    parts += [section for each in everything for section in _section(each)]
    parts += [_ERRORS, _errors(each.service for each in everything)]
    return "\n".join(parts).rstrip() + "\n"


def _summary(everything: list[Coverage]) -> str:
    rows = [
        "| Service | Emulated | Stored only | Refused | Members of emulated requests | Unread |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    rows += [_row(f"[{each.service}](#{each.service})", [each]) for each in everything]
    rows.append(_row("all", everything))
    return "\n".join(rows) + "\n"


def _row(name: str, services: list[Coverage]) -> str:
    operations = [operation for each in services for operation in each.operations]
    states = [sum(operation.state is state for operation in operations) for state in State]
    counts = [*states, sum(o.members for o in operations), sum(len(o.unread) for o in operations)]
    return f"| {name} | {' | '.join(map(str, counts))} |"


def _section(each: Coverage) -> Iterator[str]:
    yield f"## {each.service}\n"
    emulated = each.of(State.EMULATED)
    partly = [operation for operation in emulated if operation.unread]
    if partly:
        yield "| Emulated | Unread members |\n|---|---|\n" + "".join(map(_line, partly))
    yield from _names(
        "Emulated, with no unread members" if partly else "Emulated", (o for o in emulated if not o.unread)
    )
    yield from _names("Stored only", each.of(State.STORED))
    yield from _names("Refused", each.of(State.REFUSED))


def _errors(services: Iterable[str]) -> str:
    rows = ["| Service | Listed | Raised | Never raised |", "|---|--:|--:|---|"]
    listed_in_all = raised_in_all = 0
    for service in services:
        listed = [error for error in errors(service) if not error.own_fault]
        never = [f"`{error.code}` ({_in(error)})" for error in listed if not error.raised]
        listed_in_all += len(listed)
        raised_in_all += len(listed) - len(never)
        if listed:
            rows.append(f"| {service} | {len(listed)} | {len(listed) - len(never)} | {', '.join(never)} |")
    rows.append(f"| all | {listed_in_all} | {raised_in_all} | |")
    return "\n".join(rows) + "\n"


def _in(error: ListedError) -> str:
    """Return the operations of an error; their number if there are many."""
    return f"{len(error.operations)} operations" if len(error.operations) > 2 else ", ".join(error.operations)


def _line(operation: Operation) -> str:
    return f"| {operation.name} | {', '.join(f'`{text}`' for text in _gathered(operation.unread))} |\n"


def _names(title: str, operations: Iterable[Operation]) -> Iterator[str]:
    names = [operation.name for operation in operations]
    if names:
        yield f"{title} ({len(names)}): {', '.join(names)}.\n"


def _gathered(paths: tuple[str, ...]) -> list[str]:
    """Return members, with those of the same structure in one pair of braces: `linuxParameters.{swappiness, tmpfs}`."""
    by_parent: dict[str, list[str]] = {}
    for path in paths:
        parent, dot, name = path.rpartition(".")
        by_parent.setdefault(parent + dot, []).append(name)
    return [
        text
        for parent, names in by_parent.items()
        for text in ([f"{parent}{{{', '.join(names)}}}"] if parent and len(names) > 1 else [parent + n for n in names])
    ]
