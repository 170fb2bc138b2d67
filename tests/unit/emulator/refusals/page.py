"""Writes `docs/refusals.md` from the rows: `python -m tests.unit.emulator.refusals.page`, at the repository's root."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.unit.emulator.refusals.rows import Refusal, Service

PAGE = Path("docs/refusals.md")
MODULES = ("ec2", "others", "delivery")

_HEAD = """# What AWS refuses

Calls that AWS refuses, and whether the emulated account refuses them too. Each row is a call that the tests make: "refused" means
that it is refused with that code and leaves no trace; "not yet" means that it is still accepted here. The rows are in
`tests/unit/emulator/refusals/`, and this page is made from them: `python -m tests.unit.emulator.refusals.page`.

Where a row names no source of its own, the service's list of errors says so.
"""


def services() -> list[Service]:
    """The services of the table, in the page's order."""
    modules = [importlib.import_module(f"tests.unit.emulator.refusals.{name}") for name in MODULES]
    return [service for module in modules for service in module.SERVICES]


def page() -> str:
    """The page's text."""
    parts = [_HEAD]
    table = services()
    rows = [row for service in table for row in service.rows]
    parts.append(f"{sum(row.yet for row in rows)} of {len(rows)} are refused.\n")
    for service in table:
        parts.append(f"## {service.title}\n\nErrors: <{service.source}>\n")
        parts.append(
            "| Operation | Refused when | Code | Here |\n|---|---|---|---|\n" + "".join(map(_line, service.rows))
        )
    return "\n".join(parts)


def _line(row: Refusal) -> str:
    when = row.when.replace("|", "\\|")
    if row.source:
        address, _, rest = row.source.partition(" ")
        when += f" ([source]({address}){' ' + rest if rest else ''})"
    return f"| {row.operation} | {when} | `{row.code}` | {'refused' if row.yet else 'not yet'} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
