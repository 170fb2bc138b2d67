"""Terraform's error messages: their parts, and their places in the user's tree instead of a copy of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

# "on main.tf line 12, in resource …", as Terraform prints it; "on main.tf:12", as `localise` leaves it.
_PRINTED = re.compile(r"(?m)^(\W*on )(\S[^\n]*?) line (\d+)")
_LOCATED = re.compile(r"(?m)^\W*on (\S[^\n]*?):(\d+)(?:, in |:|$)")
_WITH = re.compile(r"(?m)^\W*with ([^\n,]+),$")
_START = re.compile(r"(?m)^[╷│ ]*Error: ")
# The AWS SDK's account of a refused call, before the error code and AWS's own words.
_CALL = re.compile(
    r"operation error [^:]+: \w+, (?:https response error StatusCode: \d+, )?(?:RequestID: [\w-]*, )?(?:api error )?"
)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error of Terraform's: its summary, the resource's address, and file and line; empty and 0 where they are not said."""

    summary: str
    address: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f" ({self.file}:{self.line})" if self.file else ""
        return f"{_CALL.sub('', self.summary)}{place}"


def diagnostics(text: str) -> list[Diagnostic]:
    """Return the errors in what Terraform printed after `localise`, in their order, each once."""
    starts = [match.start() for match in _START.finditer(text)]
    parts = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    return list(dict.fromkeys(_diagnostic(part) for part in parts))


def _diagnostic(part: str) -> Diagnostic:
    summary = part.split("\n", 1)[0].partition("Error: ")[2].strip()
    address, place = _WITH.search(part), _LOCATED.search(part)
    return Diagnostic(
        summary,
        address=address[1] if address else "",
        file=place[1] if place else "",
        line=int(place[2]) if place else 0,
    )


def localise(text: str, *, show: Callable[[Path], str], copy: Path, base: Path) -> str:
    """Return Terraform's words with places in the user's own files, as `file:line`.

    `show` writes a file that Terraform names, relative to where it ran or absolute; `copy` and `base` are the roots of the
    working copy and of the tree.
    """
    text = _PRINTED.sub(lambda match: f"{match[1]}{show(Path(match[2]))}:{match[3]}", text)
    return text.replace(f"{copy}/", f"{base}/")
