"""Regular expressions in filter patterns: `%…%`.

They have neither groups nor look-arounds, so matching takes time in proportion to the message, for every expression.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass, field

from pushproof.engines.logpatterns.errors import InvalidFilterPattern, invalid_characters

_ALLOWED = frozenset(string.ascii_letters + string.digits + ":_#=@/;,- " + "^$?[]{}|\\*+.")
_DIGITS = frozenset(string.digits)
_WORD = frozenset(string.ascii_letters + string.digits + "_")
_SPACE = frozenset(" \t\n\r\f\v")
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
# More states than this would take CloudWatch Logs too long, which it answers in these words.
_MOST_STATES = 4000
_TOO_LONG = "Regular expression evaluation time exceeded allowed limit"
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class _Characters:
    """A set of characters. A character outside one of the sets in `outside` belongs to it too."""

    inside: frozenset[str] = frozenset()
    outside: tuple[frozenset[str], ...] = ()
    negated: bool = False

    def holds(self, character: str) -> bool:
        within = character in self.inside or any(character not in excluded for excluded in self.outside)
        return within is not self.negated


_ANY = _Characters(frozenset("\n\r"), negated=True)


@dataclass(frozen=True)
class _Anchor:
    """The beginning or the end of the text."""

    at_end: bool


@dataclass(frozen=True)
class _Piece:
    atom: _Characters | _Anchor
    least: int = 1
    most: int | None = 1


@dataclass
class _State:
    """A state of the automaton: the characters it reads, or the states it leads to without reading."""

    reads: _Characters | None = None
    anchor: _Anchor | None = None
    nexts: list[int] = field(default_factory=list)


class Regex:
    """A compiled expression. Raises InvalidFilterPattern for one that CloudWatch Logs refuses."""

    def __init__(self, source: str) -> None:
        self.source = source
        for character in source:
            if character not in _ALLOWED:
                raise invalid_characters(character)
        if not source:
            raise InvalidFilterPattern()
        self._states: list[_State] = [_State()]
        self._accepting = 0
        self._first = tuple(self._sequence(pieces) for pieces in _Reader(source).alternatives())
        # Sets of states seen so far, by number, and where each character leads from them.
        self._sets: list[frozenset[int]] = []
        self._numbers: dict[frozenset[int], int] = {}
        self._steps: dict[tuple[int, str], int] = {}

    def found_in(self, text: str) -> bool:
        """Return whether some part of a text matches."""
        if len(self._steps) > _MOST_REMEMBERED:
            self._sets, self._numbers, self._steps = [], {}, {}
        ends = {len(text)} | ({len(text) - 1} if text.endswith("\n") else set())
        current = self._number(self._reached(self._first, at_start=True, at_end=0 in ends))
        if self._accepting in self._sets[current]:
            return True
        for position, character in enumerate(text, 1):
            if position in ends:
                current = self._number(self._read(current, character, at_end=True))
            else:
                following = self._steps.get((current, character))
                if following is None:
                    following = self._number(self._read(current, character, at_end=False))
                    self._steps[current, character] = following
                current = following
            if self._accepting in self._sets[current]:
                return True
        return False

    def _number(self, states: frozenset[int]) -> int:
        number = self._numbers.get(states)
        if number is None:
            number = self._numbers[states] = len(self._sets)
            self._sets.append(states)
        return number

    def _read(self, current: int, character: str, *, at_end: bool) -> frozenset[int]:
        targets = [
            target
            for number in self._sets[current]
            if (reads := self._states[number].reads) is not None and reads.holds(character)
            for target in self._states[number].nexts
        ]
        return self._reached((*targets, *self._first), at_start=False, at_end=at_end)

    def _reached(self, states: Iterable[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """The reading or accepting states that these states lead to without reading."""
        waiting, visited = list(states), set[int]()
        while waiting:
            number = waiting.pop()
            if number in visited:
                continue
            visited.add(number)
            state = self._states[number]
            if state.reads is None and (state.anchor is None or (at_end if state.anchor.at_end else at_start)):
                waiting.extend(state.nexts)
        return frozenset(
            number for number in visited if number == self._accepting or self._states[number].reads is not None
        )

    # Building the automaton, from the end to the beginning.

    def _add(self, state: _State) -> int:
        if len(self._states) >= _MOST_STATES:
            raise InvalidFilterPattern(_TOO_LONG)
        self._states.append(state)
        return len(self._states) - 1

    def _sequence(self, pieces: list[_Piece]) -> int:
        following = self._accepting
        for piece in reversed(pieces):
            following = self._piece(piece, following)
        return following

    def _piece(self, piece: _Piece, following: int) -> int:
        if piece.most is None:
            loop = self._add(_State(nexts=[following]))
            self._states[loop].nexts.append(self._atom(piece.atom, loop))
            following = loop
        else:
            after = following
            for _ in range(piece.most - piece.least):
                following = self._add(_State(nexts=[after, self._atom(piece.atom, following)]))
        for _ in range(piece.least):
            following = self._atom(piece.atom, following)
        return following

    def _atom(self, atom: _Characters | _Anchor, following: int) -> int:
        if isinstance(atom, _Anchor):
            return self._add(_State(anchor=atom, nexts=[following]))
        return self._add(_State(reads=atom, nexts=[following]))


class _Reader:
    """Reads an expression."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0

    def alternatives(self) -> list[list[_Piece]]:
        alternatives: list[list[_Piece]] = [[]]
        while self._position < len(self._source):
            if self._taken("|"):
                alternatives.append([])
            else:
                alternatives[-1].append(self._piece())
        return alternatives

    def _taken(self, text: str) -> bool:
        if not self._source.startswith(text, self._position):
            return False
        self._position += len(text)
        return True

    def _next(self) -> str:
        if self._position >= len(self._source):
            raise InvalidFilterPattern()
        self._position += 1
        return self._source[self._position - 1]

    def _piece(self) -> _Piece:
        character = self._next()
        if character in "^$":
            return _Piece(_Anchor(character == "$"))
        if character in "?*+{":
            raise InvalidFilterPattern()
        atom = self._atom(character)
        least, most = self._times()
        if (least, most) != (1, 1):
            self._taken("?")
        if self._source[self._position : self._position + 1] in ("?", "*", "+", "{"):
            raise InvalidFilterPattern()
        return _Piece(atom, least, most)

    def _atom(self, character: str) -> _Characters:
        if character == ".":
            return _ANY
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        return _Characters(frozenset(character))

    def _times(self) -> tuple[int, int | None]:
        for sign, times in (("?", (0, 1)), ("*", (0, None)), ("+", (1, None))):
            if self._taken(sign):
                return times
        if not self._taken("{"):
            return 1, 1
        end = self._source.find("}", self._position)
        if end < 0:
            raise InvalidFilterPattern()
        least, comma, most = self._source[self._position : end].replace(" ", "").partition(",")
        self._position = end + 1
        if not all(number.isdigit() or not number for number in (least, most)) or not (least or most):
            raise InvalidFilterPattern()
        if max(len(least), len(most)) > 6:
            raise InvalidFilterPattern(_TOO_LONG)
        fewest = int(least or 0)
        highest = fewest if not comma else int(most) if most else None
        if highest is not None and highest < fewest:
            raise InvalidFilterPattern()
        return fewest, highest

    def _escape(self) -> _Characters:
        character = self._next()
        if character.lower() in _CLASSES:
            characters = _CLASSES[character.lower()]
            return _Characters(characters) if character.islower() else _Characters(outside=(characters,))
        if character == "x":
            digits = self._next() + self._next()
            if not set(digits) <= set(string.hexdigits):
                raise InvalidFilterPattern()
            return _Characters(frozenset(chr(int(digits, 16))))
        if character in _CONTROLS:
            return _Characters(frozenset(_CONTROLS[character]))
        if character.isalnum():
            raise InvalidFilterPattern()
        return _Characters(frozenset(character))

    def _class(self) -> _Characters:
        negated = self._taken("^")
        inside: set[str] = set()
        outside: list[frozenset[str]] = []
        while not self._taken("]"):
            start = self._member()
            if self._source[self._position : self._position + 1] == "-" and not self._source.startswith(
                "-]", self._position
            ):
                self._position += 1
                inside.update(_between(start, self._member()))
            else:
                inside.update(start.inside)
                outside.extend(start.outside)
        if not inside and not outside:
            raise InvalidFilterPattern()
        return _Characters(frozenset(inside), tuple(outside), negated)

    def _member(self) -> _Characters:
        character = self._next()
        if character == "[":
            raise InvalidFilterPattern()
        return self._escape() if character == "\\" else _Characters(frozenset(character))


def _between(start: _Characters, end: _Characters) -> Iterable[str]:
    if start.outside or end.outside or len(start.inside) != 1 or len(end.inside) != 1:
        raise InvalidFilterPattern()
    first, last = ord(next(iter(start.inside))), ord(next(iter(end.inside)))
    if last < first:
        raise InvalidFilterPattern()
    return map(chr, range(first, last + 1))
