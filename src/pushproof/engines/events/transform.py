"""Input transformers: the text that a target receives instead of the event.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pushproof.engines.events.document import JsonError, read_json, shown_place
from pushproof.engines.events.errors import InvalidTarget
from pushproof.engines.events.paths import MISSING, JsonPath, compile_path

#: "You can define up to 100 variables."
MAXIMUM_VARIABLES = 100

_WHOLE_EVENT = "aws.events.event.json"

PREDEFINED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        _WHOLE_EVENT,
    }
)

#: The members of aws.events.event, which is the event without its detail.
_EVENT_MEMBERS = ("id", "account", "detail-type", "time", "source", "region", "resources", "version")

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")


class NoResult(ValueError):
    """A template whose result is not the JSON it must be: EventBridge delivers nothing."""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """The predefined variables of a delivery: the rule, and when the event came in (ISO 8601)."""

    arn: str = ""
    name: str = ""
    ingestion_time: str = ""


@dataclass(frozen=True, slots=True)
class InputTransformer:
    """A compiled transformer: literal pieces and placeholders, each with a flag for being within a JSON string.

    `is_json` is whether the template is a JSON object, whose result must be JSON again; others are text.
    """

    paths: Mapping[str, JsonPath]
    pieces: tuple[str | tuple[str, bool], ...] = field(default=())
    is_json: bool = False

    def apply(self, event: Mapping[str, Any], rule: RuleFacts | None = None) -> str:
        """The text that the target receives. Raises NoResult.

        Within a JSON string a value is inserted as it is; in text, objects and arrays lose their quotes there. Elsewhere
        every value is JSON. A path that finds nothing leaves an empty string.
        """
        facts = rule or RuleFacts()
        text = "".join(piece if isinstance(piece, str) else self._value(*piece, event, facts) for piece in self.pieces)
        if self.is_json:
            try:
                json.loads(text)
            except (ValueError, RecursionError) as error:
                raise NoResult(f"the transformed input is not JSON: {error}") from None
        return text

    def _value(self, name: str, quoted: bool, event: Mapping[str, Any], rule: RuleFacts) -> str:
        value = self._find(name, event, rule)
        if value is MISSING:
            return "" if quoted else '""'
        if not quoted:
            return _json(value)
        if isinstance(value, str):
            return value
        return _json(value) if self.is_json else _json(value).replace('"', "")

    def _find(self, name: str, event: Mapping[str, Any], rule: RuleFacts) -> Any:
        predefined: dict[str, Any] = {
            "aws.events.rule-arn": rule.arn,
            "aws.events.rule-name": rule.name,
            "aws.events.event.ingestion-time": rule.ingestion_time,
        }
        if name in predefined:
            return predefined[name]
        if name == _WHOLE_EVENT:
            return dict(event)
        if name == "aws.events.event":
            return {member.replace("-t", "T"): event[member] for member in _EVENT_MEMBERS if member in event}
        return self.paths[name].find(event)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def compile_transformer(paths: Mapping[str, str], template: str) -> InputTransformer:
    """Compile InputPathsMap and InputTemplate. Raises InvalidTarget in the order EventBridge refuses them."""
    if len(paths) > MAXIMUM_VARIABLES:
        raise InvalidTarget(f"InputPathsMap for target {{target}} has more than {MAXIMUM_VARIABLES} entries.")
    compiled: dict[str, JsonPath] = {}
    for name, path in paths.items():
        if not _NAME.fullmatch(name):
            raise InvalidTarget(f"InputPathsMap key {name} for target {{target}} is invalid.")
        compiled[name] = compile_input_path(path)
    if not template:
        raise InvalidTarget("InputTemplate for target {target} is empty.")
    is_json = template.lstrip().startswith("{")
    for match in _PLACEHOLDER.finditer(template):
        if match[1] not in compiled and match[1] not in PREDEFINED:
            raise InvalidTarget(
                f"InputTemplate for target {{target}} contains invalid placeholder {match[1]}.", match.start(), template
            )
        if match[1] == _WHOLE_EVENT and not is_json:
            raise InvalidTarget(
                f"InputTemplate for target {{target}} contains placeholder {_WHOLE_EVENT} valid only for JSON template.",
                match.start(),
                template,
            )
    return InputTransformer(compiled, _split(template), is_json)


def compile_input_path(path: str) -> JsonPath:
    """Compile an InputPath, or a value of InputPathsMap. Raises InvalidTarget."""
    try:
        return compile_path(path)
    except JsonError as error:
        raise InvalidTarget("InputPath for target {target} is invalid.", error.at, path) from None


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
    """Return whether a JSON string is open after `text`; `inside` says whether one was open before it."""
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
    raise InvalidTarget(
        f"Invalid InputTemplate for target {{target}} : {problem.reason} {shown_place(template, problem.at)}",
        problem.at,
        template,
    )
