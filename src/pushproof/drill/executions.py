"""Executions of the pipeline, waited for and judged."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushproof.drill.context import Context
from pushproof.drill.observation import wait_for
from pushproof.drill.settings import ProofFailed

if TYPE_CHECKING:
    from pushproof.drill.discovery.shapes import Execution

# BuildKit's and the classic builder's words for a base image that no registry has, or no registry that answers.
_UNPULLED = re.compile(
    r"(?:(?P<image>[\w./:@-]+): failed to (?:resolve source metadata|do request|copy)|"
    r"failed to resolve source metadata for (?P<other>[\w./:@-]+)|pull access denied for (?P<denied>[\w./:@-]+))"
)
ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an execution: its status, and the stage and message of the action that failed ("" when none did)."""

    status: str
    stage: str
    message: str


def outcome(context: Context, commit: str) -> Outcome:
    """Wait for the end of a commit's execution. Raises ProofFailed when it does not end."""
    execution = ended(context, lambda: ended_execution(context, commit), f"the execution of {commit[:7]} to end")
    stage, message = context.observer.failure(execution["pipelineExecutionId"])
    return Outcome(execution["status"], stage, message)


def ended(context: Context, question: Callable[[], Execution | None], what: str) -> Execution:
    """Wait for an execution, and show the service's events meanwhile. Raises ProofFailed when it does not come."""
    return wait_for(
        question,
        what=what,
        clock=context.target.clock,
        within=context.deadline("pipeline", context.settings.patience),
        watch=context.show_progress,
        last=context.observer.summary,
    )


def newest_ended(context: Context, earlier: set[str]) -> Execution | None:
    """Return the newest execution once it has ended; None for an earlier one, and for the one that a new pipeline starts itself."""
    newest = next(iter(context.observer.executions()), None)
    if newest is None or newest["pipelineExecutionId"] in earlier or newest["status"] not in ENDED:
        return None
    return newest if newest["trigger"]["triggerType"] != "CreatePipeline" else None


def ended_execution(context: Context, commit: str) -> Execution | None:
    """Return a commit's execution once it has ended."""
    execution = context.observer.execution_of(commit)
    return execution if execution is not None and execution["status"] in ENDED else None


def execution_after_rollback(context: Context, commit: str) -> Execution | None:
    """Return a commit's execution once it has a status that the target allows after a rollback."""
    execution = context.observer.execution_of(commit)
    after = execution is not None and execution["status"] in {*ENDED, *context.target.after_rollback}
    return execution if after else None


def succeeded(context: Context, commit: str) -> str:
    """Wait for a good commit's execution and claim its success; returns its id. Raises ProofFailed."""
    execution = ended(context, lambda: ended_execution(context, commit), f"the execution of {commit[:7]} to end")
    identity = str(execution["pipelineExecutionId"])
    if execution["status"] != "Succeeded":
        stage, message = context.observer.failure(identity)
        log = build_log(context)
        hint = busy(context.narrator.speed) if stage == context.delivery.deploy_stage else unpulled(log)
        raise ProofFailed(
            f"the execution of the good commit {commit[:7]} is {execution['status']} at {stage}: {message}\n{hint}{log}"
        )
    for action in context.observer.actions(identity):
        spent = (action["lastUpdateTime"] - action["startTime"]).total_seconds()
        context.narrator.moment(
            "pipeline", f"{action['stageName']} {action['status']} after {spent:.1f} s (real)", quiet=True
        )
    context.narrator.claim(f"execution {identity[:8]} Succeeded")
    return identity


def build_log(context: Context, last: int | None = 40) -> str:
    """Return the last lines of the newest build's log, for a message; all of them where `last` is None."""
    lines = context.observer.build_log()
    if lines is not None:
        return "\n".join(lines if last is None else lines[-last:])
    logs = context.target.client("logs")
    group = context.delivery.build.log_group
    try:
        streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
        events = logs.get_log_events(
            logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=False
        )["events"]
    except Exception as error:
        return f"(no build log: {error})"
    return "\n".join(event["message"].rstrip() for event in (events if last is None else events[-last:]))


def unpulled(log: str) -> str:
    """Return a hint for a build whose base image cannot be pulled here; "" for any other build."""
    missing = _UNPULLED.search(log)
    if missing is None:
        return ""
    image = (
        next(filter(None, missing.groups())).rstrip(":").removeprefix("docker.io/library/").removeprefix("docker.io/")
    )
    return (
        f"The base image {image} cannot be pulled from here. Replace it in what is pushed: --image-map {image}=IMAGE, or "
        'image-map under [drill] of pushproof.toml; "${base_image}" there is an image with Python that a world has.\n'
    )


def busy(speed: float) -> str:
    """Return a word on the machine where it is too busy for the speed: a late start there looks like no start."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if speed <= 1 or load <= 4 * processors:
        return ""
    return (
        f"This machine is busy: load {load:.0f} on {processors} processors. An application that takes 3 seconds to start"
        f" looks at speed {speed:g} as if it took {3 * speed:.0f}, longer than health checks wait."
        f" Try again with --speed {speed / 4:g}.\n"
    )
