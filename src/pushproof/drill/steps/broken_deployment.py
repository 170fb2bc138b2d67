"""Step (f): a bad push is rolled back, or stops before Deploy, and nobody notices."""

from __future__ import annotations

import re

from pushproof.drill.context import Context
from pushproof.drill.evidence import RolledBack, StoppedEarly
from pushproof.drill.executions import build_log, ended, ended_execution, execution_after_rollback
from pushproof.drill.judgement import judge_requests, require_still_serving
from pushproof.drill.prober import Prober
from pushproof.drill.settings import ProofFailed
from pushproof.drill.steps.rollback import await_rollback, newest_record
from pushproof.drill.steps.step import Step

# What compilers, test runners and Docker begin their complaints with.
_COMPLAINT = re.compile(r"\b(FAIL: |COPY failed|failed to compute|failed to solve)")


class BrokenDeployment(Step):
    """Push the variant's breakage under load, and see what served before serve again, or still."""

    name = "broken-deployment"
    letter = "f"
    needs = (("apply",), ("second-deployment", "first-deployment"))
    pushes = True

    def perform(self, context: Context) -> RolledBack | StoppedEarly:
        variant, good = context.variant, context.deployed()
        ending = "is rolled back" if variant.rolls_back else f"stops at {variant.stage}"
        breaker = ""
        with context.narrator.step(self.letter, f"A bad push ({variant.name}) {ending}; nobody notices"):
            require_still_serving(context, good)
            before, deployment = context.observer.serving(), _newest_deployment(context)
            earlier = newest_record(context) if variant.rolls_back else ""
            with Prober(context.front()) as prober:
                commit = context.push(context.checkout.commit(f"Broken: {variant.title}", variant=variant))
                question = ended_execution
                if variant.rolls_back:
                    breaker = await_rollback(context, commit, before, earlier)
                    question = execution_after_rollback
                execution = ended(context, lambda: question(context, commit), f"the execution of {commit[:7]} to end")
                context.show_progress()
            report = prober.report
            context.result.probes[self.letter] = report
            identity, status = str(execution["pipelineExecutionId"]), str(execution["status"])
            stage, message = context.observer.failure(identity)
            undecided = variant.rolls_back and status in context.target.after_rollback - {"Failed"}
            if undecided:
                stage, message = variant.stage, "the action still waits; what serves is judged"
            elif status != "Failed" or stage != variant.stage:
                actual = f"{status} at {stage or 'no stage'} ({message})"
                raise ProofFailed(f"the broken push's execution is {actual}; expected Failed at {variant.stage}")
            context.narrator.claim(
                f"the execution {'is ' if undecided else ''}{status} at {stage}:"
                f" {message.splitlines()[0] if message else 'no message'}"
            )
            if not variant.rolls_back:
                _claim_untouched(context, commit, deployment)
            after = context.observer.serving()
            if after.task_definitions != before.task_definitions or after.digests != before.digests:
                raise ProofFailed(f"before the broken push {before} served, now {after} does")
            context.narrator.claim(f"what served before serves {'again' if variant.rolls_back else 'still'}: {after}")
            judge_requests(context, report, {good.commit})
        if variant.rolls_back:
            return RolledBack(variant.name, commit, identity, breaker, undecided)
        return StoppedEarly(variant.name, commit, identity, stage)


def _newest_deployment(context: Context) -> str:
    """Return the id of the service's newest deployment."""
    return str(max(context.observer.service()["deployments"], key=lambda d: d["createdAt"])["id"])


def _claim_untouched(context: Context, commit: str, deployment: str) -> None:
    """Claim that a push which stopped before Deploy left no image and no deployment, and what its build said."""
    complaints = [line for line in build_log(context, last=None).splitlines() if _COMPLAINT.search(line)]
    if complaints:
        context.narrator.claim(f"the build's log says: {complaints[0].strip()}")
    name = context.outputs.repository_name
    images = context.target.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    tags = [tag for image in images for tag in image.get("imageTags", []) if commit[:7] in tag]
    if tags:
        raise ProofFailed(f"the broken push's build failed, and still pushed {', '.join(tags)} to {name}")
    now = _newest_deployment(context)
    if now != deployment:
        raise ProofFailed(f"the broken push never came to Deploy, and still the service began deployment {now}")
    context.narrator.claim(f"no image of {commit[:7]} is in {name}; the service still has deployment {deployment}")
