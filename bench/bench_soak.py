"""A soak of one world: thousands of rollouts, one in four broken. Memory, file handles and threads stay within bounds.

`bench_soak.py [ROLLOUTS] [FILE]` prints a line for each twentieth of them; with FILE in JSON. The clock is virtual and the tasks
are scripted: 2,000 rollouts are about a week of AWS time. What a world remembers is bounded: 10,000 calls, 5,000 of them with
answers, 10,000 that failed, 10,000 events, an hour of stopped tasks, 90 days of deployments.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench_growth import Stage, world

from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime
from pushproof.emulator.world import World


@dataclass(frozen=True, slots=True)
class Sample:
    """A world after some rollouts. Memory in MB (resident), time in processor seconds of each rollout since the last sample."""

    rollouts: int
    resident: float
    handles: int
    threads: int
    seconds: float
    calls: int
    events: int


def soak(rollouts: int) -> list[Sample]:
    """Deploy again and again in one world, and sample it."""
    samples: list[Sample] = []
    with world() as opened:
        stage = Stage(opened)
        assert isinstance(opened.equipment.tasks, ScriptedRuntime)
        opened.equipment.tasks.add_image("app:bad", {"never-healthy": "true"})
        stage.create("app", 80, 2, breaker=True)
        stage.settle("app")
        every, since = max(1, rollouts // 20), time.process_time()
        for number in range(1, rollouts + 1):
            stage.deploy("app", "bad" if number % 4 == 0 else f"v{number % 2 + 1}")
            stage.settle("app")
            if number % every == 0:
                gc.collect()
                spent = (time.process_time() - since) / every
                samples.append(_sample(opened, number, spent))
                print(_line(samples[-1]), flush=True)
                since = time.process_time()
    return samples


def _sample(of: World, rollouts: int, seconds: float) -> Sample:
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    handles = len(os.listdir("/proc/self/fd"))
    return Sample(
        rollouts,
        round(resident, 1),
        handles,
        threading.active_count(),
        round(seconds, 3),
        len(of.log.calls),
        len(of.bus.history),
    )


def _line(sample: Sample) -> str:
    return (
        f"{sample.rollouts:6} rollouts  {sample.resident:7.1f} MB  {sample.handles:3} handles  {sample.threads} threads  "
        f"{sample.seconds:.3f} s a rollout  {sample.calls} calls, {sample.events} events"
    )


def main() -> None:
    """Run the soak of the command line."""
    rollouts = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    samples = soak(rollouts)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps([asdict(sample) for sample in samples], indent=1) + "\n")


if __name__ == "__main__":
    main()
