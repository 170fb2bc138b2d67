"""The answer of a check: true when the promise holds, with findings when it does not.

    assert network.every_private_subnet_leaves_by_its_own_zone()            # in a test: the failure prints the findings
    network.every_private_subnet_leaves_by_its_own_zone().require()         # anywhere else: raises AssertionError
    assert network.is_sound().accepting("*.survives_loss_of_any_zone", because="a test environment", until="2027-01-31")

Every part of a failed assertion that pytest shows comes from here: the short form by `repr`, the whole text by the plugin, which
gets the verdicts of the assertion from `Attention`.
"""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, TracebackType
from typing import TYPE_CHECKING

# Every test of every project that has the plugin comes through here: what is imported costs all of them.
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence

    from pushproof.checks.acceptance import Acceptance
    from pushproof.checks.finding import Finding


class Verdict:
    """The answer of one check, or of several joined by `&`.

    Attributes:
        check: The name of the check, such as ``networking.every_private_subnet_leaves_by_its_own_zone``.
        accepted: Findings that somebody has accepted, each with the acceptance: they do not count.
    """

    __slots__ = ("_expired", "_findings", "_read", "accepted", "check")

    def __init__(
        self,
        check: str,
        findings: tuple[Finding, ...] = (),
        accepted: tuple[tuple[Finding, Acceptance], ...] = (),
    ) -> None:
        self.check = check
        self._findings = findings
        self._read = False
        self.accepted = accepted
        self._expired: tuple[Acceptance, ...] = ()
        if _attention is not None:
            _attention.made.append(self)
            if _attention.acceptances:
                for acceptance in _attention.acceptances:
                    acceptance.asked |= any(acceptance.names(name) for name in check.split(", "))
                self._accept(_attention.acceptances)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The reasons why the promise does not hold; empty when it does."""
        self._read = True
        return self._findings

    def __bool__(self) -> bool:
        if self._findings and _attention is not None:
            caller = sys._getframe(1)
            _attention.refused.append(_Refusal(self, caller.f_code.co_filename, caller.f_lineno))
        elif not self._findings:
            self._read = True
        return not self._findings

    def __and__(self, other: Verdict) -> Verdict:
        names = dict.fromkeys((*self.check.split(", "), *other.check.split(", ")))
        joined = Verdict(", ".join(names), (*self.findings, *other.findings), (*self.accepted, *other.accepted))
        joined._expired += tuple(
            expired for expired in (*self._expired, *other._expired) if expired not in joined._expired
        )
        return joined

    def accepting(self, pattern: str, *, because: str, until: datetime.date | str | None = None) -> Verdict:
        """Return the verdict without the findings that `pattern` names, as a check, an AWS id or a Terraform address.

        `because`: the reason, which reports show. `until`: the last day on which this holds, a date or text such as 2027-01-31;
        from the next day on the findings count again. A pattern that names no finding is warned about.

        Raises:
            AcceptanceError: no reason is given, or `until` is no day.
        """
        from pushproof.checks.acceptance import Acceptance, last_day

        by_check = Acceptance(because, check=pattern, until=last_day(until))
        by_resource = Acceptance(because, resource=pattern, until=last_day(until))
        self._read = True
        rest = Verdict(self.check, self._findings, self.accepted)
        rest._expired = self._expired
        rest._accept((by_check, by_resource))
        if _attention is not None and not (by_check.used or by_resource.used):
            _attention.unused.append(
                f"nothing to accept: {self.check} has no finding that {pattern!r} names ({because})"
            )
        return rest

    def _accept(self, acceptances: Sequence[Acceptance]) -> None:
        from pushproof.checks.acceptance import sorted_out

        stay, accepted, expired = sorted_out(self._findings, acceptances)
        self._findings = tuple(stay)
        self.accepted += tuple(accepted)
        self._expired += tuple(acceptance for acceptance in expired if acceptance not in self._expired)

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.check}: holds{self._accepted()}"
        numbered = (f"\n{number}. {_text(group)}" for number, group in enumerate(causes(self.findings), 1))
        expired = [f"\naccepted until {acceptance.until} only: {acceptance}" for acceptance in self._expired]
        return "\n".join([f"{self.check}: {self._count()}{self._accepted()}", *numbered, *expired])

    def _accepted(self) -> str:
        return f", {len(self.accepted)} accepted" if self.accepted else ""

    # pytest cuts what is longer than 240 characters, and looks for the verdict by this text.
    def __repr__(self) -> str:
        return f"<{self.check if len(self.check) < 200 else 'verdict'}: {self._count() if self._findings else 'holds'}>"

    def require(self) -> None:
        """Raise AssertionError with every finding; do nothing when the promise holds."""
        __tracebackhide__ = True
        if self.findings:
            raise AssertionError(str(self))

    @property
    def reason(self) -> str:
        """The first finding in one line, for summaries; empty when the promise holds."""
        if not self._findings:
            return ""
        first = self._findings[0]
        more = f" and {len(self._findings) - 1} more" if len(self._findings) > 1 else ""
        fault = " ".join(first.found.split())
        return f"{fault}: {first.origin or first.resource}, by {first.check or self.check}{more}"

    def _count(self) -> str:
        number, groups = len(self._findings), len(causes(self._findings))
        of_causes = f" of {groups} cause{'s' if groups > 1 else ''}" if groups < number else ""
        return f"{number} finding{'s' if number > 1 else ''}{of_causes}"


# Ids, ARNs and zones, in which the remedies for one cause differ.
_NAMES = re.compile(r"\barn:[^\s,;]+|\b[a-z]+-[0-9a-f]{6,17}\b|\b[a-z]{2}(?:-[a-z]+)+-\d[a-z]?\b")


def causes(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings in groups of one cause: those that the same change puts right, whatever resource it is made to."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        remedy = finding.change.replace(finding.resource, "…") if finding.resource else finding.change
        groups.setdefault(_NAMES.sub("…", remedy), []).append(finding)
    return list(groups.values())


def _text(group: list[Finding]) -> str:
    """Return a cause: its first finding whole, and for the others of what differs."""
    first, *others = group
    lines = [str(first)]
    if others:
        lines.append("  the same cause:")
    for finding in others:
        place = f"  {finding.origin}" if finding.origin else ""
        check = f"{finding.check}: " if finding.check != first.check else ""
        lines.append(f"    {finding.resource}{place}: {check}{finding.found}")
        if finding.why != first.why:
            # The same change, and another symptom to know it by.
            lines.append(f"      why: {finding.why}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A verdict whose truth was tested and was false."""

    verdict: Verdict
    file: str
    line: int


@dataclass
class Attention:
    """The verdicts of one test: all of them, and the false ones with the place of their test.

    `acceptances` are the project's own; `unused`: sentences about acceptances of the test that accepted nothing.
    """

    made: list[Verdict] = field(default_factory=list)
    refused: list[_Refusal] = field(default_factory=list)
    acceptances: Sequence[Acceptance] = ()
    unused: list[str] = field(default_factory=list)

    def behind(self, failure: AssertionError) -> list[Verdict]:
        """Return the verdicts of a failed assertion.

        They are the verdicts in pytest's explanation. If it has none, as with plain assertions, they are the verdicts whose
        truth the failed statement tested.
        """
        message = str(failure.args[0]) if failure.args else ""
        verdicts = [refusal.verdict for refusal in self.refused if repr(refusal.verdict) in message]
        if not verdicts:
            file, lines = _statement(failure.__traceback__)
            verdicts = [refusal.verdict for refusal in self.refused if refusal.file == file and refusal.line in lines]
        latest = {verdict.check: verdict for verdict in verdicts}
        return [verdict for verdict in latest.values() if str(verdict) not in message]

    def overlooked(self) -> list[str]:
        """Warnings about verdicts that a passed test did not use, or used the wrong way round."""
        inverted = {id(refusal.verdict): refusal for refusal in self.refused if _is_inverted(refusal)}
        sentences = [
            f"{refusal.file}:{refusal.line} passes because {refusal.verdict.check} does not hold: a verdict is true when the"
            " promise holds; to expect findings, write `assert verdict.findings`"
            for refusal in inverted.values()
            if not refusal.verdict._read
        ]
        judged = {id(refusal.verdict) for refusal in self.refused}
        sentences += self.unused
        sentences += [
            f"the verdict of {verdict.check} was never looked at: write `assert` before the call"
            for verdict in self.made
            if not verdict._read and id(verdict) not in judged
        ]
        return sentences


_attention: Attention | None = None


@contextmanager
def attending(acceptances: Sequence[Acceptance] = ()) -> Iterator[Attention]:
    """Record the verdicts that are made and found false from here on; `acceptances` hold for all of them."""
    global _attention
    before, _attention = _attention, Attention(acceptances=acceptances)
    try:
        yield _attention
    finally:
        _attention = before


def _is_inverted(refusal: _Refusal) -> bool:
    return linecache.getline(refusal.file, refusal.line).lstrip().startswith("assert not ")


def _statement(traceback: TracebackType | None) -> tuple[str, range]:
    """File and lines of the statement in which an exception was raised."""
    if traceback is None:
        return "", range(0)
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code: CodeType = traceback.tb_frame.f_code
    # Two bytes are one instruction.
    positions = list(code.co_positions())[traceback.tb_lasti // 2]
    first = positions[0] or traceback.tb_lineno
    return code.co_filename, range(first, (positions[1] or first) + 1)
