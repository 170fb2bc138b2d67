"""Fixtures of the whole test tree: no test sees real AWS credentials, except those for `--target sandbox`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from pushproof.base.environment import scrub

pytest_plugins = ["pytester"]

# Worlds of tests need no machine images, and loading moto's takes longer than most tests.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

# Every answer of every world that a test opens is compared with AWS's models, also in processes that the test starts.
os.environ.setdefault("PUSHPROOF_JUDGE_ANSWERS", "1")


@pytest.fixture(autouse=True)
def _answers_are_awss() -> Iterator[None]:
    """Fail a test in which an answer differed from AWS's models, even if the test did not notice."""
    yield
    # Not imported for tests without a world: it imports moto.
    judging = sys.modules.get("pushproof.emulator.wire.judging")
    if judging is not None:
        violations = list(judging.FOUND)
        judging.FOUND.clear()
        assert violations == [], "answers that are not what AWS's models say"


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts something in the background makes it ignore Ctrl-C, and everything that it starts; tests press Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("pushproof_target", default=None) != "sandbox":
        scrub(os.environ)
