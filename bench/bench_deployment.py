"""A rollout simulated start to finish, at three sizes: figures and growth.

Every event of every task goes through a heap, so the work is n log n. From 1,000 to 10,000 tasks that is n^1.12, from there to
40,000 n^1.10. On a busy machine seconds grow faster, since 40,000 tasks do not fit the processor's caches:
`bench_deployment.py instructions` counts instructions instead, where Valgrind is installed. From 1,000 tasks to 4,000 and 16,000
they are 0.85 and 0.74 of n log n in batches, which is n.
"""

from __future__ import annotations

import gc
import math
import os
import sys
import time

from counting import count

from pushproof.engines.deployment import LoadBalancer, TaskScript, create_service, simulate, update_service


def rollout(tasks: int, *, spread: bool, times: int = 1) -> float:
    """Return the seconds of processor time to simulate one deployment of `tasks` tasks over as many healthy ones.

    `spread` gives every task its own instants, so that the scheduler decides once for each observation. With `times` 0 everything
    is prepared and nothing done.
    """
    number = 0

    def behave(_: object, __: float) -> TaskScript:
        nonlocal number
        number += 1
        offset = number * 0.001 if spread else 0.0
        return TaskScript(start_seconds=20 + offset, target_healthy_after=10.0)

    balancer = LoadBalancer("arn:aws:elasticloadbalancing:us-east-1:111111111111:targetgroup/web/1", "web", 8080)
    first = create_service(
        service_arn="arn:aws:ecs:us-east-1:111111111111:service/c/s",
        cluster_arn="arn:aws:ecs:us-east-1:111111111111:cluster/c",
        name="s",
        task_definition="web:1",
        desired_count=tasks,
        now=0.0,
        load_balancers=[balancer],
    )
    state = simulate(first, behave).state
    # As timeit does: the collector's passes over all live objects do not belong to the scheduler.
    gc.collect()
    gc.disable()
    if times == 0:
        os._exit(0)
    began = time.process_time()
    line = simulate(update_service(state, 10_000.0, task_definition="web:2"), behave, now=10_000.0)
    seconds = time.process_time() - began
    gc.enable()
    if line.state.primary.rollout_state != "COMPLETED" or line.started != tasks:
        raise RuntimeError(f"The rollout of {tasks} tasks did not complete: {line.state.primary.rollout_state}.")
    return seconds


def main() -> None:
    """Print seconds and tasks per second at 1,000, 10,000 and 40,000 tasks, and the growth against n log n."""
    for spread in (False, True):
        print("deployment,", "one decision per observation" if spread else "observations in batches")
        previous: tuple[int, float] | None = None
        for tasks in (1_000, 10_000, 40_000):
            seconds = min(rollout(tasks, spread=spread) for _ in range(2))
            growth = ""
            if previous is not None:
                exponent = math.log(seconds / previous[1]) / math.log(tasks / previous[0])
                expected = tasks * math.log2(tasks) / (previous[0] * math.log2(previous[0]))
                growth = f"  grows as n^{exponent:.2f}, n log n x {seconds / previous[1] / expected:.2f}"
            print(f"  {tasks:>7,} tasks  {seconds:8.3f} s  {tasks / seconds:>10,.0f} tasks/s{growth}")
            previous = (tasks, seconds)


if __name__ == "__main__":
    if sys.argv[1:] == ["instructions"]:
        for way in ("batches", "spread"):
            print("deployment,", way)
            count(__file__, "tasks", (1_000, 4_000, 16_000), way)
    elif sys.argv[1:2] == ["once"]:
        rollout(int(sys.argv[2]), spread=sys.argv[3] == "spread", times=int(sys.argv[4]))
        os._exit(0)
    else:
        main()
