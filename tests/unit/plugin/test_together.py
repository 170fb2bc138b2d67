"""Modules that are applied side by side: `applied.together`."""

from __future__ import annotations

import pytest
from tests.unit.plugin.small import commands, furnish, run

TEST = """
    def test_it(applied):
        network, other = applied.together(applied.module("modules/network", cidr="10.0.0.0/16"), applied.module("modules/other"))
        assert (network.source.name, other.source.name) == ("network", "other")
        assert network.terraform.variables == {"cidr": "10.0.0.0/16"}
        assert network["vpc_id"] == "vpc-1"
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    return furnish(pytester, monkeypatch)


def short(session: pytest.Pytester) -> list[str]:
    """Return Terraform's commands, as `command module`."""
    return [f"{line.split()[0]} {line.split('-')[-2]}" for line in commands(session)]


def test_they_run_at_the_same_time(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each apply goes on only while another runs; results are in the order of the calls, and both are destroyed at the end."""
    monkeypatch.setenv("MEETING", "apply")
    run(session, TEST).assert_outcomes(passed=1)
    done = short(session)
    assert sorted(done[:4]) == ["apply network", "apply other", "init network", "init other"]
    assert done[-2:] == ["destroy other", "destroy network"]


def test_a_failure_destroys_the_others(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is that of the module that failed; what the other has made goes before it is raised."""
    monkeypatch.setenv("MEETING", "apply")
    monkeypatch.setenv("BROKEN", "other")
    result = run(session, TEST)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*VpcLimitExceeded*"])
    result.stdout.no_fnmatch_line("*failed too*")
    assert "destroy network" in short(session)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("applied.together()", "*requires modules: applied.together(applied.module(…)*"),
        (
            "applied.together('modules/network')",
            "*requires what applied.module(…) returns, got str: 'modules/network'*",
        ),
    ],
)
def test_anything_else_is_refused(session: pytest.Pytester, call: str, words: str) -> None:
    """Arguments that are no calls of modules are refused by name, before Terraform starts."""
    result = run(session, f"def test_it(applied):\n    {call}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([words])
    assert commands(session) == []
