"""Findings that somebody has accepted, with a reason and, if they like, a last day.

    assert service.everything().accepting("service.logs_are_kept", because="kept by the log archive", until="2027-01-31")

or, for every test of a project, in `pushproof.toml`:

    [[accept]]
    check = "service.logs_are_kept"      # and / or: resource = "aws_cloudwatch_log_group.this"
    because = "kept by the log archive"
    until = 2027-01-31
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushproof.checks.finding import Finding

_KEYS = ("check", "resource", "because", "until")


class AcceptanceError(ValueError):
    """An acceptance cannot be read. The text says which, and what it lacks."""


@dataclass(slots=True)
class Acceptance:
    """Accepts the findings of a check, of a resource, or of both; patterns as file names have them.

    Attributes:
        because: The reason; an acceptance without one is refused.
        check: Pattern of the check's name, with its family (`service.logs_are_kept`) or without.
        resource: Pattern of the AWS id or ARN, or of the Terraform address.
        until: The last day on which it holds.
        used: Whether it accepted a finding; `asked`: whether a check that it names was made.
    """

    because: str
    check: str = "*"
    resource: str = "*"
    until: datetime.date | None = None
    place: str = ""
    used: bool = field(default=False, compare=False)
    asked: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.because.strip():
            raise AcceptanceError(f"{self._where()}an acceptance needs a reason: because = …")
        if self.check == self.resource == "*":
            raise AcceptanceError(f"{self._where()}an acceptance names a check or a resource, not everything")

    def names(self, check: str) -> bool:
        """Return whether it is about a check."""
        return fnmatchcase(check, self.check) or fnmatchcase(check.rpartition(".")[2], self.check)

    def covers(self, finding: Finding) -> bool:
        """Return whether it is about a finding, expired or not."""
        names = [finding.resource, *([finding.origin.address] if finding.origin else [])]
        return self.names(finding.check) and any(matches(name, self.resource) for name in names)

    def expired(self, today: datetime.date) -> bool:
        """Return whether its last day is over."""
        return self.until is not None and today > self.until

    def _where(self) -> str:
        return f"{self.place}: " if self.place else ""

    def __str__(self) -> str:
        subject = " of ".join(text for text in (self.check, self.resource) if text != "*")
        return f"{self._where()}{subject}, because {self.because}"


def matches(name: str, pattern: str) -> bool:
    """Return whether a name fits a pattern, or is it: addresses have brackets, which patterns read otherwise."""
    return name == pattern or fnmatchcase(name, pattern)


def last_day(value: object, place: str = "") -> datetime.date | None:
    """Return a day from a date or from text such as 2027-01-31; None for None. Raises AcceptanceError."""
    if value is None or (isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        where = f"{place}: " if place else ""
        raise AcceptanceError(f"{where}until = {value!r} is not a day; expected one such as 2027-01-31") from None


def acceptances(configuration: Mapping[str, object], file: str = "pushproof.toml") -> list[Acceptance]:
    """Return the acceptances (`[[accept]]`) of a parsed configuration. Raises AcceptanceError, naming file and entry."""
    entries = configuration.get("accept", [])
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise AcceptanceError(f"{file}: accept is not a list of tables; write [[accept]]")
    return [_acceptance(entry, f"{file}: [[accept]] {number}") for number, entry in enumerate(entries, 1)]


def _acceptance(entry: object, place: str) -> Acceptance:
    if not isinstance(entry, Mapping):
        raise AcceptanceError(f"{place} is not a table")
    unknown = sorted(entry.keys() - set(_KEYS))
    if unknown:
        raise AcceptanceError(f"{place}: unknown {', '.join(unknown)}; expected {', '.join(_KEYS)}")
    texts = {key: entry[key] for key in ("check", "resource", "because") if key in entry}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise AcceptanceError(f"{place}: {key} = {value!r} is not a text")
    return Acceptance(
        because=str(texts.get("because", "")),
        check=str(texts.get("check", "*")),
        resource=str(texts.get("resource", "*")),
        until=last_day(entry.get("until"), place),
        place=place,
    )


def sorted_out(
    findings: Sequence[Finding], accepted_by: Sequence[Acceptance], today: datetime.date | None = None
) -> tuple[list[Finding], list[tuple[Finding, Acceptance]], list[Acceptance]]:
    """Return the findings that stay, those that are accepted, and the expired acceptances that would have covered some."""
    day = today or datetime.date.today()
    stay: list[Finding] = []
    accepted: list[tuple[Finding, Acceptance]] = []
    expired: list[Acceptance] = []
    for finding in findings:
        covering = list(_covering(finding, accepted_by))
        good = next((acceptance for acceptance in covering if not acceptance.expired(day)), None)
        if good is not None:
            good.used = True
            accepted.append((finding, good))
            continue
        for acceptance in covering:
            acceptance.used = True
            expired.append(acceptance)
        stay.append(finding)
    return stay, accepted, expired


def _covering(finding: Finding, accepted_by: Sequence[Acceptance]) -> Iterator[Acceptance]:
    return (acceptance for acceptance in accepted_by if acceptance.covers(finding))
