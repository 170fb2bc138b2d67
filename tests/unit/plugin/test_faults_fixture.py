"""The fixture `faults`: it begins faults by name, ends them with the test, and refuses targets that have none."""

from __future__ import annotations

import pytest
from tests.unit.plugin.small import furnish


def test_the_fixture_ends_what_a_test_begins(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that a test leaves active is gone in the next one; its words come by name."""
    pytester.makepyfile(
        """
        import pytest
        from botocore.exceptions import ClientError

        def test_a_fault_begins(faults, aws):
            faults.api_throttled("ecs")
            with pytest.raises(ClientError, match="ThrottlingException"):
                aws("ecs").list_clusters()

        def test_it_has_ended(faults, aws):
            assert aws("ecs").list_clusters()["clusterArns"] == []
            assert [record.fault for record in faults.journal] == ["api-throttled:ecs"]
        """
    )
    monkeypatch.setenv("PUSHPROOF_STATE", str(pytester.path / "state"))
    result = pytester.runpytest("-p", "no:cacheprovider", "--pushproof-task-runtime", "scripted")
    result.assert_outcomes(passed=2)


def test_the_fixture_refuses_another_target(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target without faults fails the test with its reason and the marker that skips it."""
    session = furnish(pytester, monkeypatch)
    session.makepyfile("def test_it(faults):\n    pass\n")
    result = session.runpytest("-p", "no:cacheprovider", "--target", "recording")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*fixture faults, target recording: *target_needs("faults")*'])
