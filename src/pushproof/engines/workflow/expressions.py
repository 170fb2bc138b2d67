"""GitHub's expressions: `${{ … }}`, and conditions.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pushproof.engines.workflow.errors import ExpressionError

Value = None | bool | float | str | Sequence["Value"] | Mapping[str, "Value"]
Function = Callable[[Sequence[Value]], Value]

_PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.S)
_STATUS = re.compile(r"\b(?:always|success|failure|cancelled)\s*\(", re.I)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[+-]?(?:0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))"
    r"|(?P<op>&&|\|\||==|!=|<=|>=|[!<>()\[\],.*])|(?P<name>[A-Za-z_][\w-]*))"
)
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")


@dataclass(frozen=True, slots=True)
class Scope:
    """The contexts and functions that an expression may name; names of contexts, members and functions have no case."""

    contexts: Mapping[str, Value]
    functions: Mapping[str, Function] = field(default_factory=dict)


def evaluate(expression: str, scope: Scope) -> Value:
    """Return the value of an expression without its braces. Raises ExpressionError."""
    return _Reader(expression, scope).whole()


def interpolate(text: str, scope: Scope) -> str:
    """Return a text with the values of its expressions. Raises ExpressionError."""
    return _PLACE.sub(lambda place: text_of(evaluate(place[1], scope)), text)


def holds(condition: str, scope: Scope, *, succeeded: bool) -> bool:
    """Return whether a step or job with this condition runs; without a function of the status, only after success.

    Raises ExpressionError.
    """
    bare = condition.strip()
    whole = _PLACE.fullmatch(bare)
    expression = whole[1] if whole else bare
    if not expression.strip():
        return succeeded
    value = truth(evaluate(expression, scope))
    return value if _STATUS.search(expression) else value and succeeded


def truth(value: Value) -> bool:
    """Return whether a value is truthy: false, 0, -0, "", null and NaN are not."""
    if isinstance(value, float):
        return value != 0 and not math.isnan(value)
    return value is not None and value is not False and value != ""


def text_of(value: Value) -> str:
    """Return a value as text takes it in."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, str):
        return value
    return "Object" if isinstance(value, Mapping) else "Array"


def value_of(plain: object) -> Value:
    """Return plain JSON as a value of expressions."""
    if isinstance(plain, bool) or plain is None or isinstance(plain, str):
        return plain
    if isinstance(plain, int | float):
        return float(plain)
    if isinstance(plain, Mapping):
        return {str(key): value_of(inner) for key, inner in plain.items()}
    if isinstance(plain, list | tuple):
        return [value_of(inner) for inner in plain]
    return str(plain)


def _plain(value: Value) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return value


def _number(value: Value) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        try:
            return float(int(value, 16)) if value.lower().startswith("0x") else float(value or "0")
        except ValueError:
            return math.nan
    return math.nan


def _compare(left: Value, operator: str, right: Value) -> bool:
    """Compare as GitHub does: texts without case, values of different kinds as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        one, other = left.casefold(), right.casefold()
        order = (one > other) - (one < other)
        return _ordered(order, operator)
    compound = [isinstance(value, Mapping | Sequence) and not isinstance(value, str) for value in (left, right)]
    if any(compound):
        same = left is right
        return same if operator == "==" else not same if operator == "!=" else False
    a, b = _number(left), _number(right)
    if math.isnan(a) or math.isnan(b):
        return operator == "!="
    return _ordered((a > b) - (a < b), operator)


def _ordered(order: int, operator: str) -> bool:
    """Return whether an operator holds for an order: -1 for less, 0 for equal, 1 for greater."""
    holding = {"==": (0,), "!=": (-1, 1), "<": (-1,), ">": (1,), "<=": (-1, 0), ">=": (0, 1)}
    return order in holding[operator]


class _Filtered(list[Value]):
    """The result of `.*`: members of each element are taken."""


class _Reader:
    """A recursive descent over one expression. Both sides of && and || are evaluated: expressions have no effects."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._scope = text.strip(), scope
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                raise ExpressionError(f"the expression {self._text!r} cannot be read from {self._text[at:]!r} on")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    def whole(self) -> Value:
        if not self._tokens:
            raise ExpressionError("an expression between ${{ and }} is empty")
        value = self._either()
        if self._tokens:
            raise ExpressionError(
                f"the expression {self._text!r} goes on with {self._tokens[0][1]!r}; expected its end"
            )
        return value

    def _either(self) -> Value:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value if truth(value) else other
        return value

    def _both(self) -> Value:
        value = self._compared()
        while self._take("&&"):
            other = self._compared()
            value = other if truth(value) else value
        return value

    def _compared(self) -> Value:
        value = self._unary()
        while self._tokens and self._tokens[0][0] == "op" and self._tokens[0][1] in _COMPARISONS:
            operator = self._tokens.pop(0)[1]
            value = _compare(value, operator, self._unary())
        return value

    def _unary(self) -> Value:
        if self._take("!"):
            return not truth(self._unary())
        return self._members(self._primary())

    def _primary(self) -> Value:
        if self._take("("):
            value = self._either()
            self._need(")")
            return value
        kind, word = self._tokens.pop(0) if self._tokens else ("end", "its end")
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(int(word, 16)) if "0x" in word else float(word)
        if kind != "name":
            raise ExpressionError(f"the expression {self._text!r} has {word!r} where a value is expected")
        if word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        if self._take("("):
            return self._called(word)
        known = {name.lower(): value for name, value in self._scope.contexts.items()}
        if word.lower() not in known:
            raise ExpressionError(f"{self._text!r}: there is no context {word}; there are {', '.join(sorted(known))}")
        return known[word.lower()]

    def _members(self, value: Value) -> Value:
        while True:
            if self._take("."):
                if self._take("*"):
                    value = _all_of(value)
                    continue
                kind, word = self._tokens.pop(0) if self._tokens else ("end", "")
                if kind != "name":
                    raise ExpressionError(f"the expression {self._text!r} has no name after a dot")
                value = _member(value, word)
            elif self._take("["):
                if self._take("*"):
                    value = _all_of(value)
                else:
                    value = _member(value, self._either())
                self._need("]")
            else:
                return value

    def _called(self, name: str) -> Value:
        arguments: list[Value] = []
        while not self._take(")"):
            if not self._tokens:
                raise ExpressionError(f"the expression {self._text!r} ends within {name}(")
            arguments.append(self._either())
            if not self._take(",") and (not self._tokens or self._tokens[0] != ("op", ")")):
                raise ExpressionError(f"the expression {self._text!r} has no comma between arguments of {name}")
        functions = {key.lower(): function for key, function in {**_FUNCTIONS, **self._scope.functions}.items()}
        if name.lower() not in functions:
            raise ExpressionError(
                f"{self._text!r}: there is no function {name}; there are {', '.join(sorted(functions))}"
            )
        try:
            return functions[name.lower()](arguments)
        except IndexError:
            raise ExpressionError(f"{self._text!r}: {name} has too few arguments") from None

    def _take(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == ("op", word):
            self._tokens.pop(0)
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise ExpressionError(f"the expression {self._text!r} lacks {word!r}")


def _all_of(value: Value) -> Value:
    if isinstance(value, Mapping):
        return _Filtered(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _Filtered(value)
    return _Filtered()


def _member(value: Value, key: Value) -> Value:
    """Return a member; null where there is none, as GitHub has it."""
    if isinstance(value, _Filtered):
        members = [_member(element, key) for element in value]
        return _Filtered(member for member in members if member is not None)
    if isinstance(value, Mapping):
        name = text_of(key).casefold()
        return next((inner for known, inner in value.items() if known.casefold() == name), None)
    if isinstance(value, Sequence) and not isinstance(value, str) and isinstance(key, float) and key.is_integer():
        return value[int(key)] if 0 <= key < len(value) else None
    return None


def _contains(arguments: Sequence[Value]) -> Value:
    where, what = arguments[0], arguments[1]
    if isinstance(where, Sequence) and not isinstance(where, str):
        return any(_compare(element, "==", what) for element in where)
    return text_of(what).casefold() in text_of(where).casefold()


def _format(arguments: Sequence[Value]) -> Value:
    values = [text_of(value) for value in arguments[1:]]

    def put(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        return values[int(match[1])]

    return re.sub(r"\{\{|\}\}|\{(\d+)\}", put, text_of(arguments[0]))


def _join(arguments: Sequence[Value]) -> Value:
    items, by = arguments[0], text_of(arguments[1]) if len(arguments) > 1 else ","
    if isinstance(items, Sequence) and not isinstance(items, str):
        return by.join(map(text_of, items))
    return text_of(items)


def _from_json(arguments: Sequence[Value]) -> Value:
    try:
        return value_of(json.loads(text_of(arguments[0])))
    except ValueError as error:
        raise ExpressionError(f"fromJSON got no JSON: {error}") from None


_FUNCTIONS: dict[str, Function] = {
    "contains": _contains,
    "startsWith": lambda a: text_of(a[0]).casefold().startswith(text_of(a[1]).casefold()),
    "endsWith": lambda a: text_of(a[0]).casefold().endswith(text_of(a[1]).casefold()),
    "format": _format,
    "join": _join,
    "toJSON": lambda a: json.dumps(_plain(a[0]), indent=2),
    "fromJSON": _from_json,
}
