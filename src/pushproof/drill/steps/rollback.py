"""A rollback, waited for from the deployment's beginning until the previous revision is the only one again."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.executions import build_log, ended_execution
from pushproof.drill.observation import Serving, wait_for
from pushproof.drill.settings import ProofFailed


def await_rollback(context: Context, commit: str, before: Serving, earlier: str) -> str:
    """Wait until a commit's rollout is rolled back and the old revision is COMPLETED again; returns why it was.

    `earlier`: the newest deployment before the push, which may be a rollback of another push.

    Raises ProofFailed when the push fails at another stage, and as soon as it is known that no rollback can come: the breaker is
    off, it does not roll back, or there is no completed deployment to return to.
    """
    rollouts = context.rollouts
    wait_for(
        lambda: "begun" if rollouts.has_begun(before, earlier) else _failed_early(context, commit),
        what=f"the deployment of {commit[:7]} to begin",
        clock=context.target.clock,
        within=context.deadline("pipeline", context.settings.patience),
        watch=context.show_progress,
        last=context.observer.summary,
    )
    why = wait_for(
        lambda: rollouts.rollback(before, earlier) or _failed_early(context, commit),
        what="the rollback to begin",
        clock=context.target.clock,
        within=context.deadline("rollback", context.settings.patience),
        watch=context.show_progress,
        last=rollouts.summary,
    )
    context.narrator.claim(why)
    wait_for(
        lambda: True if rollouts.is_restored(before) else None,
        what="the previous revision to be COMPLETED again",
        clock=context.target.clock,
        within=context.deadline("restored", context.settings.patience),
        watch=context.show_progress,
        last=lambda: f"{context.observer.serving()}; {rollouts.summary()}",
    )
    context.narrator.claim("the previous revision is COMPLETED again, unaided")
    return why


def _failed_early(context: Context, commit: str) -> str | None:
    """Return None; raise ProofFailed when a commit's execution failed at another stage than its variant's."""
    execution = ended_execution(context, commit)
    if execution is None:
        return None
    stage, message = context.observer.failure(execution["pipelineExecutionId"])
    expected = context.delivery.deploy_stage
    if stage in ("", expected):
        return None
    actual = f"{execution['status']} at {stage}: {message}"
    raise ProofFailed(f"the broken push should fail at {expected}; it is {actual}\n{build_log(context)}")
