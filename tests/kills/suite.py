"""A suite to be killed: two tests that apply a module, fork it and change the fork. Copied as `test_small.py` beside its module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MODULE = Path(__file__).parent / "module"


@pytest.fixture(scope="module")
def module(applied: Any) -> Any:
    return applied(MODULE)


def test_the_bucket_is_there(module: Any, aws: Any) -> None:
    """The module that was applied, or continued, is whole."""
    assert module.terraform.state()
    assert [bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]] == ["kept"]


@pytest.mark.parametrize("number", range(3))
def test_a_fork_is_its_own(module: Any, aws: Any, number: int) -> None:
    """A fork's own changes are seen neither in the module nor in another fork."""
    fork = module.fork()
    queues = fork.aws("sqs")
    queues.create_queue(QueueName=f"queue-{number}")
    assert len(queues.list_queues().get("QueueUrls", [])) == 1
    assert "QueueUrls" not in aws("sqs").list_queues()
