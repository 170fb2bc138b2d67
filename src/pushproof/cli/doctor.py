"""`pushproof doctor`."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from pushproof.cli.outcome import OK, UNAVAILABLE, console
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
