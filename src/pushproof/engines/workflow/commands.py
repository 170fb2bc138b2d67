"""Ways in which steps speak to the runner: environment files, and commands in what they print.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pushproof.engines.workflow.errors import WorkflowError

_COMMAND = re.compile(r"::(?P<name>[\w-]+)(?: (?P<properties>[^:]*(?::(?!:)[^:]*)*))?::(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a step printed: `::error::text`, `::add-mask::text`."""

    name: str
    value: str


def assignments(text: str, file: str) -> dict[str, str]:
    """Return the names and values of an environment file. Raises WorkflowError for a line that assigns nothing."""
    out: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line:
            continue
        # The sign that comes first decides: a value may contain the other.
        equals, here = line.find("="), line.find("<<")
        if here >= 0 and (equals < 0 or here < equals):
            name, _, delimiter = line.partition("<<")
            out[name.strip()] = "\n".join(_until(lines, delimiter, file))
        elif equals > 0:
            out[line[:equals]] = line[equals + 1 :]
        else:
            raise WorkflowError(f"Unable to process file command {file!r}: Invalid format {line!r}")
    return out


def _until(lines: Iterator[str], delimiter: str, file: str) -> Iterator[str]:
    for line in lines:
        if line == delimiter:
            return
        yield line
    raise WorkflowError(f"Invalid value in {file!r}: Matching delimiter not found {delimiter!r}")


def command_of(line: str) -> Command | None:
    """Return the command that a printed line is; None for any other line."""
    match = _COMMAND.fullmatch(line.strip())
    if match is None:
        return None
    value = match["value"].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    return Command(match["name"].lower(), value)
