"""Match expressions of event patterns: from `{"prefix": "x"}` to a test of one scalar.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html , and for what the page leaves
open (operators within operators, refusals and their order) https://github.com/aws/event-ruler
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator

from pushproof.engines.events.alternatives import EVENTBRIDGE, Alternatives, Dialect, Test
from pushproof.engines.events.document import JsonError, Kind, Node
from pushproof.engines.events.texts import folding, globbing, matcher
from pushproof.engines.events.values import address, comparable, looks_like_address, quoted

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


class UnplacedError(ValueError):
    """A refusal that EventBridge gives without a place."""


class ListError(JsonError):
    """A refusal within a list of anything-but, whose place EventBridge gives twice."""


def compile_alternatives(node: Node, dialect: Dialect = EVENTBRIDGE) -> Alternatives:
    """The alternatives in an array of a pattern. Raises JsonError and UnplacedError."""
    alternatives = Alternatives()
    empty = True
    for item in node.each_item():
        empty = False
        _add(alternatives, item, dialect)
    if empty:
        raise JsonError("Empty arrays are not allowed", node.end)
    return alternatives


def _add(alternatives: Alternatives, item: Node, dialect: Dialect) -> None:
    if item.kind is Kind.OBJECT:
        _add_expression(alternatives, item, dialect)
    elif item.kind is Kind.STRING:
        if looks_like_address(item.text) and (exactly := address(item.text)) is not None:
            alternatives.networks.append(lambda place: place == exactly)
        else:
            alternatives.exact.add(quoted(item.text))
    elif item.kind is Kind.NUMBER:
        if (number := comparable(item.text)) is not None:
            alternatives.numbers.append(lambda value: value == number)
        alternatives.exact.add(item.text)
    elif item.kind is Kind.LITERAL:
        alternatives.exact.add(item.text)
    else:
        raise JsonError("Match value must be String, number, true, false, or null", item.after)


def _add_expression(alternatives: Alternatives, node: Node, dialect: Dialect) -> None:
    members = node.each_member()
    first = next(members, None)
    if first is None:
        raise JsonError("Match expression name not found", node.end)
    name, value = first
    expressions: dict[str, Callable[[Alternatives, Node], str]] = {
        "exactly": _exactly,
        "prefix": _prefix,
        "suffix": _suffix,
        "numeric": _numeric,
        "anything-but": lambda alternatives, value: _anything_but(alternatives, value, dialect),
        "exists": _exists,
        "cidr": _cidr,
        "equals-ignore-case": _ignoring_case,
        "wildcard": _wildcard,
    }
    if name not in dialect.expressions:
        raise JsonError(f"Unrecognized match type {name}", value.after)
    _end(members, expressions[name](alternatives, value))


def _end(members: Iterator[tuple[str, Node]], reason: str) -> None:
    """Raise JsonError when an object has more members."""
    further = next(members, None)
    if further is not None:
        raise JsonError(reason, further[1].after)


ONE_KEY = "Only one key allowed in match expression"
TOO_MANY = "Too many elements in numeric expression"


def _text(value: Node, what: str) -> str:
    if value.kind is not Kind.STRING:
        raise JsonError(f"{what} match pattern must be a string", value.after)
    return value.text


def _exactly(alternatives: Alternatives, value: Node) -> str:
    alternatives.exact.add(quoted(_text(value, "exact")))
    return ONE_KEY


def _prefix(alternatives: Alternatives, value: Node) -> str:
    if value.kind is Kind.OBJECT:
        text = _case_insensitive_affix(value, "prefix")
        alternatives.strings.append(matcher(folding(text), "match"))
    else:
        prefix = _text(value, "prefix")
        alternatives.strings.append(lambda string: string.startswith(prefix))
    return ONE_KEY


def _suffix(alternatives: Alternatives, value: Node) -> str:
    if value.kind is Kind.OBJECT:
        text = _case_insensitive_affix(value, "suffix")
        alternatives.strings.append(matcher(folding(text) + r"\Z", "search"))
    else:
        suffix = _text(value, "suffix")
        alternatives.strings.append(lambda string: string.endswith(suffix))
    return ONE_KEY


def _case_insensitive_affix(node: Node, what: str) -> str:
    """The text of `{"equals-ignore-case": "x"}` within a prefix or a suffix."""
    members = node.each_member()
    first = next(members, None)
    if first is None:
        raise JsonError(f"{what.capitalize()} expression name not found", node.end)
    name, value = first
    if name != "equals-ignore-case":
        raise JsonError(f"Unsupported {what} pattern: {name}", value.after)
    text = _text(value, "equals-ignore-case")
    _end(members, ONE_KEY)
    return text


def _ignoring_case(alternatives: Alternatives, value: Node) -> str:
    alternatives.strings.append(matcher(folding(_text(value, "equals-ignore-case")), "fullmatch"))
    return ONE_KEY


def _wildcard(alternatives: Alternatives, value: Node) -> str:
    text = _text(value, "wildcard")
    alternatives.strings.append(globbing(text, value.end))
    alternatives.wildcards.append((text,))
    return ONE_KEY


def _numeric(alternatives: Alternatives, value: Node) -> str:
    if value.kind is not Kind.ARRAY:
        raise JsonError("Value of numeric must be an array.", value.after)
    items = value.each_item()
    sign = next(items, None)
    if sign is None or sign.kind is not Kind.STRING:
        raise JsonError(
            f"Invalid member in numeric match: {_shown(sign)}", value.end if sign is None else _seen_whole(sign)
        )
    bound = next(items, None)
    if sign.text not in _COMPARISONS:
        raise JsonError(f"Unrecognized numeric range operator: {sign.text}", _after(bound, value))
    low = _bound(bound, "equals" if sign.text == "=" else sign.text, value)
    tests = [(_COMPARISONS[sign.text], low)]
    second = next(items, None)
    if second is not None:
        if sign.text not in (">", ">="):
            raise JsonError(TOO_MANY, second.after)
        tests.append(_upper_end(second, items, value))
    numbers: list[tuple[Callable[[float, float], bool], float]] = []
    for compare, text in tests:
        number = comparable(text)
        if number is None:
            raise JsonError(f"Cannot compare number : {text}", value.end)
        numbers.append((compare, number))
    if len(numbers) == 2 and not numbers[0][1] < numbers[1][1]:
        raise JsonError("Bottom must be less than top", value.end)
    alternatives.numbers.append(lambda number: all(compare(number, bound) for compare, bound in numbers))
    return TOO_MANY


def _upper_end(sign: Node, items: Iterator[Node], whole: Node) -> tuple[Callable[[float, float], bool], str]:
    if sign.kind is not Kind.STRING:
        raise JsonError(f"Bad value in numeric range: {_shown(sign)}", _seen_whole(sign))
    if sign.text not in ("<", "<="):
        raise JsonError(f"Bad numeric range operator: {sign.text}", sign.end)
    text = _bound(next(items, None), sign.text, whole)
    further = next(items, None)
    if further is not None:
        raise JsonError("Too many terms in numeric range expression", further.after)
    return _COMPARISONS[sign.text], text


def _bound(node: Node | None, sign: str, whole: Node) -> str:
    if node is None or node.kind is not Kind.NUMBER:
        raise JsonError(f"Value of {sign} must be numeric", _after(node, whole))
    return node.text


def _after(node: Node | None, whole: Node) -> int:
    return whole.end if node is None else node.after


def _shown(node: Node | None) -> str:
    if node is None:
        return "]"
    return {Kind.OBJECT: "{", Kind.ARRAY: "["}.get(node.kind, node.text)


def _seen_whole(node: Node) -> int:
    """The place after a value whose text has been read."""
    return node.end if node.kind is Kind.STRING else node.after


def _exists(alternatives: Alternatives, value: Node) -> str:
    if value.kind is not Kind.LITERAL or value.text == "null":
        raise JsonError("exists match pattern must be either true or false.", value.after)
    if value.text == "true":
        alternatives.present = True
    else:
        alternatives.absent = True
    return ONE_KEY


def _cidr(alternatives: Alternatives, value: Node) -> str:
    # EventBridge says "prefix" here.
    block = _text(value, "prefix")
    parts = block.split("/")
    while parts and not parts[-1]:
        parts.pop()
    if len(parts) != 2:
        raise UnplacedError("Malformed CIDR, one '/' required")
    text, mask = parts
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", mask):
        raise UnplacedError("Malformed CIDR, mask bits must be an integer")
    bits = int(mask)
    if bits < 0:
        raise UnplacedError("Malformed CIDR, mask bits must not be negative")
    base = address(text)
    if base is None:
        raise UnplacedError(
            f"{'Invalid' if looks_like_address(text) and '.' in text else 'Nonstandard'} IP address: {text}"
        )
    family, limit = ("IPv4", 32) if len(base) == 4 else ("IPv6", 128)
    if bits >= limit:
        raise UnplacedError(f"{family} mask bits must be < {limit}")
    shift = limit - bits
    network = int.from_bytes(base) >> shift
    alternatives.networks.append(lambda place: len(place) == len(base) and int.from_bytes(place) >> shift == network)
    return ONE_KEY


_NOT_SUPPORTED = "Inside anything but list, start|null|boolean is not supported."
_MIXED = "Inside anything but list, either all values are number or string, mixed type is not supported"


def _anything_but(alternatives: Alternatives, value: Node, dialect: Dialect) -> str:
    if value.kind is Kind.OBJECT:
        _anything_but_within(alternatives, value, dialect)
    elif value.kind in (Kind.STRING, Kind.NUMBER):
        _exclude(alternatives, [value])
    elif value.kind is Kind.ARRAY:
        items: list[Node] = []
        for item in value.each_item():
            if item.kind not in (Kind.STRING, Kind.NUMBER):
                raise ListError(_NOT_SUPPORTED, item.after)
            if item.kind is Kind.NUMBER and comparable(item.text) is None:
                raise JsonError(f"Cannot compare number : {item.text}", item.after)
            items.append(item)
        if len({item.kind for item in items}) != 1:
            raise JsonError(_MIXED, value.end)
        _exclude(alternatives, items)
    else:
        raise JsonError("Value of anything-but must be an array or single string/number value.", value.after)
    return TOO_MANY


def _exclude(alternatives: Alternatives, items: list[Node]) -> None:
    if items[0].kind is Kind.STRING:
        texts = frozenset(item.text for item in items)
        alternatives.other_strings.append([lambda string: string in texts])
        return
    numbers = {comparable(item.text) for item in items}
    if None in numbers:
        raise UnplacedError(f"Cannot compare number : {items[0].text}")
    alternatives.other_numbers.append(frozenset(number for number in numbers if number is not None))


def _anything_but_within(alternatives: Alternatives, node: Node, dialect: Dialect) -> None:
    members = node.each_member()
    first = next(members, None)
    if first is None:
        raise JsonError("Anything-But expression name not found", node.end)
    name, value = first
    if name not in dialect.within_anything_but:
        raise JsonError(f"Unsupported anything-but pattern: {name}", value.after)
    if not dialect.lists and value.kind is not Kind.STRING:
        raise JsonError(f"{name} match pattern must be a string", value.after)
    if value.kind is Kind.ARRAY:
        texts: list[tuple[str, int]] = []
        for item in value.each_item():
            try:
                texts.append((_excluded_text(name, item), value.end))
            except JsonError as error:
                raise ListError(error.reason, error.at) from None
    elif value.kind in (Kind.STRING, Kind.NUMBER):
        texts = [(_excluded_text(name, value), value.end)]
    else:
        raise JsonError("Value of anything-but must be an array or single string/number value.", value.after)
    alternatives.other_strings.append([_excluding(name, text, at) for text, at in texts])
    if name == "wildcard":
        alternatives.wildcards.append(tuple(text for text, _ in texts))
    _end(members, TOO_MANY)


def _excluded_text(name: str, node: Node) -> str:
    if node.kind is not Kind.STRING:
        reasons = {
            "equals-ignore-case": (
                "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
            ),
            "wildcard": "wildcard match pattern must be a string",
        }
        raise JsonError(reasons.get(name, "prefix/suffix match pattern must be a string"), node.after)
    if name in ("prefix", "suffix") and not node.text:
        raise JsonError("Null prefix/suffix not allowed", node.end)
    return node.text


def _excluding(name: str, text: str, at: int) -> Test:
    if name == "prefix":
        return lambda string: string.startswith(text)
    if name == "suffix":
        return lambda string: string.endswith(text)
    if name == "wildcard":
        return globbing(text, at)
    return matcher(folding(text), "fullmatch")
