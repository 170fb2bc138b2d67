"""Regular expressions whose matching takes time in proportion to the text, for every expression.

Rules of load balancers and globs of buildspecs come from outside. Python's own engine backtracks, so that `(a+)+$`, or a path with
a dozen stars, takes hours over a short text. Expressions are read by Python's reader, and run as an automaton, which has neither
look-arounds nor references back. Source: https://swtch.com/~rsc/regexp/regexp1.html
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

# The reader is the same in every version, and is not part of the typed interface.
_READER: Any = importlib.import_module("re._parser")
_MOST_STATES = 4_000
_MOST_REMEMBERED = 10_000
_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
_WORD = re.compile(r"\w")

Test = Callable[[str], bool]


class UnsupportedExpression(ValueError):
    """An expression that is not regular, or has too many states."""


@dataclass(slots=True)
class _State:
    """A state: the characters it reads, or the place it holds at, and the states after it."""

    nexts: list[int]
    reads: Test | None = None
    place: str = ""


@dataclass(slots=True)
class Expression:
    """A compiled expression. Make it with `compiled`."""

    _states: list[_State] = field(default_factory=list)
    _start: int = 0
    _closures: dict[tuple[frozenset[int], bool, bool, bool], frozenset[int]] = field(default_factory=dict)
    _steps: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict)

    def is_in(self, text: str, *, whole: bool = False) -> bool:
        """Return whether the expression matches some part of the text; with `whole`, all of it."""
        current, before = frozenset((self._start,)), ""
        for index in range(len(text) + 1):
            after = text[index : index + 1]
            boundary = (_WORD.match(before) is None) is not (_WORD.match(after) is None)
            at_end = not after or (not whole and after == "\n" and index == len(text) - 1)
            reached = self._closure(current, not index, at_end, boundary)
            if 0 in reached and (not whole or not after):
                return True
            if not after or not reached:
                return False
            current, before = self._step(reached, after), after
            if not whole:
                current |= {self._start}
        return False

    def _closure(self, states: frozenset[int], at_start: bool, at_end: bool, boundary: bool) -> frozenset[int]:
        """Return the states that are reached without reading, at a place in the text."""
        key = (states, at_start, at_end, boundary)
        if (known := self._closures.get(key)) is not None:
            return known
        holding = {"": True, "start": at_start, "end": at_end, "boundary": boundary, "within": not boundary}
        reached, left = set(states), list(states)
        while left:
            state = self._states[left.pop()]
            if state.reads is None and holding[state.place]:
                left += [number for number in state.nexts if number not in reached]
                reached.update(state.nexts)
        if len(self._closures) > _MOST_REMEMBERED:
            self._closures.clear()
        self._closures[key] = frozenset(reached)
        return self._closures[key]

    def _step(self, states: frozenset[int], character: str) -> frozenset[int]:
        key = (states, character)
        if (known := self._steps.get(key)) is None:
            reading = (self._states[number] for number in states)
            known = frozenset(
                number
                for state in reading
                if state.reads is not None and state.reads(character)
                for number in state.nexts
            )
            if len(self._steps) > _MOST_REMEMBERED:
                self._steps.clear()
            self._steps[key] = known
        return known


@lru_cache(maxsize=1024)
def compiled(source: str, *, ignore_case: bool = False, dot_all: bool = False) -> Expression:
    """Compile an expression. Raises UnsupportedExpression, or re.error for what is none."""
    flags = (re.IGNORECASE if ignore_case else 0) | (re.DOTALL if dot_all else 0)
    try:
        tree = _READER.parse(unambiguous(source), flags)
        builder = _Builder()
        start = builder.sequence(tree, int(tree.state.flags), 0)
    except (RecursionError, OverflowError) as error:
        raise UnsupportedExpression("it is nested too deeply, or repeats too often") from error
    return Expression(builder.states, start)


def pythons(source: str) -> re.Pattern[str]:
    """Compile an expression from outside for Python's own engine, without its warnings.

    Raises re.error for what is none, and UnsupportedExpression for what is too deep or repeats too often.
    """
    try:
        return re.compile(unambiguous(source))
    except (RecursionError, OverflowError) as error:
        raise UnsupportedExpression("it is nested too deeply, or repeats too often") from error


def matches(source: str, text: str, *, whole: bool = False) -> bool:
    """Return whether an expression from outside matches some part of a text; with `whole`, all of it.

    One that is not regular, such as one that looks ahead, runs on Python's engine. Raises re.error for what is none.
    """
    try:
        return compiled(source).is_in(text, whole=whole)
    except UnsupportedExpression:
        pattern = pythons(source)
        return (pattern.fullmatch(text) if whole else pattern.search(text)) is not None


#: Signs of which Python warns within a set, since it may have another meaning there one day.
_AMBIGUOUS = frozenset("[-&~|")


def unambiguous(source: str) -> str:
    """Return an expression of the same meaning with such signs escaped in its sets.

    Where warnings are errors, as in many test suites, `[[a-z]` would be one.
    Source: https://docs.python.org/3/library/re.html ("Support of nested sets and set operations ... might be added")
    """
    out: list[str] = []
    at = 0
    while at < len(source):
        if source[at] == "[":
            at = _set_end(source, at, out)
        else:
            width = 2 if source[at] == "\\" else 1
            out.append(source[at : at + width])
            at += width
    return "".join(out)


def _set_end(source: str, at: int, out: list[str]) -> int:
    """Write the set that begins at a place, and return the place after it."""
    opening = "[^" if source.startswith("[^", at) else "["
    out.append(opening)
    at += len(opening)
    first = True
    while at < len(source) and (first or source[at] != "]"):
        at = _member_end(source, at, out)
        first = False
        # A hyphen after a member makes a range, unless the set ends with it.
        if source.startswith("-", at) and not source.startswith("-]", at) and at + 1 < len(source):
            out.append("-")
            at = _member_end(source, at + 1, out)
    return at


def _member_end(source: str, at: int, out: list[str]) -> int:
    width = 2 if source[at] == "\\" else 1
    member = source[at : at + width]
    out.append(f"\\{member}" if member in _AMBIGUOUS else member)
    return at + width


class _Builder:
    """Builds the automaton from its end. State 0 is the end of the whole expression."""

    def __init__(self) -> None:
        self.states = [_State([])]

    def _add(self, state: _State) -> int:
        if len(self.states) >= _MOST_STATES:
            raise UnsupportedExpression("it has too many states")
        self.states.append(state)
        return len(self.states) - 1

    def sequence(self, items: Iterable[tuple[Any, Any]], flags: int, following: int) -> int:
        """Return the first state of a sequence whose end leads to `following`."""
        for operator, argument in reversed(list(items)):
            following = self._item(str(operator), argument, flags, following)
        return following

    def _item(self, operator: str, argument: Any, flags: int, following: int) -> int:
        match operator:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._add(_State([following], reads=_reads(operator, argument, flags)))
            case "BRANCH":
                return self._add(_State([self.sequence(items, flags, following) for items in argument[1]]))
            case "SUBPATTERN":
                _, added, removed, items = argument
                return self.sequence(items, flags & ~removed | added, following)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeated(argument, flags, following)
            case "AT":
                return self._add(_State([following], place=_place(str(argument), flags)))
            case _:
                raise UnsupportedExpression(f"{operator.lower().replace('_', ' ')} is not supported")

    def _repeated(self, argument: Any, flags: int, following: int) -> int:
        least, most, items = int(argument[0]), argument[1], argument[2]
        if most is _READER.MAXREPEAT:
            loop = self._add(_State([following]))
            self.states[loop].nexts.append(self.sequence(items, flags, loop))
            following = loop
        else:
            end = following
            for _ in range(int(most) - least):
                following = self._add(_State([end, self.sequence(items, flags, following)]))
        for _ in range(least):
            before = len(self.states)
            following = self.sequence(items, flags, following)
            if len(self.states) == before:
                # Nothing in it reads or holds: repeating it changes nothing.
                break
        return following


def _place(name: str, flags: int) -> str:
    if flags & re.MULTILINE:
        raise UnsupportedExpression("the flag m is not supported")
    places = {
        "AT_BEGINNING": "start",
        "AT_BEGINNING_STRING": "start",
        "AT_END": "end",
        "AT_END_STRING": "end",
        "AT_BOUNDARY": "boundary",
        "AT_NON_BOUNDARY": "within",
    }
    return places[name]


def _reads(operator: str, argument: Any, flags: int) -> Test:
    """Return the test of a character."""
    if operator == "ANY":
        return (lambda _: True) if flags & re.DOTALL else (lambda character: character != "\n")
    if operator == "IN":
        tests = [_member(str(kind), value) for kind, value in argument if str(kind) != "NEGATE"]
        negated = any(str(kind) == "NEGATE" for kind, _ in argument)
    else:
        tests, negated = [_member("LITERAL", argument)], operator == "NOT_LITERAL"

    def holds(character: str) -> bool:
        forms = (character, character.lower(), character.upper()) if flags & re.IGNORECASE else (character,)
        return any(test(form) for test in tests for form in forms) is not negated

    return holds


def _member(kind: str, value: Any) -> Test:
    if kind == "LITERAL":
        return chr(value).__eq__
    if kind == "RANGE":
        first, last = (chr(code) for code in value)
        return lambda character: len(character) == 1 and first <= character <= last
    name = str(value).removeprefix("CATEGORY_")
    pattern = re.compile(_CATEGORIES[name.removeprefix("NOT_")])
    return lambda character: (pattern.match(character) is None) is name.startswith("NOT_")
