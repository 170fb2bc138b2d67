"""The loop: timers in order, work off the lock, failures kept."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.base.clock import ScaledClock
from pushproof.emulator.kernel.loop import Outcome, ThreadedLoop, VirtualLoop


@given(st.lists(st.floats(0, 1000), max_size=30))
def test_timers_run_in_the_order_of_their_times(delays: list[float]) -> None:
    """Timers run by time, at their time, in whatever order they are set."""
    loop = VirtualLoop()
    start, ran = loop.clock.now(), []
    for delay in delays:
        loop.call_later(delay, lambda: ran.append(loop.clock.now() - start))
    loop.advance(1000)
    assert ran == sorted(ran)
    assert ran == pytest.approx(sorted(delays), abs=1e-5)


def test_a_cancelled_timer_never_runs() -> None:
    """Cancelling takes a callback back."""
    loop, ran = VirtualLoop(), []
    loop.call_later(1, lambda: ran.append("no")).cancel()
    loop.advance(5)
    assert ran == []


def test_a_virtual_loop_raises_what_a_callback_raised() -> None:
    """A fault inside the world fails the test that let time pass."""
    loop = VirtualLoop()
    loop.call_soon(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loop.advance(0)


def test_run_until_says_when_it_does_not_come_about() -> None:
    """Waiting for what never happens ends with the limit named."""
    loop = VirtualLoop()

    def again() -> None:
        loop.call_later(10, again)

    again()
    with pytest.raises(TimeoutError, match="100 s of AWS time"):
        loop.run_until(lambda: False, within=100)


def test_work_runs_off_the_lock_and_comes_back_under_it() -> None:
    """Blocking work leaves the lock free; its outcome arrives holding it."""
    loop = ThreadedLoop(ScaledClock(100))
    try:
        free, back, finished = threading.Event(), [], threading.Event()

        def work() -> str:
            with loop.lock:
                free.set()
            return "value"

        def done(outcome: Outcome[str]) -> None:
            back.append(outcome.get())
            finished.set()

        loop.submit(work, done)
        assert finished.wait(5)
        assert free.is_set()
        assert back == ["value"]
    finally:
        loop.close()


def test_the_threaded_loop_waits_scaled_seconds() -> None:
    """Ten seconds of AWS time at speed 100 pass in about a tenth of a second, and one fault does not stop the clock."""
    loop = ThreadedLoop(ScaledClock(100))
    try:
        rang = threading.Event()
        loop.call_soon(lambda: 1 / 0, name="faulty")
        began = time.monotonic()
        loop.call_later(10, rang.set)
        assert rang.wait(5)
        assert time.monotonic() - began >= 0.095
        assert [name for name, _ in loop.failures] == ["faulty"]
    finally:
        loop.close()


def test_closing_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """Work that does not end is named, and the rest of the world can be closed; what has not begun never does."""
    loop = ThreadedLoop(ScaledClock(1), workers=1)
    begun, hung, never = threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        hung.wait(30)

    try:
        loop.submit(hang, name="pull of shop:v1")
        loop.submit(never.set, name="start")
        assert begun.wait(5)
        loop.close(within=0.05)
        assert [record.message for record in caplog.records] == [
            "the world closes although this goes on: pull of shop:v1"
        ]
    finally:
        hung.set()
        loop.close()
    assert not never.is_set()
