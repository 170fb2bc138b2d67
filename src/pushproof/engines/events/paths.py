"""The part of JSONPath that EventBridge evaluates: names, array indices and wildcards. It refuses `['name']`.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pushproof.engines.events.document import JsonError

#: What a path finds when there is nothing at it.
MISSING: Any = object()

_STEP = re.compile(r"\.(?P<name>[A-Za-z0-9_/@:-]+|\*)|\[(?P<index>[0-9]{1,6}|\*)\]")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A compiled path: names, indices, or None for a wildcard."""

    text: str
    steps: tuple[str | int | None, ...]

    def find(self, document: Any) -> Any:
        """Return the value at a path: one, a list when the path has wildcards, or MISSING."""
        values = [document]
        for step in self.steps:
            values = [value for start in values for value in _follow(start, step)]
        if None in self.steps:
            return values or MISSING
        return values[0] if values else MISSING


def compile_path(text: str) -> JsonPath:
    """Compile a path such as `$.detail.resources[0].arn`. Raises JsonError at the first character that is no path."""
    if not text.startswith("$"):
        raise JsonError("A JSON path starts with $", 0)
    steps: list[str | int | None] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise JsonError("Expected .name, [index] or a wildcard", position)
        name, index = match["name"], match["index"]
        if name == "*" or index == "*":
            steps.append(None)
        else:
            steps.append(name if name is not None else int(index))
        position = match.end()
    return JsonPath(text, tuple(steps))


def _follow(start: Any, step: str | int | None) -> Iterator[Any]:
    if step is None:
        if isinstance(start, Mapping):
            yield from start.values()
        elif isinstance(start, list):
            yield from start
    elif isinstance(step, int):
        if isinstance(start, list) and step < len(start):
            yield start[step]
    elif isinstance(start, Mapping) and step in start:
        yield start[step]
