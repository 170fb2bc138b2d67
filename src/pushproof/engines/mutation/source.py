"""Bytes of a file by line: whole statements with their comments, entries of lists, and the line of a position."""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

_COMMENT = re.compile(rb"[ \t]*(#|//)")
_NO_LINE_END = re.compile(rb"[^\n]")
_REST = re.compile(rb"[ \t]*,?[ \t]*((#|//)[^\n]*)?\r?$")


@dataclass(frozen=True)
class Source:
    """Text of a file as bytes, with the starts of its lines."""

    path: str
    content: bytes

    @functools.cached_property
    def newline(self) -> str:
        """Return the line end that the file uses."""
        return "\r\n" if b"\r\n" in self.content else "\n"

    @functools.cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(rb"\n", self.content))]

    def line(self, at: int) -> int:
        """Return the line of a byte, from 1."""
        return bisect.bisect_right(self._starts, at)

    def text(self, start: int, end: int) -> str:
        """Return the text of the bytes [start, end)."""
        return self.content[start:end].decode(errors="replace")

    def start_of_line(self, at: int) -> int:
        """Return the first byte of the line that a byte is in."""
        return self._starts[self.line(at) - 1]

    def end_of_line(self, at: int) -> int:
        """Return the byte after the line that a byte is in, its line end included."""
        line = self.line(at)
        return self._starts[line] if line < len(self._starts) else len(self.content)

    def lines_inside(self, start: int, end: int) -> tuple[int, int]:
        """Return the bytes of the lines between the first line and the last line of [start, end)."""
        return self.end_of_line(start), self.start_of_line(end - 1)

    def only(self, start: int, end: int) -> Source:
        """Return the file with blanks for everything outside of [start, end), so that every byte keeps its place."""
        before, after = (_NO_LINE_END.sub(b" ", part) for part in (self.content[:start], self.content[end:]))
        return Source(self.path, before + self.content[start:end] + after)

    def indent(self, at: int) -> str:
        """Return the white space that the line of a byte begins with."""
        start = self.start_of_line(at)
        match = re.compile(rb"[ \t]*").match(self.content, start)
        return match.group().decode() if match is not None else ""

    def stands_alone(self, start: int, end: int) -> bool:
        """Return whether nothing but white space, a comma and a comment shares the lines of [start, end)."""
        before = self.content[self.start_of_line(start) : start]
        last = max(start, end - 1)
        after = self.content[end : self.end_of_line(last)].removesuffix(b"\n") if end <= self.end_of_line(last) else b""
        return not before.strip() and _REST.match(after) is not None

    def _blank(self, start: int) -> bool:
        return not self.content[start : self.end_of_line(start)].strip()

    def _comment_above(self, start: int) -> int:
        while start > 0:
            above = self.start_of_line(start - 1)
            if not _COMMENT.match(self.content, above):
                break
            start = above
        return start

    def whole(self, start: int, end: int, *, comment: bool = True) -> tuple[int, int]:
        """Return the bytes to remove for a statement: its lines, the comment above it, and one of two blank lines around.

        A statement that shares its line keeps the line: only its own bytes and the blanks before it go. A comment stays where
        another statement follows directly, since it may speak of both.
        """
        if not self.stands_alone(start, end):
            while start > 0 and self.content[start - 1 : start] in (b" ", b"\t"):
                start -= 1
            return start, end
        first, last = self.start_of_line(start), self.end_of_line(max(start, end - 1))
        followed = last < len(self.content) and not self._blank(last) and self.content[last:].lstrip()[:1] not in b"}])"
        if comment or not followed:
            first = self._comment_above(first)
        blank_after = last < len(self.content) and self._blank(last)
        blank_before = first == 0 or self._blank(self.start_of_line(first - 1))
        closes_after = last >= len(self.content) or self.content[last:].lstrip()[:1] in (b"}", b"]", b")", b"")
        if blank_after and (blank_before or self._opens(first)):
            last = self.end_of_line(last)
        elif first > 0 and blank_before and closes_after and not blank_after:
            first = self.start_of_line(first - 1)
        return first, last

    def _opens(self, start: int) -> bool:
        """Return whether the line above ends with an opening bracket."""
        return start > 0 and self.content[self.start_of_line(start - 1) : start].rstrip()[-1:] in (b"{", b"[", b"(")

    def entry(self, spans: Sequence[tuple[int, int]], index: int, *, comment: bool = False) -> tuple[int, int]:
        """Return the bytes to remove for one of several entries of a list or an object, with the comma that goes with it."""
        start, end = spans[index]
        if self.stands_alone(start, end):
            return self.whole(start, end, comment=comment)
        following = spans[index + 1] if index + 1 < len(spans) else None
        if following is not None and self.line(following[0]) == self.line(max(start, end - 1)):
            return start, following[0]
        if index > 0:
            return spans[index - 1][1], end
        return start, following[0] if following is not None else end
