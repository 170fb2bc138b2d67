"""One fault that a check reports, written for a reader without context."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

from pushproof.base.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault of one resource.

    Attributes:
        resource: The AWS id or ARN of the resource.
        expected: The state that the check expects.
        found: The state that it found instead.
        why: The damage that the fault does in production.
        change: The change that fixes it.
        page: The documentation behind the expectation.
        check: The name of the check; the check fills it in.
        origin: Terraform address and file, where known; the check fills it in.
    """

    resource: str
    expected: str
    found: str
    why: str
    change: str
    page: str = ""
    check: str = ""
    origin: Origin | None = None

    def __str__(self) -> str:
        lines = [f"{self.resource}" + (f"  {self.origin}" if self.origin else "")]
        parts = (
            ("expected", self.expected),
            ("found", self.found),
            ("why it matters", self.why),
            ("change", self.change),
            ("see", self.page),
        )
        for title, text in parts:
            if text:
                lines.append(_paragraph(title, text))
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for reports: every attribute, `origin` as address, file and line or None."""
        return asdict(self)


def _paragraph(title: str, text: str) -> str:
    head = f"  {title}: "
    rows: list[str] = []
    for paragraph in text.splitlines():
        rows += textwrap.wrap(paragraph, 110, break_long_words=False, break_on_hyphens=False) or [""]
    return head + ("\n" + " " * len(head)).join(rows)
