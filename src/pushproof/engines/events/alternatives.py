"""The values that a field of an event may have, and the match expressions that a service knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pushproof.engines.events.values import address, comparable, content

#: A test of a string's content.
Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The match expressions of a service, and those it accepts within anything-but."""

    expressions: frozenset[str]
    within_anything_but: frozenset[str]
    #: True when anything-but accepts a list of prefixes and the like.
    lists: bool = True


EVENTBRIDGE = Dialect(
    frozenset(
        {"exactly", "prefix", "suffix", "numeric", "anything-but", "exists", "cidr", "equals-ignore-case", "wildcard"}
    ),
    frozenset({"equals-ignore-case", "prefix", "suffix", "wildcard"}),
)


@dataclass(slots=True)
class Alternatives:
    """The values that one field may have: any alternative that holds is enough."""

    exact: set[str] = field(default_factory=set)
    strings: list[Test] = field(default_factory=list)
    numbers: list[Callable[[float], bool]] = field(default_factory=list)
    networks: list[Callable[[bytes], bool]] = field(default_factory=list)
    #: Excluded numbers, each set of one anything-but.
    other_numbers: list[frozenset[float]] = field(default_factory=list)
    #: Tests that no string may meet, each list of one anything-but.
    other_strings: list[list[Test]] = field(default_factory=list)
    present: bool = False
    absent: bool = False
    #: The wildcard texts of each expression, for the pattern's complexity.
    wildcards: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def numeric(self) -> bool:
        """Return whether numbers are compared as numbers here."""
        return bool(self.numbers or self.other_numbers)

    def match(self, scalar: str) -> bool:
        """Return whether a scalar of the event is one of the alternatives."""
        if self.present:
            return True
        string = content(scalar)
        if self.networks:
            # Unquoted texts too: "to help people whose events aren't in JSON".
            place = address(scalar if string is None else string)
            if place is not None and any(inside(place) for inside in self.networks):
                return True
        if string is None:
            number = comparable(scalar) if self.numeric else None
            if number is not None:
                # A number satisfies every exclusion of strings.
                return (
                    any(test(number) for test in self.numbers)
                    or any(number not in excluded for excluded in self.other_numbers)
                    or bool(self.other_strings)
                )
            return scalar in self.exact or bool(self.other_strings) or bool(self.other_numbers)
        return (
            scalar in self.exact
            or any(test(string) for test in self.strings)
            or bool(self.other_numbers)
            or any(not any(test(string) for test in excluded) for excluded in self.other_strings)
        )
