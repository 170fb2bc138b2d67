"""Edits of a buildspec's text: a command at the beginning of a phase, or at the end of the phase that writes a file.

The rest of the text stays as it is. Source: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

PHASES = ("install", "pre_build", "build", "post_build")


class NoPlace(Exception):
    """A buildspec has no place for a command; the message says why."""


def insert_first(text: str, command: str) -> str:
    """Return the buildspec with a command before the first one of its `build` phase, or of the first phase that there is.

    Raises NoPlace when it has no phase with a list of commands.
    """
    lists = dict(_command_lists(text))
    phase = next((name for name in ("build", *PHASES) if name in lists), None)
    if phase is None:
        raise NoPlace("the buildspec has no phase with commands in a list of its own lines")
    mark = lists[phase].start_mark
    return _inserted(text, mark.line, mark.column, command)


def append_after(text: str, mention: str, command: str) -> str:
    """Return the buildspec with a command after the last one of the phase that mentions a file, else of the last phase.

    Raises NoPlace when it has no phase with a list of commands.
    """
    lists = dict(_command_lists(text))
    if not lists:
        raise NoPlace("the buildspec has no phase with commands in a list of its own lines")
    mentioning = [n for n, node in lists.items() if any(mention in str(item.value) for item in node.value)]
    node = lists[(mentioning or list(lists))[-1]]
    last = node.value[-1]
    # A block scalar ends where the next token begins; the lines between belong to nobody.
    line = last.end_mark.line + (1 if last.end_mark.column else 0)
    return _inserted(text, line, node.start_mark.column, command)


def _inserted(text: str, line: int, column: int, command: str) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    indent = " " * column
    body = "".join(f"{indent}    {part}\n" for part in command.splitlines())
    return "".join([*lines[:line], f"{indent}- |\n{body}", *lines[line:]])


def _command_lists(text: str) -> Iterator[tuple[str, yaml.SequenceNode]]:
    """Yield the phases that have a block list of commands, in the order in which CodeBuild runs them."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise NoPlace(f"the buildspec is no YAML: {str(error).splitlines()[0]}") from error
    phases = _entries(_entries(root).get("phases"))
    for name in PHASES:
        commands = _entries(phases.get(name)).get("commands")
        if isinstance(commands, yaml.SequenceNode) and commands.value and not commands.flow_style:
            yield name, commands


def _entries(node: yaml.Node | None) -> dict[str, yaml.Node]:
    return {str(key.value): value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
