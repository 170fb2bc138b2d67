"""Deployments: a bad revision rolls back, a good one keeps the capacity, and the service survives the loss of a task."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.service.described import DescribedService

_DEPLOYMENTS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"
_BREAKER = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"
_CAPACITY = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html"
_SIZES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size"
_TAGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html"


class DeploymentChecks(DescribedService):
    """Checks of the service's deployments and capacity."""

    @check
    def rolls_back_by_itself(self) -> Iterator[Finding]:
        """The deployment circuit breaker is on, and rolls back."""
        service = self._describe()
        breaker = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
        if not (breaker.get("enable") and breaker.get("rollback")):
            yield Finding(
                resource=service["serviceArn"],
                expected="deploymentCircuitBreaker with enable and rollback",
                found=f"enable {bool(breaker.get('enable'))}, rollback {bool(breaker.get('rollback'))}",
                why="A revision that never becomes healthy is tried again for ever, and nobody puts the last good one back.",
                change="In aws_ecs_service: deployment_circuit_breaker { enable = true, rollback = true }",
                page=_BREAKER,
            )
        if service.get("deploymentController", {}).get("type", "ECS") != "ECS":
            yield Finding(
                resource=service["serviceArn"],
                expected="the ECS (rolling update) deployment controller",
                found=service["deploymentController"]["type"],
                why="The circuit breaker works with the ECS controller only.",
                change='deployment_controller { type = "ECS" }',
                page=_BREAKER,
            )

    @check
    def keeps_its_capacity_while_it_deploys(self) -> Iterator[Finding]:
        """A rolling deployment never goes below the desired count, and has room for new tasks."""
        service = self._describe()
        configuration = service.get("deploymentConfiguration", {})
        low, high = configuration.get("minimumHealthyPercent", 100), configuration.get("maximumPercent", 200)
        # A service with desired count 0 is judged as with one task.
        desired = service["desiredCount"] or 1
        # ECS rounds the minimum up and the maximum down.
        floor, room = -(-desired * low // 100), desired * high // 100
        if low < 100:
            yield Finding(
                resource=service["serviceArn"],
                expected="minimumHealthyPercent 100",
                found=f"minimumHealthyPercent {low}",
                why=f"A deployment may stop {desired - floor} of {desired} tasks before their successors are healthy: the rest"
                " take all the requests."
                if floor < desired
                else f"With {desired} tasks none may be stopped early, because ECS rounds up; with more of them it may.",
                change="deployment_minimum_healthy_percent = 100",
                page=_DEPLOYMENTS,
            )
        if room <= desired and floor >= desired:
            yield Finding(
                resource=service["serviceArn"],
                expected=f"a maximumPercent that lets at least one task more than {desired} run",
                found=f"maximumPercent {high}, with minimumHealthyPercent {low}",
                why="ECS may neither stop an old task nor start a new one: the deployment never begins.",
                change="deployment_maximum_percent = 200",
                page=_DEPLOYMENTS,
            )

    @check
    def outlives_the_loss_of_a_task(self, *, at_least: int = 2) -> Iterator[Finding]:
        """The service runs at least this many tasks, so that another task serves when one stops."""
        service = self._describe()
        if service["desiredCount"] < at_least:
            yield Finding(
                resource=service["serviceArn"],
                expected=f"at least {at_least} tasks",
                found=f"desiredCount {service['desiredCount']}",
                why="When a task stops, nobody serves until its successor is healthy: at each crash, at each retirement of"
                " Fargate's hosts, and when its zone fails.",
                change=f"desired_count = {at_least}; where the count is ignored by Terraform, raise it on the service.",
                page=_DEPLOYMENTS,
            )

    @check
    def tasks_have_at_least(self, *, cpu: int, memory: int) -> Iterator[Finding]:
        """The task definition gives tasks this many CPU units and MiB of memory, or more."""
        definition = self._definition()
        for name, size, least, unit in (
            ("cpu", definition.get("cpu"), cpu, "CPU units"),
            ("memory", definition.get("memory"), memory, "MiB"),
        ):
            there = int(size or 0)
            if there < least:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"{least} {unit}",
                    found=f"{there} {unit}",
                    why="Requests queue up where the processor is missing, and where memory is missing tasks are killed:"
                    " OutOfMemory.",
                    change=f"{name} = {least}",
                    page=_SIZES,
                )

    @check
    def runs_on_capacity_that_stays(self) -> Iterator[Finding]:
        """At least one task is on FARGATE and not on FARGATE_SPOT, whose tasks AWS may stop with two minutes' notice."""
        service = self._describe()
        strategy = service.get("capacityProviderStrategy") or ()
        spot = [item for item in strategy if item["capacityProvider"] == "FARGATE_SPOT"]
        others = [item for item in strategy if item["capacityProvider"] != "FARGATE_SPOT"]
        if not spot:
            return
        if not any(item.get("base", 0) > 0 for item in others):
            yield Finding(
                resource=service["serviceArn"],
                expected="a base of at least one task on FARGATE",
                found=", ".join(
                    f"{item['capacityProvider']} base {item.get('base', 0)} weight {item.get('weight', 0)}"
                    for item in strategy
                ),
                why="When AWS wants its spare capacity back, every task can be stopped within two minutes, and none may be placed"
                " until there is capacity again.",
                change='capacity_provider_strategy { capacity_provider = "FARGATE", base = 1, weight = 100 }',
                page=_CAPACITY,
            )

    @check
    def tasks_carry_tags(self) -> Iterator[Finding]:
        """Tasks get the tags of their service or task definition."""
        service = self._describe()
        if service.get("propagateTags", "NONE") == "NONE":
            yield Finding(
                resource=service["serviceArn"],
                expected="propagateTags SERVICE or TASK_DEFINITION",
                found="propagateTags NONE",
                why="Tasks are what is billed, and they carry no tag: nobody can tell whose they are.",
                change='propagate_tags = "SERVICE"',
                page=_TAGS,
            )
