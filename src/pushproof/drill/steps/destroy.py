"""Step (i): everything is gone at the end."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.evidence import Destroyed
from pushproof.drill.observation import wait_for
from pushproof.drill.steps.step import Step


class Destroy(Step):
    """Destroy the environment and its state bucket, and find nothing of the drill in the account any more."""

    name = "destroy"
    letter = "i"
    needs = (("apply",),)

    def perform(self, context: Context) -> Destroyed:
        target, narrator, applied = context.target, context.narrator, context.applied
        with narrator.step(self.letter, "Everything is gone at the end"):
            context.close_listener()
            stack, bootstrap = context.stack, context.bootstrap
            stack.limit = context.deadline("destroy", stack.limit)
            stack.destroy()
            narrator.claim("terraform destroy ended without error")
            if applied.certificate_arn:
                target.forget_certificate(applied.certificate_arn)
            if bootstrap is not None:
                bootstrap.destroy()
            swept = target.tidy(frozenset(applied.there_before))
            if swept:
                narrator.claim(f"swept, as no Terraform knows them: {', '.join(swept)}")
            wait_for(
                lambda: None if _left(context) else True,
                what="everything to be gone",
                clock=target.clock,
                within=context.deadline("gone", 0.0),
                last=lambda: f"destroy left behind: {', '.join(_left(context))}",
            )
            narrator.claim("no resource of the drill is left in the account, no container on the Engine")
        return Destroyed(tuple(swept))


def _left(context: Context) -> list[str]:
    return [name for name in context.target.leftovers() if name not in context.applied.there_before]
