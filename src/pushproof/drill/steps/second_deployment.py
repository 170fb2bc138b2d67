"""Step (e): a second good push deploys, and no request fails meanwhile."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.evidence import Deployed
from pushproof.drill.executions import succeeded
from pushproof.drill.judgement import (
    claim_serving,
    images,
    judge_requests,
    judge_shares,
    probing,
    require_still_serving,
    watching,
)
from pushproof.drill.observation import Serving, wait_for
from pushproof.drill.settings import ProofFailed
from pushproof.drill.steps.before import claim_task_before
from pushproof.drill.steps.step import Step
from pushproof.drill.steps.strategy import require_strategy


class SecondDeployment(Step):
    """Push another good commit under load, and see it replace the first without a failed request."""

    name = "second-deployment"
    letter = "e"
    needs = (("apply",), ("first-deployment",))
    pushes = True

    def perform(self, context: Context) -> Deployed:
        first = context.deployed()
        with context.narrator.step(self.letter, "A second good push deploys; no request fails meanwhile"):
            require_still_serving(context, first)
            before = context.observer.serving()
            known = images(context)
            strategy = require_strategy(context)
            with probing(context) as report, watching(context) as weights:
                commit = context.push(context.commit("Second version"))
                execution = succeeded(context, commit)
                wait_for(
                    lambda: _replaced(context, before),
                    what="the old tasks to be gone",
                    clock=context.target.clock,
                    within=context.deadline("replaced", 1800),
                    watch=context.show_progress,
                )
            context.result.probes[self.letter] = report
            serving = claim_serving(context, commit, known, earlier=first.digests)
            claim_task_before(context, commit, serving.digests, serving.task_definitions)
            judge_requests(context, report, {first.commit, commit})
            if strategy != "rolling":
                judge_shares(context, report, weights, commit)
            if first.asking.tells and not (report.answered_by(commit) and report.answered_by(first.commit)):
                raise ProofFailed(
                    f"the prober saw {dict(report.commits)}; expected both {first.commit[:7]} and {commit[:7]}"
                )
        return Deployed(
            commit, execution, tuple(sorted(serving.task_definitions)), tuple(sorted(serving.digests)), first.asking
        )


def _replaced(context: Context, old: Serving) -> bool | None:
    """Return True once tasks run and none of them is of an old revision."""
    serving = context.observer.serving()
    return True if serving.running and not serving.task_definitions & old.task_definitions else None
