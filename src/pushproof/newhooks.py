"""Hooks that Pushproof calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

# Every pytest run imports this file.
if TYPE_CHECKING:
    from pushproof.engines.mutation import Operator


@pytest.hookspec(firstresult=True)
def pytest_pushproof_make_target(config: pytest.Config, name: str) -> Any:
    """Called when the session's target is opened; return a `Target` to use it for `--target NAME`, or None."""


@pytest.hookspec
def pytest_pushproof_mutation_operators() -> list[Operator]:  # type: ignore[empty-body]
    """Called when `pushproof mutate` makes its mutants; return operators of your own, which join Pushproof's.

    An operator has a name, a description, the harm, the page that says so, and `changes(project)`, which yields a `Change` for
    each place where somebody could make the mistake. `pushproof.engines.mutation.operator` makes one from a function.
    """
