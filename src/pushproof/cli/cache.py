"""`pushproof cache`: the kept worlds of this user."""

from __future__ import annotations

import re
import time
from typing import Annotated

import typer
from rich.markup import escape

from pushproof.cli.outcome import OK, bad_input, console, finish

cache = typer.Typer(
    help="Kept worlds: what earlier runs have applied, for later ones to continue.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?", re.IGNORECASE)


@cache.command("list")
def list_worlds() -> None:
    """List the kept worlds: module, size, the seconds that each saves, and when it was used last."""
    finish(show)


@cache.command("prune")
def prune(
    size: Annotated[str | None, typer.Option(metavar="BYTES", help="keep at most this much, such as 500M [4G]")] = None,
    days: Annotated[
        float | None, typer.Option(metavar="DAYS", help="remove what was not used for so long [14]")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="remove all of it, with the key of its seals")] = False,
) -> None:
    """Remove kept worlds beyond a size or an age, and what killed runs have left."""
    finish(lambda: remove(size=size, days=days, everything=everything))


def show() -> int:
    """List the kept worlds."""
    from pushproof.targets.kept.store import KeptWorlds

    store = KeptWorlds()
    entries = store.entries()
    for entry in entries:
        about = entry.about
        age = _age(time.time() - entry.used_at)
        console.print(
            f"{about.key[:12]}  {_written(entry.size):>9}  saves {about.seconds:4.0f} s  used {age:>8} ago  "
            f"{escape(about.module)}",
        )
    total = sum(entry.size for entry in entries)
    console.print(f"{len(entries)} kept world(s), {_written(total)}, in {escape(str(store.directory))}")
    return OK


def remove(*, size: str | None, days: float | None, everything: bool) -> int:
    """Remove kept worlds."""
    from pushproof.targets.kept.store import LONGEST, MOST_BYTES, KeptWorlds

    most = MOST_BYTES
    if size is not None:
        match = _SIZE.fullmatch(size.strip())
        if match is None:
            return bad_input(f"--size {size!r} is no size; expected bytes, such as 500M or 2G")
        most = int(float(match[1]) * _SIZES[match[2].upper()])
    if days is not None and days < 0:
        return bad_input(f"--days {days:g} is negative; expected a number of days, such as 7")
    store = KeptWorlds()
    removed = store.prune(size=most, age=LONGEST if days is None else days * 86_400, everything=everything)
    for entry in removed:
        console.print(f"removed {entry.about.key[:12]} ({_written(entry.size)}, {escape(entry.about.module)})")
    console.print(f"{len(removed)} kept world(s) removed" if removed else "Nothing to remove.")
    return OK


def _written(size: int) -> str:
    for unit, factor in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _age(seconds: float) -> str:
    for unit, factor in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= factor:
            return f"{seconds / factor:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
