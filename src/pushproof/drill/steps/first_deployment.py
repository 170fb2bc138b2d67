"""Step (d): a good push deploys."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.evidence import Deployed
from pushproof.drill.executions import succeeded
from pushproof.drill.judgement import claim_serving
from pushproof.drill.prober import wait_for_version
from pushproof.drill.steps.authorisation import authorise, awaits_authorisation
from pushproof.drill.steps.step import Step


class FirstDeployment(Step):
    """Push a good commit and see it serve, through the load balancer and by its image."""

    name = "first-deployment"
    letter = "d"
    needs = (("apply",),)
    pushes = True

    def perform(self, context: Context) -> Deployed:
        narrator = context.narrator
        with narrator.step(self.letter, "A good push deploys"):
            # The step that sees a push refused authorises the connection; without it, this one does.
            if awaits_authorisation(context):
                authorise(context)
            commit = context.push(context.checkout.commit("First version, again"))
            execution = succeeded(context, commit)
            version = wait_for_version(
                context.front(), commit, clock=context.target.clock, within=context.deadline("serving", 900)
            )
            serving = claim_serving(context, commit)
            narrator.claim(f"https://{context.outputs.load_balancer_dns_name}/version answers {version[:7]}")
        return Deployed(commit, execution, tuple(sorted(serving.task_definitions)), tuple(sorted(serving.digests)))
