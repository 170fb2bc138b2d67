"""The answer of a check: true when the promise holds, with findings when it does not.

    assert network.every_private_subnet_leaves_by_its_own_zone()            # in a test: the failure prints the findings
    network.every_private_subnet_leaves_by_its_own_zone().require()         # anywhere else: raises AssertionError

Every part of a failed assertion that pytest shows comes from here: the short form by `repr`, the whole text by the plugin, which
gets the verdicts of the assertion from `Attention`.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, TracebackType
from typing import TYPE_CHECKING

# Every test of every project that has the plugin comes through here: what is imported costs all of them.
if TYPE_CHECKING:
    from pushproof.checks.finding import Finding


class Verdict:
    """The answer of one check, or of several joined by `&`.

    Attributes:
        check: The name of the check, such as ``networking.every_private_subnet_leaves_by_its_own_zone``.
    """

    __slots__ = ("_findings", "_read", "check")

    def __init__(self, check: str, findings: tuple[Finding, ...] = ()) -> None:
        self.check = check
        self._findings = findings
        self._read = False
        if _attention is not None:
            _attention.made.append(self)

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
        return Verdict(", ".join(names), (*self.findings, *other.findings))

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.check}: holds"
        numbered = (f"\n{number}. {finding}" for number, finding in enumerate(self.findings, 1))
        return "\n".join([f"{self.check}: {self._count()}", *numbered])

    # pytest cuts what is longer than 240 characters, and looks for the verdict by this text.
    def __repr__(self) -> str:
        return f"<{self.check if len(self.check) < 200 else 'verdict'}: {self._count() if self._findings else 'holds'}>"

    def require(self) -> None:
        """Raise AssertionError with every finding; do nothing when the promise holds."""
        __tracebackhide__ = True
        if self.findings:
            raise AssertionError(str(self))

    def _count(self) -> str:
        return f"{len(self._findings)} finding{'s' if len(self._findings) > 1 else ''}"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A verdict whose truth was tested and was false."""

    verdict: Verdict
    file: str
    line: int


@dataclass
class Attention:
    """The verdicts of one test: all of them, and the false ones with the place of their test."""

    made: list[Verdict] = field(default_factory=list)
    refused: list[_Refusal] = field(default_factory=list)

    def behind(self, failure: AssertionError) -> list[Verdict]:
        """The verdicts of a failed assertion.

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
        sentences += [
            f"the verdict of {verdict.check} was never looked at: write `assert` before the call"
            for verdict in self.made
            if not verdict._read and id(verdict) not in judged
        ]
        return sentences


_attention: Attention | None = None


@contextmanager
def attending() -> Iterator[Attention]:
    """Record the verdicts that are made and found false from here on."""
    global _attention
    before, _attention = _attention, Attention()
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
