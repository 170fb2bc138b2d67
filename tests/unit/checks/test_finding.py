"""What findings print and how they behave in an assertion."""

from __future__ import annotations

import pytest

from pushproof.checks.finding import Finding, Findings, Origin, gather

FINDING = Finding(
    "check",
    "rtb-1",
    "own NAT gateway",
    "NAT gateway of eu-west-1a",
    "A lost zone takes this one with it.",
    "Add a NAT gateway.",
    Origin("module.networking.aws_route_table.private[1]", "../../modules/networking/routing.tf", 12),
    "https://example.com/nat",
)


def test_no_findings_are_false() -> None:
    """A check without findings is false, has no length and requires nothing."""
    none = gather("check", [])
    assert not none
    assert len(none) == 0
    none.require()
    assert str(none) == "check: nothing found"


def test_findings_say_everything_a_newcomer_needs() -> None:
    """A finding prints resource, address, file and line, expected, found, why, what to change and where to read."""
    with pytest.raises(AssertionError) as failure:
        gather("own_zone", [FINDING]).require()
    assert str(failure.value).splitlines() == [
        "own_zone: 1 finding",
        "",
        "1. rtb-1  module.networking.aws_route_table.private[1] (../../modules/networking/routing.tf:12)",
        "  expected: own NAT gateway",
        "  found: NAT gateway of eu-west-1a",
        "  why it matters: A lost zone takes this one with it.",
        "  change: Add a NAT gateway.",
        "  see: https://example.com/nat",
    ]


def test_a_failed_assertion_shows_the_findings(pytester: pytest.Pytester) -> None:
    """`assert not findings` in a test prints the findings, long ones whole."""
    pytester.makepyfile(
        """
        from pushproof.checks.finding import Finding, gather

        def test_it():
            findings = gather("check", [Finding("check", f"rtb-{n}", "e", "f", "w" * 50, "c") for n in range(20)])
            assert not findings

        def test_of_a_call():
            def check():
                return gather("other", [Finding("other", "sg-1", "expected", "found", "why", "change")])
            assert not check()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(
        [
            "E*assert not <check: 20 findings: rtb-0, rtb-1,*",
            "*findings of check*",
            "check: 20 findings",
            "20. rtb-19",
            "*findings of other*",
            "*why it matters: why",
        ]
    )


def test_findings_add_up() -> None:
    """Findings of two checks are one collection that names both."""
    both = gather("a", [FINDING]) + gather("b", [FINDING])
    assert (both.check, len(both)) == ("a, b", 2)


def test_located_findings_ask_for_the_address_once_known() -> None:
    """Addresses are filled in where they are known, and what is filled in stays."""

    class Known:
        def of(self, resource: str) -> Origin | None:
            return Origin(f"aws_thing.{resource}") if resource == "rtb-2" else None

    plain = Finding("check", "rtb-2", "e", "f", "w", "c")
    located = Findings("check", (plain, FINDING, Finding("check", "rtb-3", "e", "f", "w", "c"))).located(Known())
    assert [item.origin.address if item.origin else None for item in located] == [
        "aws_thing.rtb-2",
        "module.networking.aws_route_table.private[1]",
        None,
    ]


def test_findings_turn_into_plain_values() -> None:
    """A report gets dictionaries of plain values."""
    assert FINDING.as_dict()["origin"] == {
        "address": "module.networking.aws_route_table.private[1]",
        "file": "../../modules/networking/routing.tf",
        "line": 12,
    }
