"""Judgement of the task that runs before a deployment."""

from __future__ import annotations

import shlex

from pushproof.drill.context import Context
from pushproof.drill.settings import ProofFailed
from pushproof.drill.tasksbefore import TaskBefore


def claim_task_before(context: Context, commit: str, serving: frozenset[str], revisions: frozenset[str]) -> None:
    """Claim that the task ran in the image that serves now, succeeded, and ended before the deployment began.

    `serving`: the digests that serve; `revisions`: their task definitions. Does nothing where no task is asked for. Raises
    ProofFailed.
    """
    if context.tasks_before is None:
        return
    task = _newest(context, commit)
    if task.exit_code != 0:
        raise ProofFailed(
            f"the task before the deployment of {commit[:7]} ended {_ending(task)}, and still it is deployed"
        )
    if not task.digests <= serving:
        raise ProofFailed(
            f"the task before the deployment ran {', '.join(task.digests)}; expected the image of {commit[:7]}, "
            f"{', '.join(sorted(serving))}"
        )
    begun = context.rollouts.begins(revisions)
    if begun and min(begun) < task.stopped_at:
        raise ProofFailed(f"the deployment of {commit[:7]} began before the task before it had ended")
    context.narrator.claim(
        f"{_words(context)} ran in the image of {commit[:7]} before its deployment, and ended with 0"
    )


def claim_failed_task(context: Context, commit: str, pushed: set[str]) -> str:
    """Claim that the task ran in the image of a broken push and failed; returns how it ended. Raises ProofFailed."""
    if context.tasks_before is None:
        return ""
    task = _newest(context, commit)
    if task.exit_code == 0:
        raise ProofFailed(f"{_words(context)} succeeded in the broken image of {commit[:7]}")
    if task.digests - pushed:
        raise ProofFailed(f"the task before the deployment ran {', '.join(task.digests)}, no image of {commit[:7]}")
    context.narrator.claim(f"{_words(context)} ran in the image of {commit[:7]}, and ended {_ending(task)}")
    return f"the task ended {_ending(task)}"


def _newest(context: Context, commit: str) -> TaskBefore:
    assert context.tasks_before is not None
    tasks = context.tasks_before.take()
    if not tasks:
        raise ProofFailed(
            f"no task ran {_words(context)} in cluster {context.delivery.cluster} for the push of {commit[:7]}; expected one in "
            f"stage {context.delivery.before_stage or 'between build and deployment'}"
        )
    return tasks[-1]


def _words(context: Context) -> str:
    return f"`{shlex.join(context.settings.before)}`"


def _ending(task: TaskBefore) -> str:
    return f"with {task.exit_code}" if task.exit_code is not None else f"without an exit code ({task.reason})"
