"""`pushproof doctor`."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from pushproof.cli.outcome import FAILED, OK, UNAVAILABLE, console
from pushproof.doctor import diagnose


def show_diagnoses(port: int) -> int:
    """Print a line for each thing that is needed; returns 3 when a necessary one is missing."""
    diagnoses = diagnose(port)
    table = Table(show_header=False, show_edge=False, pad_edge=False)
    for diagnosis in diagnoses:
        mark = "[green]✓[/]" if diagnosis.present else ("[red]✗[/]" if diagnosis.needed else "[yellow]![/]")
        table.add_row(mark, diagnosis.subject, escape(diagnosis.state))
        if not diagnosis.present and diagnosis.remedy:
            table.add_row("", "", f"[yellow]→ {escape(diagnosis.remedy)}[/]")
    console.print(table)
    missing = [d.subject for d in diagnoses if d.needed and not d.present]
    console.print(f"[red]missing: {', '.join(missing)}[/]" if missing else "[green]ready[/]")
    return UNAVAILABLE if missing else OK


def show_stack(root: Path, *, as_json: bool) -> int:
    """Print the coverage of a root module; returns 1 when a resource of it is refused."""
    from pushproof.emulator.coverage.resourcetypes import TypeState
    from pushproof.stack import coverage_of, sentences

    coverage = coverage_of(root)
    if as_json:
        console.print_json(data=coverage.as_dict())
    else:
        by_state = {state: coverage.of(state) for state in TypeState}
        for state in (TypeState.EMULATED, TypeState.STORED):
            names = dict.fromkeys(block.type_name for block in by_state[state])
            if names:
                console.print(f"{state}: {', '.join(names)}", markup=False)
        for sentence in sentences(coverage):
            console.print(sentence, markup=False)
        counts = ", ".join(f"{len(blocks)} {state}" for state, blocks in by_state.items() if blocks)
        console.print(counts or "no resources of the AWS provider", markup=False)
    return FAILED if coverage.of(TypeState.REFUSED) else OK
