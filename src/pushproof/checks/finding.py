"""What a check has to say: one finding for each thing that is wrong, written for whoever meets it first.

findings = networking.every_private_subnet_leaves_by_its_own_zone()
assert not findings            # the failure prints the findings
findings.require()             # the same outside pytest, as AssertionError
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pushproof.base.origin import Addresses, Origin


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        check: The name of the check, as the test calls it.
        resource: The AWS id or ARN the finding is about.
        expected: What should be the case.
        found: What is the case.
        why: What goes wrong in production because of it.
        change: What to change.
        origin: Terraform address and file, where known.
        page: The documentation that says so.
    """

    check: str
    resource: str
    expected: str
    found: str
    why: str
    change: str
    origin: Origin | None = None
    page: str = ""

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
        """Plain values, for reports: every attribute, `origin` as address, file and line or None."""
        return asdict(self)


def _paragraph(title: str, text: str) -> str:
    head = f"  {title}: "
    rows: list[str] = []
    for paragraph in text.splitlines():
        rows += textwrap.wrap(paragraph, 110, break_long_words=False, break_on_hyphens=False) or [""]
    return head + ("\n" + " " * len(head)).join(rows)


@dataclass(frozen=True)
class Findings:
    """The findings of a check. False when there are none, so that `assert not findings` reads well."""

    check: str
    items: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return bool(self.items)

    def __add__(self, other: Findings) -> Findings:
        check = self.check if self.check == other.check else f"{self.check}, {other.check}"
        return Findings(check, self.items + other.items)

    def __str__(self) -> str:
        if not self.items:
            return f"{self.check}: nothing found"
        count = f"{len(self.items)} finding{'s' if len(self.items) > 1 else ''}"
        return "\n".join([f"{self.check}: {count}", *(f"\n{n}. {item}" for n, item in enumerate(self.items, 1))])

    # pytest puts the repr, on one line and cut, into the message of a failed assertion; the whole text follows
    # as a section of the report (see `failed_findings`).
    def __repr__(self) -> str:
        count = f"{len(self.items)} finding{'' if len(self.items) == 1 else 's'}"
        shown = ", ".join(dict.fromkeys(item.resource for item in self.items))
        return f"<{self.check}: {count}{': ' if shown else ''}{shown}>"

    def located(self, addresses: Addresses | None) -> Findings:
        """The same findings with Terraform addresses filled in where they are known."""
        if addresses is None:
            return self
        return Findings(
            self.check,
            tuple(item if item.origin else replace(item, origin=addresses.of(item.resource)) for item in self.items),
        )

    def require(self) -> None:
        """Raise AssertionError with everything found; do nothing when there is nothing."""
        __tracebackhide__ = True
        if self.items:
            raise AssertionError(str(self))


def gather(check: str, items: Iterable[Finding]) -> Findings:
    """Collect what a check yields."""
    return Findings(check, tuple(items))


def failed_findings(variables: Mapping[str, Any]) -> tuple[Findings, ...]:
    """The findings among the local variables of a frame in which an assertion failed, each once.

    pytest keeps the parts of an asserted expression in the frame, so those of `assert not checks.something()`
    are there too.
    """
    held = {id(value): value for value in variables.values() if isinstance(value, Findings) and value}
    return tuple(held.values())
