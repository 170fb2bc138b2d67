"""Which images carry tags that match, for many patterns over many tags.

A set of images is one int with a byte an image (0 or 1), so that "and", "or" and "without" over a hundred thousand
images are single operations.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, compress, repeat

_END = "\0"  # closes each tag where all are one text; no tag can contain it

ImageSet = int
"""Byte i (little-endian) is 1 when image i is in the set."""


class TagIndex:
    """The tags of images 0..n-1, sorted so that a pattern's literal start narrows the search."""

    def __init__(self, tags_of: Sequence[tuple[str, ...]]) -> None:
        self.size = len(tags_of)
        pairs = sorted(chain.from_iterable(zip(tags, repeat(index)) for index, tags in enumerate(tags_of) if tags))
        self._tags = [tag for tag, _ in pairs]
        self._owners = [owner for _, owner in pairs]
        self._text = "".join([tag + _END for tag in self._tags])
        self._offsets = list(accumulate((len(tag) + 1 for tag in self._tags), initial=0))
        self._known: dict[str, ImageSet] = {}

    def tagged(self) -> ImageSet:
        """Images with at least one tag."""
        return self._of(self._owners)

    def matching(self, patterns: Iterable[str]) -> ImageSet:
        """Images for which *every* pattern matches some tag."""
        found: ImageSet | None = None
        for pattern in patterns:
            one = self._pattern(pattern)
            found = one if found is None else found & one
        return found or 0

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
        pieces = [piece for piece in middle if piece]
        if end:
            pieces.append(end + _END)
        if not pieces:
            return self._owners[low:high]
        # The longest piece is looked for in all tags at once; few tags have it, as a rule.
        found = self._containing(max(pieces, key=len), low, high, len(start))
        if len(pieces) > 1:
            # The leftmost place for a piece is as good as any, so none is tried twice.
            fits = re.compile("".join(f"(?>.*?{re.escape(piece)})" for piece in pieces), re.DOTALL).match
            found = (at for at in found if fits(self._tags[at] + _END, len(start)))
        return [self._owners[at] for at in found]

    def _containing(self, needle: str, low: int, high: int, after: int) -> Iterator[int]:
        """The tags from `low` to `high` that have `needle` at or after their character number `after`."""
        find, offsets, stop = self._text.find, self._offsets, self._offsets[high]
        at = find(needle, offsets[low], stop)
        while at >= 0:
            tag = bisect_right(offsets, at) - 1
            if at < offsets[tag] + after:
                at = find(needle, offsets[tag] + after, stop)
                continue
            yield tag
            at = find(needle, offsets[tag + 1], stop)

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
