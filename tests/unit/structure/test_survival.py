"""The figures of docs/faults.md are those of the code, and a zone's loss is survived where the check says so."""

from __future__ import annotations

from types import ModuleType

import pytest
from tests.unit.scripts import load_script


@pytest.fixture(scope="module")
def survival() -> ModuleType:
    return load_script("survival")


def test_requests_fail_only_while_health_checks_find_the_loss(survival: ModuleType) -> None:
    """Failures end with the health checks in every phase of a rollout, the end state is right, and the table is current."""
    results = survival.figures()
    page = survival.PAGE.read_text(encoding="utf-8")
    assert survival.table(results) in page, "docs/faults.md is old; run python scripts/survival.py"
    assert tuple(results) == ("before", "scale-up", "shift", "drain", "rollback")
    longest = survival.UNHEALTHY * survival.INTERVAL + survival.TIMEOUT
    for phase, runs in results.items():
        for run in runs:
            assert run.failing <= longest, phase
            assert (run.status, run.revision) == ("COMPLETED", "right"), phase
            assert run.zones == (survival.LEFT, survival.LEFT), phase
