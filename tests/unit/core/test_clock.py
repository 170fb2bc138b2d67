"""The clock that everything waits on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.base.clock import ScaledClock, VirtualClock, start_room, work_limit


def test_a_faster_clock_makes_waits_shorter_in_proportion() -> None:
    """Thirty seconds of AWS time take one second at speed 30."""
    assert ScaledClock(30).real_delay(30) == 1.0


def test_answers_show_wall_clock_instants() -> None:
    """Shown instants differ by the real time between them, not by the AWS time."""
    clock = ScaledClock(60)
    now = clock.now()
    assert (clock.stamp(now + 120) - clock.stamp(now)).total_seconds() == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("speed", [0, -1])
def test_a_speed_that_is_no_speed_is_refused(speed: float) -> None:
    """A speed of zero or below is refused, and the message names the expected values."""
    with pytest.raises(ValueError, match="greater than 0"):
        ScaledClock(speed)


def test_a_virtual_clock_never_runs_backwards() -> None:
    """Moving a virtual clock back is an error."""
    clock = VirtualClock(100)
    with pytest.raises(ValueError, match="backwards"):
        clock.move_to(99)


@given(st.floats(0.1, 1000), st.floats(0.01, 3600))
def test_real_work_keeps_a_limit_it_can_meet(speed: float, seconds: float) -> None:
    """A limit on real work is never longer than on AWS at speed 1 or more, and never cut below five seconds or itself."""
    limit = work_limit(ScaledClock(speed), seconds)
    assert limit >= min(seconds, 5.0)
    if speed >= 1:
        assert limit <= max(seconds, 5.0)


@pytest.mark.parametrize(
    ("speed", "patience", "real"),
    [(1.0, 90.0, 90.0), (20.0, 90.0, 15.0), (60.0, 90.0, 15.0), (2.0, 90.0, 45.0), (20.0, 10.0, 10.0)],
)
def test_a_start_is_given_the_time_that_programs_take(speed: float, patience: float, real: float) -> None:
    """A new program is judged only after 15 real seconds, or AWS's time if that is less; never after less than the scaled time."""
    clock = ScaledClock(speed)
    assert clock.real_delay(patience + start_room(clock, patience)) == pytest.approx(real)
    assert start_room(VirtualClock(), patience) == 0.0
