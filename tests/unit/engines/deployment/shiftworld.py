"""A service behind two target groups, and what a simulated rollout does to its traffic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pushproof.engines.deployment import (
    ALL,
    CircuitBreaker,
    DeploymentConfiguration,
    DeploymentSettings,
    LoadBalancer,
    ServiceState,
    StartTask,
    Strategy,
    TaskScript,
    Timeline,
    create_service,
    simulate,
    update_service,
)

BLUE, GREEN = "arn:group/blue", "arn:group/green"
BALANCER = LoadBalancer(
    BLUE, "web", 8080, GREEN, production_rule="arn:rule/production", test_rule="arn:rule/test", role_arn="arn:role"
)
START = 10_000.0
GOOD = TaskScript()
NEVER_HEALTHY = TaskScript(target_healthy_after=None, target_unhealthy_after=90.0)


def configuration(strategy: Strategy, *, breaker: bool = True, **more: Any) -> DeploymentConfiguration:
    return DeploymentConfiguration(breaker=CircuitBreaker(enable=breaker, rollback=True), strategy=strategy, **more)


def first(
    parts: DeploymentConfiguration, *, desired: int = 2, tuning: DeploymentSettings | None = None, **more: Any
) -> Timeline:
    """Return the first deployment of a service, until START."""
    decision = create_service(
        service_arn="arn:aws:ecs:eu-west-1:123456789012:service/c/web",
        cluster_arn="arn:aws:ecs:eu-west-1:123456789012:cluster/c",
        name="web",
        task_definition="web:1",
        desired_count=desired,
        now=0.0,
        configuration=parts,
        settings=tuning,
        load_balancers=[BALANCER],
    )
    return simulate(decision, lambda _, __: GOOD, until=START - 1, **more)


def serving(
    strategy: Strategy, *, desired: int = 2, tuning: DeploymentSettings | None = None, **more: Any
) -> ServiceState:
    """Return a service that runs its first revision, with a strategy for the next."""
    state = first(configuration(Strategy("BLUE_GREEN"), **more), desired=desired, tuning=tuning).state
    assert state.record.status == "SUCCESSFUL"
    update_service(state, START - 1, configuration=configuration(strategy, **more))
    return state


def push(state: ServiceState, *, script: TaskScript = GOOD, until: float = 14 * 86_400.0, **more: Any) -> Timeline:
    """Deploy the second revision."""

    def behave(action: StartTask, _: float) -> TaskScript:
        return GOOD if action.task_definition == "web:1" else script

    decision = update_service(state, START, task_definition="web:2")
    return simulate(decision, behave, now=START, until=START + until, **more)


def weights(line: Timeline, *, test: bool = False, before: str = BLUE) -> Iterable[dict[str, int]]:
    """Yield the weight of each group after each shift, the first as it was before."""
    now = {BLUE: ALL if before == BLUE else 0, GREEN: ALL if before == GREEN else 0}
    yield dict(now)
    for shift in line.shifts:
        if shift.test == test:
            (balancer,) = shift.balancers
            now = {balancer.group: shift.weight, balancer.other: ALL - shift.weight}
            yield dict(now)


def stages(line: Timeline) -> list[str]:
    """Return the stages of the hooks that were called, in order."""
    return [str(call.payload["lifecycleStage"]) for _, call in line.calls]
