"""For the whole test tree: no test sees anybody's AWS credentials, but those that `--target sandbox` is meant to use."""

from __future__ import annotations

import os
import signal

import pytest

from pushproof.base.environment import scrub

pytest_plugins = ["pytester"]

# Worlds of tests need no machine images; loading moto's takes longer than most tests.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts something in the background makes it deaf to Ctrl-C, and all that it starts; tests press Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--target", default="embedded") != "sandbox":
        scrub(os.environ)
