"""`pushproof iam suggest`: policies that grant what a recorded run used."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pushproof.cli.evidence import echo, found, loaded
from pushproof.cli.outcome import OK, finish

if TYPE_CHECKING:
    from pushproof.record.suggesting import Suggestion

iam = typer.Typer(help="Roles of a recorded run: granted, used, refused.", no_args_is_help=True, rich_markup_mode=None)


class SuggestionFormat(StrEnum):
    """The formats that suggestions are shown in."""

    TEXT = "text"
    JSON = "json"
    HCL = "hcl"


@iam.callback()
def _roles() -> None:
    """Roles of a recorded run: granted, used, refused."""


@iam.command("suggest")
def suggest(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="a record, a directory with one, or a run's id; the latest without"),
    ] = None,
    form: Annotated[SuggestionFormat, typer.Option("--format", help="what to print")] = SuggestionFormat.TEXT,
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="NAME", help="this role only; may be repeated")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="of a run that failed too: what it did not come to is not in it")
    ] = False,
) -> None:
    """Suggest, for each role, a policy that grants what a run used; what could go, and what would allow what was refused."""
    finish(lambda: print_suggestions(run, form, role or [], partial=partial))


def print_suggestions(run: str | None, form: SuggestionFormat, names: list[str], *, partial: bool) -> int:
    """Print suggestions; returns the exit code. Raises BadInput."""
    from pushproof.drill.settings import BadInput
    from pushproof.record.suggesting import hcl
    from pushproof.record.suggesting import suggest as suggestions_of

    path = found(run)
    record = loaded(path)
    if not record.verdict.passed and not partial:
        raise BadInput(
            f"{path} is of a run that failed: what it did not come to, it did not use. "
            "Take a run that passed, or add --partial to see what this one used and was refused"
        )
    suggestions = suggestions_of(record)
    if not suggestions:
        raise BadInput(f"{path} has no role whose calls were seen. Record a drill on the target embedded")
    known = {suggestion.role for suggestion in suggestions}
    if strange := sorted(set(names) - known):
        raise BadInput(f"--role {strange[0]} is no role of this run; its roles: {', '.join(sorted(known))}")
    chosen = [suggestion for suggestion in suggestions if not names or suggestion.role in names]
    if form is SuggestionFormat.JSON:
        echo(json.dumps([suggestion.plain() for suggestion in chosen], indent=2))
    elif form is SuggestionFormat.HCL:
        echo(hcl(chosen))
    else:
        echo("\n".join(line for suggestion in chosen for line in _lines(suggestion)))
    return OK


def _lines(suggestion: Suggestion) -> Iterator[str]:
    from pushproof.report.harmless import one_line

    yield one_line(suggestion.role)
    for statement in suggestion.statements:
        yield f"  {statement.effect.lower()} {one_line(', '.join(statement.actions))}"
        yield from (f"    on {one_line(resource)}" for resource in statement.resources)
    if suggestion.unused:
        yield from textwrap.wrap(
            f"not used, could go: {one_line(', '.join(suggestion.unused))}",
            78,
            initial_indent="  ",
            subsequent_indent="    ",
        )
    for use in suggestion.refused:
        yield f"  refused {use.count} times: {one_line(use.action)} on {one_line(use.resource)}"
    for missing in suggestion.missing:
        yield f"  this would allow it: {json.dumps(missing.as_document())}"
    yield ""
