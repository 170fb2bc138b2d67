"""A world that deploys for long keeps what it must, and no more."""

from __future__ import annotations

import gc
import os
import threading
from typing import Any


def test_rollouts_leave_no_handles_threads_or_long_answers(stack: Any) -> None:
    """Good and bad rollouts in turn: file handles and threads stay as they were, and no more objects are left than records need."""
    group = stack.target_group()
    stack.runtime.add_image("app:bad", {"never-healthy": "true"})
    stack.serve(stack.define(), group=group)
    stack.settle()

    def roll_out(number: int) -> None:
        stack.deploy("app:bad" if number % 4 == 0 else f"app:v{number % 2 + 1}")
        stack.settle()

    def left() -> tuple[int, int, int]:
        gc.collect()
        return len(gc.get_objects()), len(os.listdir("/proc/self/fd")), threading.active_count()

    # An hour of stopped tasks has to be there first.
    for number in range(1, 17):
        roll_out(number)
    objects, handles, threads = left()
    for number in range(17, 33):
        roll_out(number)
    after, handles_after, threads_after = left()
    assert (handles_after, threads_after) == (handles, threads)
    # About 600 for the records of a rollout: calls, events, a deployment, a revision.
    assert (after - objects) / 16 < 1500
    reads = [call for call in stack.world.log.calls if not call.mutating]
    assert reads
    assert all(call.response is None for call in reads)
