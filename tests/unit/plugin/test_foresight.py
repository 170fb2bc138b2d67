"""Foresight of what tests are going to use."""

from __future__ import annotations

import pytest

from pushproof.session.foresight import uses

TESTS = """
import pytest

@pytest.fixture
def copy(thing):
    def make():
        return thing.fork()
    return make

def test_by_fixture(copy): pass
def test_by_itself(thing): thing.fork()
def test_neither(): pass
class TestGroup:
    def test_by_method(self, thing): thing.fork()

@pytest.fixture
def thing(): pass
"""


@pytest.mark.parametrize(
    ("chosen", "expected"), [("by_fixture", True), ("by_itself", True), ("by_method", True), ("neither", False)]
)
def test_code_tells_what_is_used(pytester: pytest.Pytester, chosen: str, expected: bool) -> None:
    """A name counts in a test, in its fixtures, and in functions inside of them."""
    items, _ = pytester.inline_genitems(pytester.makepyfile(TESTS))
    assert uses([item for item in items if item.name == f"test_{chosen}"], "fork") is expected
