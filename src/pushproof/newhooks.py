"""Hooks that Pushproof calls."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookspec(firstresult=True)
def pytest_pushproof_make_target(config: pytest.Config, name: str) -> Any:
    """Called when the session's target is opened; return a `Target` to use it for `--target NAME`, or None."""
