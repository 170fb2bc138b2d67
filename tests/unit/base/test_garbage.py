"""The pause of the garbage collector."""

from __future__ import annotations

import gc

import pytest

from pushproof.base.garbage import collector_paused


def test_the_collector_works_again_after_a_pause() -> None:
    """The collector is off in the block, and on after it, also after an error."""

    def fail() -> None:
        with collector_paused():
            assert not gc.isenabled()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """A pause in a pause ends with the outer one."""
    with collector_paused():
        with collector_paused():
            pass
        assert not gc.isenabled()
