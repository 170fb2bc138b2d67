"""For the whole test tree: no test sees anybody's AWS credentials, but those that `--target sandbox` is meant to use."""

from __future__ import annotations

import os

import pytest

from pushproof.environment import scrub

pytest_plugins = ["pytester"]



def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--target", default="embedded") != "sandbox":
        scrub(os.environ)
