"""Step (h): Terraform does not want to undo what the pipeline deployed."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.evidence import EmptyPlan
from pushproof.drill.steps.apply import require_empty_plan
from pushproof.drill.steps.step import Step


class PlanAfterDeployments(Step):
    """Plan again: no changes are wanted."""

    name = "empty-plan"
    letter = "h"
    needs = (("apply",),)

    def perform(self, context: Context) -> EmptyPlan:
        with context.narrator.step(self.letter, "Terraform does not want to undo it"):
            stack = context.stack
            spent = stack.timings.get("plan", 0.0)
            require_empty_plan(stack, "after two deployments")
            context.narrator.claim("terraform plan is empty after the deployments")
        return EmptyPlan(stack.timings.get("plan", 0.0) - spent)
