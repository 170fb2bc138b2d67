"""Pytest, in a process that has imported this package before."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def run_pytest(arguments: Sequence[str]) -> int:
    """Run pytest as its own program does; returns its exit code."""
    import pytest

    sys.argv[:] = ["pytest", *arguments]
    # Nothing of this package has asserts for pytest to rewrite.
    return int(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments]))
