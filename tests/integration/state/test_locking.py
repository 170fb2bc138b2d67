"""State in S3, with the lock beside it: two applies at once do not both write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.checks.state import StateChecks
from pushproof.terraform.applied import apply_module, prepare
from pushproof.terraform.errors import CommandFailed

TINY = Path(__file__).parent / "tiny"
ENVIRONMENTS = Path(__file__).parents[3] / "infrastructure/environments"


@pytest.fixture(scope="module")
def bootstrap(target: Any) -> Iterator[Any]:
    source = ENVIRONMENTS.parent / "bootstrap"
    module = apply_module(target, source, name="lock-bootstrap", variables={"project": "locks", "force_destroy": True})
    yield module
    module.terraform.destroy()


@pytest.fixture
def backend(bootstrap: Any, target: Any) -> dict[str, Any]:
    return {
        "bucket": bootstrap["state_bucket_name"],
        "key": "tiny/terraform.tfstate",
        "region": target.region,
        "use_lockfile": "true",
    }


def test_the_state_bucket_is_safe(state_checks: Callable[..., StateChecks], bootstrap: Any) -> None:
    """The bucket that bootstrap makes is versioned, encrypted and private."""
    assert state_checks(bootstrap).bucket_is_safe(bootstrap["state_bucket_name"])


def test_of_two_applies_at_once_one_is_refused(
    target: Any, backend: dict[str, Any], aws: Callable[[str], Any], tmp_path: Path
) -> None:
    """While one apply holds the lock, the other fails at once with Terraform's own words, and changes nothing."""
    gate = tmp_path / "gate"
    first = prepare(target, TINY, name="first", variables={"hold": str(gate)})
    second = prepare(target, TINY, name="second")
    for terraform in (first, second):
        terraform.init(backend=backend)
    problems: list[BaseException] = []

    def apply() -> None:
        try:
            first.apply()
        except BaseException as problem:
            problems.append(problem)

    holder = threading.Thread(target=apply)
    holder.start()
    try:
        begun, limit = tmp_path / "gate.begun", time.monotonic() + 120
        while not begun.exists() and holder.is_alive() and time.monotonic() < limit:
            holder.join(0.1)
        assert begun.exists(), f"the first apply never got to where it waits: {problems}"
        listed = aws("s3").list_objects_v2(Bucket=backend["bucket"])["Contents"]
        assert f"{backend['key']}.tflock" in {entry["Key"] for entry in listed}
        with pytest.raises(CommandFailed, match="Error acquiring the state lock") as refused:
            second.apply()
        assert "PreconditionFailed" in str(refused.value)
    finally:
        gate.touch()
        holder.join(120)
    assert problems == []
    # The lock is gone, the one who came second sees what the first has made, and may work now.
    listed = aws("s3").list_objects_v2(Bucket=backend["bucket"])["Contents"]
    assert {entry["Key"] for entry in listed} == {backend["key"]}
    second.destroy()


def test_each_environment_has_a_state_and_a_lock_of_its_own(
    state_checks: Callable[..., StateChecks], bootstrap: Any
) -> None:
    """dev and prod declare a backend each, under keys of their own, and both lock."""
    checks = state_checks(bootstrap)
    directories = (ENVIRONMENTS / "dev", ENVIRONMENTS / "prod")
    assert checks.every_environment_has_a_state_of_its_own(*directories)
    assert checks.every_environment_locks(*directories)
    assert checks.every_environment_encrypts_its_state(*directories)
