"""Verdicts: true when the promise holds, and telling everything when it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from tests.unit.checks.answers import clients

import pushproof
from pushproof.base.origin import Origin
from pushproof.checks.check import Checks, check
from pushproof.checks.finding import Finding
from pushproof.checks.verdict import Verdict

FINDING = Finding(
    resource="rtb-1",
    expected="own NAT gateway",
    found="NAT gateway of eu-west-1a",
    why="A lost zone takes this one with it.",
    change="Add a NAT gateway.",
    origin=Origin("module.networking.aws_route_table.private[1]", "../../modules/networking/routing.tf", 12),
    page="https://example.com/nat",
)


def finding(resource: str) -> Finding:
    return Finding(resource=resource, expected="e", found="f", why="w", change="c")


class Doors(Checks):
    """Checks of doors, by the numbers of those that are open."""

    family = "doors"

    def __init__(self, *open_doors: int, **more: Any) -> None:
        super().__init__(clients(), **more)
        self.open_doors = open_doors

    @check
    def are_shut(self) -> Iterator[Finding]:
        """Every door is shut."""
        for number in self._some(self.open_doors, "doors", page="https://example.com/doors"):
            if number:
                yield finding(f"door-{number}")


def test_a_promise_that_holds_is_true() -> None:
    """A verdict without findings is true, requires nothing and says that the promise holds."""
    verdict = Doors(0).are_shut()
    assert verdict
    verdict.require()
    assert (str(verdict), repr(verdict)) == ("doors.are_shut: holds", "<doors.are_shut: holds>")


def test_findings_say_everything_a_newcomer_needs() -> None:
    """A finding prints resource, address, file and line, expected, found, why, what to change and where to read."""
    with pytest.raises(AssertionError) as failure:
        Verdict("own_zone", (FINDING,)).require()
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


def test_a_check_is_named_and_says_nothing_twice() -> None:
    """The decorator fills in the check's name, keeps its docstring, and drops repeated findings."""
    verdict = Doors(1, 2, 1).are_shut()
    assert bool(verdict) is False
    assert [(f.check, f.resource) for f in verdict.findings] == [
        ("doors.are_shut", "door-1"),
        ("doors.are_shut", "door-2"),
    ]
    assert Doors.are_shut.__doc__ == "Every door is shut."


def test_nothing_to_look_at_is_a_finding() -> None:
    """A check without anything to judge fails, and names what it looked for."""
    (only,) = Doors().are_shut().findings
    assert (only.expected, only.found, only.page) == ("doors", "there is none", "https://example.com/doors")
    assert only.why == "A check with nothing to look at proves nothing."


def test_an_address_is_looked_up_where_none_is_given() -> None:
    """Terraform addresses are filled in where they are known, and what is filled in stays."""

    class Known:
        def of(self, resource: str) -> Origin | None:
            return Origin(f"aws_door.{resource}") if resource == "door-2" else None

        def names(self) -> frozenset[str]:
            return frozenset({"door-2"})

    verdict = Doors(1, 2, addresses=Known()).are_shut()
    assert [f.origin.address if f.origin else None for f in verdict.findings] == [None, "aws_door.door-2"]


def test_verdicts_are_joined() -> None:
    """Two verdicts joined hold when both do, and name both checks."""
    both = Verdict("a") & Verdict("b", (FINDING,))
    assert (both.check, both.findings) == ("a, b", (FINDING,))
    assert Verdict("a") & Verdict("b")


def test_findings_turn_into_plain_values() -> None:
    """A report gets dictionaries of plain values."""
    assert FINDING.as_dict()["origin"] == {
        "address": "module.networking.aws_route_table.private[1]",
        "file": "../../modules/networking/routing.tf",
        "line": 12,
    }


def test_a_name_that_no_check_has_is_told_with_those_that_are_near() -> None:
    """A misspelt check names the one that was meant."""
    with pytest.raises(AttributeError, match=r"Doors has no check 'are_shutt'; did you mean are_shut\?"):
        Doors(0).are_shutt  # type: ignore[attr-defined]  # noqa: B018


def test_what_users_annotate_with_is_exported() -> None:
    """Every public name of `pushproof` exists, and has a docstring."""
    assert {"Target", "AppliedModule", "Verdict", "Finding", "NetworkingFactory"} <= set(pushproof.__all__)
    for name in pushproof.__all__:
        assert getattr(pushproof, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'Findings'"):
        pushproof.Findings  # type: ignore[attr-defined]  # noqa: B018


# In a test.

DOORS = """
    from pushproof import Checks, Finding, check

    class Doors(Checks):
        family = "doors"

        def __init__(self, *numbers):
            super().__init__(None)
            self.numbers = numbers

        @check
        def are_shut(self):
            for number in self.numbers:
                yield Finding(resource=f"door-{number}", expected="shut", found="open", why="w" * 90, change=f"Shut {number}.")

        @check
        def are_painted(self):
            yield from ()
"""


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(doors=DOORS)
    pytester.makepyfile(f"from doors import Doors\n\n{test}")
    return pytester.runpytest("-p", "no:cacheprovider", "-p", "no:timeout", "-W", "default", *options)


@pytest.mark.parametrize(
    "statement",
    [
        "assert Doors(*range(1, 21)).are_shut()",
        "assert Doors().are_painted() and Doors(*range(1, 21)).are_shut(), 'said by the test'",
        "verdict = Doors(*range(1, 21)).are_shut()\n    assert verdict",
        "assert all(verdict for verdict in [Doors(*range(1, 21)).are_shut()])",
        "assert all(\n        verdict\n        for verdict in [Doors(*range(1, 21)).are_shut()]\n    )",
    ],
)
@pytest.mark.parametrize(
    "options", [(), ("--assert=plain",), ("-q", "--tb=short")], ids=lambda o: " ".join(o) or "plain"
)
def test_a_failed_assertion_has_every_finding(
    pytester: pytest.Pytester, statement: str, options: tuple[str, ...]
) -> None:
    """The error itself has the whole text, so that terminal and JUnit XML show it."""
    result = run(pytester, f"def test_it():\n    {statement}\n", f"--junitxml={pytester.path}/report.xml", *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E*doors.are_shut: 20 findings", "E*1. door-1", "E*expected: shut", "E*20. door-20", "E*change: Shut 20."]
    )
    (failure,) = ElementTree.parse(pytester.path / "report.xml").iter("failure")
    for part in ("1. door-1", "expected: shut", "found: open", "why it matters: www", "change: Shut 20."):
        assert part in str(failure.text)
    message = failure.attrib["message"]
    assert message.startswith("open: door-1, by doors.are_shut and 19 more\n")
    assert "doors.are_shut: 20 findings\n\n1. door-1\n  expected: shut" in message


def test_other_failures_are_left_as_they_are(pytester: pytest.Pytester) -> None:
    """A verdict that was found false before, and is not what failed, is not brought up."""
    result = run(
        pytester,
        """
def test_it():
    if not Doors(1).are_shut():
        assert 1 == 2, "something else"

def test_raises():
    bool(Doors(1).are_shut())
    raise ValueError("not an assertion")
""",
    )
    result.assert_outcomes(failed=2)
    result.stdout.no_fnmatch_line("*door-1*")


def test_a_verdict_of_a_fixture_fails_with_its_findings(pytester: pytest.Pytester) -> None:
    """A failed assertion in a fixture is reported with its findings, too."""
    result = run(
        pytester,
        """
import pytest

@pytest.fixture
def shut():
    assert Doors(1).are_shut()

def test_it(shut):
    pass
""",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E*change: Shut 1."])


def test_an_inverted_assertion_is_noticed(pytester: pytest.Pytester) -> None:
    """`assert not verdict` passes only because the promise is broken: it is warned about, or fails where warnings are errors."""
    test = "def test_it():\n    assert not Doors(1).are_shut()\n"
    result = run(pytester, test)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*OverlookedVerdict: *:4 passes because doors.are_shut does not hold*"])
    run(pytester, test, "-W", "error").assert_outcomes(failed=1)


def test_a_verdict_nobody_asserted_is_noticed(pytester: pytest.Pytester) -> None:
    """A check that is called and not asserted proves nothing; one whose findings are read does."""
    result = run(
        pytester,
        """
def test_forgotten():
    Doors(1).are_shut()

def test_read():
    assert [finding.resource for finding in Doors(1).are_shut().findings] == ["door-1"]
    assert "door-1" in str(Doors(1).are_shut())

def test_joined():
    assert Doors().are_shut() & Doors().are_painted()
""",
    )
    result.assert_outcomes(passed=3, warnings=1)
    result.stdout.fnmatch_lines(["*the verdict of doors.are_shut was never looked at*"])


def test_a_name_that_nothing_has_is_said_with_those_that_are_near() -> None:
    """AWS's refusal of an unknown name is one sentence with a suggestion from the module, and no traceback of boto3's."""

    class Known:
        def of(self, resource: str) -> Origin | None:
            return None

        def names(self) -> frozenset[str]:
            return frozenset({"shop-build", "shop-pipeline", "arn:aws:iam::123456789012:role/shop-build"})

    class Roles(Checks):
        family = "roles"

        @check
        def are_there(self, code: str) -> Iterator[Finding]:
            """The role is there."""
            yield from ()
            raise ClientError(
                {"Error": {"Code": code, "Message": "The role with name shop-biuld cannot be found."}}, "GetRole"
            )

    roles = Roles(clients(), addresses=Known())
    with pytest.raises(LookupError, match=r"roles\.are_there: .*shop-biuld.*; did you mean shop-build\?") as failure:
        roles.are_there("NoSuchEntity")
    assert failure.value.__cause__ is None
    with pytest.raises(ClientError):
        roles.are_there("AccessDenied")
