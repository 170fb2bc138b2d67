"""The complexity of a pattern's wildcards, as EventBridge counts it when it refuses a rule.

The count is the largest number of beginnings of wildcard texts that one value can match at the same time: `*a*` has the
beginnings `*`, `*a` and `*a*`, and all of them match "a". Source: MachineComplexityEvaluator and "Matching with a Machine" in
https://github.com/aws/event-ruler ; the limit is the one its README suggests for single rules, and fits what is known to be
accepted and refused: three of `*:stack/name/*` are, four are not, nor is `*:*:*:*:*:event-bus/*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pushproof.engines.events.texts import wildcard_pieces

#: The most beginnings that may match at once.
MAXIMUM_COMPLEXITY = 10

TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)


@dataclass(frozen=True, slots=True)
class _Text:
    """A wildcard text: the literal before its first wildcard, and the literals after each."""

    expression: int
    head: str
    segments: tuple[str, ...]


def complexity(expressions: Iterable[Sequence[str]]) -> int:
    """The complexity of one field's wildcard expressions (each with its texts), at most a little above the limit."""
    texts = [_split(number, text) for number, group in enumerate(expressions) for text in dict.fromkeys(group)]
    most = 0
    for head in dict.fromkeys(text.head for text in texts):
        for length in range(1, len(head) + 1):
            most = max(most, _while_reading(head[:length], texts))
            if most > MAXIMUM_COMPLEXITY:
                return most
        most = max(most, _after_all([text for text in texts if head.startswith(text.head) and text.segments]))
        if most > MAXIMUM_COMPLEXITY:
            return most
    return most


def _split(expression: int, text: str) -> _Text:
    # The quotes around a string are part of what is matched.
    first, *rest = wildcard_pieces(text)
    if not rest:
        return _Text(expression, f'"{first}"', ())
    return _Text(expression, f'"{first}', (*rest[:-1], rest[-1] + '"'))


def _while_reading(read: str, texts: Sequence[_Text]) -> int:
    """The beginnings that match a string which is itself the beginning of a head."""
    shared: set[tuple[int, str, bool]] = set()
    further = 0
    for text in texts:
        if text.head.startswith(read):
            shared.add((text.expression, read, False))
        if text.segments and read.startswith(text.head):
            shared.add((text.expression, text.head, True))
            further += _beginnings(text.segments, read[len(text.head) :])
    return len(shared) + further


def _beginnings(segments: Sequence[str], read: str) -> int:
    """The beginnings after a first wildcard that match `read`, that wildcard itself left out."""
    # Places within the text: (segment, characters of it that have been met); a finished segment opens the next wildcard.
    open_wildcards, places = 1, set[tuple[int, int]]()
    for character in read:
        candidates = {(segment, 0) for segment in range(open_wildcards)} | places
        places = {(s, n + 1) for s, n in candidates if n < len(segments[s]) and segments[s][n] == character}
        while open_wildcards < len(segments) and (
            (open_wildcards - 1, len(segments[open_wildcards - 1])) in places or not segments[open_wildcards - 1]
        ):
            open_wildcards += 1
    return open_wildcards - 1 + len(places)


def _after_all(texts: Sequence[_Text]) -> int:
    """The most beginnings that match once every wildcard of the texts has been reached."""
    wildcards = len({(text.expression, text.head) for text in texts}) + sum(len(text.segments) - 1 for text in texts)
    if wildcards > MAXIMUM_COMPLEXITY:
        return wildcards
    segments = [segment for text in texts for segment in text.segments]
    most = 0
    for segment in dict.fromkeys(segments):
        for end in range(1, len(segment) + 1):
            # The longest beginning decides: every other that matches too is an end of it.
            read = segment[:end]
            count = sum(_overlaps(other, read) for other in segments)
            most = max(most, count)
            if wildcards + most > MAXIMUM_COMPLEXITY:
                return wildcards + most
    return wildcards + most


def _overlaps(segment: str, read: str) -> int:
    """Return the number of beginnings of a segment with which the string read so far ends."""
    return sum(1 for length in range(1, min(len(segment), len(read)) + 1) if read.endswith(segment[:length]))
