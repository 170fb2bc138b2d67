"""Input transformers: what a target is given instead of the event.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pushproof.engines.events.document import JsonError, place, read_json
from pushproof.engines.events.errors import InvalidInputTransformer
from pushproof.engines.events.paths import MISSING, JsonPath, compile_path

#: "You can define up to 100 variables."
MAXIMUM_VARIABLES = 100

PREDEFINED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    }
)

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What the predefined variables tell: the rule, and when the event came in (ISO 8601)."""

    arn: str = ""
    name: str = ""
    ingestion_time: str = ""


@dataclass(frozen=True, slots=True)
class InputTransformer:
    """A compiled transformer: literal pieces and placeholders, each with whether it stands within a JSON string."""

    paths: Mapping[str, JsonPath]
    pieces: tuple[str | tuple[str, bool], ...] = field(default=())

    def apply(self, event: Mapping[str, Any], rule: RuleFacts | None = None) -> str:
        """The text that the target receives.

        Within a JSON string a value is inserted as it is (objects and arrays lose their quotes); elsewhere strings are
        quoted and everything else is JSON. A path that finds nothing leaves an empty string.
        """
        facts = rule or RuleFacts()
        return "".join(piece if isinstance(piece, str) else self._value(*piece, event, facts) for piece in self.pieces)

    def _value(self, name: str, quoted: bool, event: Mapping[str, Any], rule: RuleFacts) -> str:
        value = self._find(name, event, rule)
        if value is MISSING:
            return "" if quoted else '""'
        if not quoted:
            return _json(value)
        return value if isinstance(value, str) else _json(value).replace('"', "")

    def _find(self, name: str, event: Mapping[str, Any], rule: RuleFacts) -> Any:
        predefined: dict[str, Any] = {
            "aws.events.rule-arn": rule.arn,
            "aws.events.rule-name": rule.name,
            "aws.events.event.ingestion-time": rule.ingestion_time,
        }
        if name in predefined:
            return predefined[name]
        if name == "aws.events.event.json":
            return dict(event)
        if name == "aws.events.event":
            return {key: value for key, value in event.items() if key != "detail"}
        return self.paths[name].find(event) if name in self.paths else MISSING


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def compile_transformer(paths: Mapping[str, str], template: str) -> InputTransformer:
    """Compile InputPathsMap and InputTemplate. Raises InvalidInputTransformer with line and column of the template."""
    if len(paths) > MAXIMUM_VARIABLES:
        raise InvalidInputTransformer(f"InputPathsMap has {len(paths)} variables; the maximum is {MAXIMUM_VARIABLES}")
    compiled: dict[str, JsonPath] = {}
    for name, path in paths.items():
        if name in PREDEFINED or name.upper().startswith("AWS") or not _NAME.fullmatch(name):
            raise InvalidInputTransformer(
                f"InputPathsMap key {name} is not valid; expected letters, digits, dashes or underscores, not starting with AWS"
            )
        try:
            compiled[name] = compile_path(path)
        except JsonError as error:
            raise InvalidInputTransformer(
                f"InputPathsMap value of {name}: {error.reason}", 1, error.at + 1, path
            ) from None
    if not template:
        raise InvalidInputTransformer("InputTemplate is empty")
    return InputTransformer(compiled, _split(template))


def _split(template: str) -> tuple[str | tuple[str, bool], ...]:
    """Literals and placeholders. The template must be JSON values (one, or one a line) once the placeholders are filled."""
    pieces: list[str | tuple[str, bool]] = []
    stand_in: list[str] = []
    position = 0
    quoted = False
    for match in _PLACEHOLDER.finditer(template):
        literal = template[position : match.start()]
        quoted = _within_string(literal, quoted)
        width = match.end() - match.start()
        # As wide as the placeholder, so that the places of errors stay right.
        stand_in += [literal, "x" * width if quoted else "{}".ljust(width)]
        pieces += [literal, (match[1], quoted)]
        position = match.end()
    pieces.append(template[position:])
    _check_values("".join(stand_in) + template[position:], template)
    return tuple(piece for piece in pieces if piece != "")


def _within_string(text: str, inside: bool) -> bool:
    """Whether a JSON string is open after `text`, given whether one was before it."""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif inside and character == "\\":
            escaped = True
        elif character == '"':
            inside = not inside
    return inside


def _check_values(stand_in: str, template: str) -> None:
    try:
        read_json(stand_in)
        return
    except JsonError as error:
        problem = error
    lines = [line for line in stand_in.splitlines() if line.strip()]
    if len(lines) > 1:
        try:
            for line in lines:
                read_json(line)
            return
        except JsonError:
            pass
    line_number, column = place(template, problem.at)
    raise InvalidInputTransformer(problem.reason, line_number, column, template)
