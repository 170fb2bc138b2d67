"""Comparison operators of event patterns: from `{"prefix": "x"}` to a test of one value.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable
from typing import Any

from pushproof.engines.events.document import JsonError, Node

#: A test of one scalar of the event (string, number, true, false or null).
Test = Callable[[Any], bool]

#: Numbers in numeric matching lie between these, both included.
NUMERIC_LIMIT = 5.0e9

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


def exact_key(value: Any) -> Any:
    """What a scalar is looked up by. Numbers keep their form: "300, 300.0, and 3.0e2 are not considered equal"."""
    return value if type(value) is str else (type(value).__name__, value)


def compile_operator(node: Node) -> Test:
    """The test that a match expression other than `exists` stands for. Raises JsonError with its place."""
    name, argument = single_member(node, "match object")
    compilers: dict[str, Callable[[Node], Test]] = {
        "prefix": lambda a: _affix(a, "prefix", str.startswith),
        "suffix": lambda a: _affix(a, "suffix", str.endswith),
        "equals-ignore-case": _ignore_case,
        "wildcard": _wildcard,
        "numeric": _numeric,
        "cidr": _cidr,
        "anything-but": _anything_but,
    }
    if name not in compilers:
        raise JsonError(f"Unrecognized match type {name}", node.at)
    return compilers[name](argument)


def single_member(node: Node, what: str) -> tuple[str, Node]:
    """The only member of an object. Raises JsonError when there is none, or more than one."""
    if len(node.value) != 1:
        at = list(node.value.values())[1].at if node.value else node.at
        raise JsonError(f"Only one key allowed in {what}" if node.value else f"Empty {what} is not allowed", at)
    members: dict[str, Node] = node.value
    return next(iter(members.items()))


def _text(node: Node, name: str) -> str:
    if not isinstance(node.value, str):
        raise JsonError(f"{name} match pattern must be a string", node.at)
    return node.value


def _affix(node: Node, name: str, compare: Callable[[str, str], bool]) -> Test:
    if node.is_object:
        inner, argument = single_member(node, f"{name} match pattern")
        if inner != "equals-ignore-case":
            raise JsonError(f"Unsupported {name} pattern: {inner}", argument.at)
        folded = _text(argument, "equals-ignore-case").casefold()
        return lambda value: type(value) is str and compare(value.casefold(), folded)
    text = _text(node, name)
    return lambda value: type(value) is str and compare(value, text)


def _ignore_case(node: Node) -> Test:
    folded = _text(node, "equals-ignore-case").casefold()
    return lambda value: type(value) is str and value.casefold() == folded


def _wildcard(node: Node) -> Test:
    pieces = _pieces(_text(node, "wildcard"), node.at)
    return lambda value: type(value) is str and _glob(value, pieces)


def _pieces(pattern: str, at: int) -> list[str]:
    """The literal pieces between wildcards. `\\*` and `\\\\` stand for the characters themselves."""
    pieces, current, index = [], "", 0
    while index < len(pattern):
        character = pattern[index]
        if character == "\\":
            following = pattern[index + 1 : index + 2]
            if following not in ("*", "\\"):
                raise JsonError(f"Invalid escape character at pos {index}", at)
            current += following
            index += 1
        elif character == "*":
            if pattern[index + 1 : index + 2] == "*":
                raise JsonError(f"Consecutive wildcard characters at pos {index}", at)
            pieces.append(current)
            current = ""
        else:
            current += character
        index += 1
    return [*pieces, current]


def _glob(value: str, pieces: list[str]) -> bool:
    """Leftmost matching of the pieces in turn: linear, where a regular expression would backtrack."""
    if len(pieces) == 1:
        return value == pieces[0]
    first, *middle, last = pieces
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    position, end = len(first), len(value) - len(last)
    for piece in middle:
        found = value.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _numeric(node: Node) -> Test:
    if not node.is_array:
        raise JsonError("Value of numeric must be an array.", node.at)
    items: list[Node] = node.value
    if not items:
        raise JsonError("Invalid member in numeric match: []", node.at)
    bounds: list[tuple[Callable[[Any, Any], bool], float]] = []
    for index in range(0, len(items), 2):
        sign = items[index]
        if not isinstance(sign.value, str):
            raise JsonError(f"Invalid member in numeric match: {sign.value}", sign.at)
        if sign.value not in _COMPARISONS:
            raise JsonError(f"Unrecognized numeric range operator: {sign.value}", sign.at)
        number = items[index + 1] if index + 1 < len(items) else None
        if number is None or not number.is_number:
            raise JsonError(f"Value of {sign.value} must be numeric", (number or sign).at)
        if not -NUMERIC_LIMIT <= number.value <= NUMERIC_LIMIT:
            raise JsonError("Value must be between -5.0E9 and 5.0E9, inclusive", number.at)
        bounds.append((_COMPARISONS[sign.value], number.value))
    _check_range(items)
    return lambda value: (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and all(compare(value, bound) for compare, bound in bounds)
    )


def _check_range(items: list[Node]) -> None:
    if len(items) == 2:
        return
    if len(items) > 4:
        raise JsonError("Too many elements in numeric expression", items[4].at)
    if items[0].value not in (">", ">="):
        raise JsonError("Too many elements in numeric expression", items[2].at)
    if items[2].value not in ("<", "<="):
        raise JsonError(f"Bad numeric range operator: {items[2].value}", items[2].at)
    if not items[1].value < items[3].value:
        raise JsonError("Bottom must be less than top", items[3].at)


def _cidr(node: Node) -> Test:
    text = _text(node, "cidr")
    if text.count("/") != 1:
        raise JsonError("Malformed CIDR, one '/' required", node.at)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise JsonError(f"Malformed CIDR: {text}", node.at) from None

    def inside(value: Any) -> bool:
        if type(value) is not str:
            return False
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return inside


def _anything_but(node: Node) -> Test:
    if node.is_object:
        name, argument = single_member(node, "anything-but expression")
        compilers: dict[str, Callable[[Node], Test]] = {
            "prefix": lambda a: _affix(a, "prefix", str.startswith),
            "suffix": lambda a: _affix(a, "suffix", str.endswith),
            "equals-ignore-case": _ignore_case,
            "wildcard": _wildcard,
        }
        if name not in compilers:
            raise JsonError(f"Unsupported anything-but pattern: {name}", argument.at)
        if argument.is_array and not argument.value:
            raise JsonError("Empty arrays are not allowed", argument.at)
        refused = [compilers[name](item) for item in (argument.value if argument.is_array else [argument])]
        return lambda value: not any(test(value) for test in refused)
    items: list[Node] = node.value if node.is_array else [node]
    if not items:
        raise JsonError("Empty arrays are not allowed", node.at)
    for item in items:
        if not isinstance(item.value, str) and not item.is_number:
            raise JsonError("Value of anything-but must be an array or single string/number value.", item.at)
    if len({isinstance(item.value, str) for item in items}) > 1:
        raise JsonError(
            "Inside anything but list, either all values are number or string, mixed type is not supported", node.at
        )
    excluded = {exact_key(item.value) for item in items}
    return lambda value: exact_key(value) not in excluded
