"""Matching of many patterns over the tags of many images.

A set of images is one int with a byte an image (0 or 1), so that "and", "or" and "without" over a hundred thousand
images are single operations.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, compress, repeat

_END = "\0"  # closes each tag where all are one text; no tag can contain it
_ANY = f"[^{_END}]"

ImageSet = int
"""Byte i (little-endian) is 1 when image i is in the set."""


class TagIndex:
    """The tags of images 0..n-1, sorted so that a pattern's literal start narrows the search."""

    def __init__(self, tags_of: Sequence[tuple[str, ...]]) -> None:
        self.size = len(tags_of)
        tags = list(chain.from_iterable(tags_of))
        owners = list(chain.from_iterable(map(repeat, range(self.size), map(len, tags_of))))
        # Positions sorted by their tag: comparing strings alone is twice as fast as comparing pairs, and makes no pair.
        order = sorted(range(len(tags)), key=tags.__getitem__)
        self._tags = [tags[position] for position in order]
        self._owners = [owners[position] for position in order]
        self._text = _END + "".join([tag + _END for tag in self._tags])
        self._offsets = list(accumulate((len(tag) + 1 for tag in self._tags), initial=1))
        self._known: dict[str, ImageSet] = {}

    def tagged(self) -> ImageSet:
        """Images with at least one tag."""
        return self._of(self._owners)

    def matching(self, patterns: Iterable[str]) -> ImageSet:
        """Images for which *every* pattern matches some tag."""
        images: ImageSet | None = None
        for pattern in patterns:
            members = self._pattern(pattern)
            images = members if images is None else images & members
        return images or 0

    def _pattern(self, pattern: str) -> ImageSet:
        if pattern not in self._known:
            self._known[pattern] = self._of(self._search(pattern))
        return self._known[pattern]

    def _search(self, pattern: str) -> list[int]:
        if _END in pattern:
            return []
        start, star, rest = pattern.partition("*")
        low = bisect_left(self._tags, start)
        if not star:
            return self._owners[low : bisect_left(self._tags, pattern + _END)]
        # Code points end at 0x10FFFF: nothing that starts with `start` sorts after this.
        high = bisect_left(self._tags, start + "\U0010ffff" * 2) if start else len(self._tags)
        *middle, end = rest.split("*")
        pieces = [re.escape(piece) for piece in middle if piece] + ([f"{re.escape(end)}(?={_END})"] if end else [])
        if not pieces:
            return self._owners[low:high]
        # One search runs through all tags. The leftmost place for a piece is as good as any, so no place is tried twice.
        # The search consumes the text after the last piece, so that each tag matches once.
        first = f"(?<={_END}){re.escape(start)}{_ANY}*?{pieces[0]}" if start else pieces[0]
        others = "".join(f"(?>{_ANY}*?{piece})" for piece in pieces[1:])
        matches = re.compile(f"{first}{others}{_ANY}*").finditer(self._text, self._offsets[low], self._offsets[high])
        return [self._owners[bisect_right(self._offsets, match.start()) - 1] for match in matches]

    def _of(self, owners: Iterable[int]) -> ImageSet:
        flags = bytearray(self.size)
        for owner in owners:
            flags[owner] = 1
        return int.from_bytes(flags, "little")


def everything(size: int) -> ImageSet:
    """All of `size` images."""
    return int.from_bytes(b"\x01" * size, "little")


def indices(images: ImageSet, size: int) -> list[int]:
    """The members of the set, ascending."""
    return list(compress(range(size), images.to_bytes(size, "little")))


def from_flags(flags: Iterable[bool]) -> ImageSet:
    """The set whose member i is the i-th flag."""
    return int.from_bytes(bytes(flags), "little")
