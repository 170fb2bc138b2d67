"""Commands of pages and workflows, held against the command line without running them."""

from __future__ import annotations

import typer

from pushproof.cli.app import app


def parse_words(words: list[str]) -> None:
    """Parse a `pushproof …` command. Raises typer's usage error when the command line would refuse it."""
    group = typer.main.get_group(app)
    with group.make_context("pushproof", list(words), resilient_parsing=False) as context:
        rest = [*context._protected_args, *context.args]
        name, command, arguments = group.resolve_command(context, rest)
        assert command is not None
        command.make_context(name, arguments, parent=context).close()
