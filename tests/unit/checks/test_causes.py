"""Findings of one cause are shown together, and nothing that differs between them is lost."""

from __future__ import annotations

from pushproof.checks.finding import Finding
from pushproof.checks.verdict import Verdict, causes


def finding(resource: str, why: str, change: str = "set private_dns_enabled = true") -> Finding:
    return Finding(
        check="networking.endpoints", resource=resource, expected="private DNS", found=f"{resource} has it off", why=why,
        change=change, page="https://docs.aws.amazon.com/vpc/",
    )  # fmt: skip


def test_a_symptom_of_its_own_is_shown() -> None:
    """The same change puts both right; the second finding's symptom is the one that somebody sees."""
    findings = (
        finding("vpce-1", "ResourceInitializationError"),
        finding("vpce-2", "CannotPullContainerError"),
        finding("vpce-3", "ResourceInitializationError"),
    )
    assert causes(findings) == [list(findings)]
    text = str(Verdict("networking.endpoints", findings))
    assert text.count("ResourceInitializationError") == 1
    assert text.count("CannotPullContainerError") == 1
    assert all(f"vpce-{number} has it off" in text for number in (1, 2, 3))
