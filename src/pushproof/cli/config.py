"""`pushproof config`."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from pushproof.cli.outcome import OK, console
from pushproof.drill.configured import read_around


def show_settings(*, explain: bool, schema: bool) -> int:
    """Print the repository's settings, with their meanings where that is asked for, or their JSON Schema."""
    from pushproof.config import explaining

    if schema:
        print(explaining.schema(), end="")
        return OK
    read = read_around(Path.cwd())
    place = str(read.file) if read.file is not None else "no pushproof.toml here: everything has its default"
    console.print(f"[bold]{escape(place)}[/]")
    for setting in explaining.explanations(read.settings):
        mark = "[green]set[/]    " if setting.set_here else "[dim]default[/]"
        console.print(f"{mark} {escape(f'{setting.name} = {setting.value}')}", soft_wrap=True)
        if explain:
            console.print(f"          [dim]{escape(setting.meaning)}[/]", soft_wrap=True)
    return OK
