"""The ECS deploy action's reading of the service it watches.

The action is judged by the deployment of its own revision, never by the service being stable: a service is stable after a
rollback too. Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html ,
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html ; what the action reports after a rollback is
not documented, hence Settings.ecs_rollback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pushproof.engines.pipeline.state import Settings


@dataclass(frozen=True, slots=True)
class Verdict:
    """`status` InProgress, Succeeded or Failed, and why."""

    status: str
    reason: str = ""


def judge_ecs_deployment(
    deployment_id: str, task_definition: str, deployments: Sequence[Mapping[str, Any]], settings: Settings
) -> Verdict:
    """Judge the deployment that the action started.

    `deployments` is DescribeServices' member of that name: id, status, taskDefinition, rolloutState, rolloutStateReason.
    The deployment is recognised by its id; a service that no longer lists it has replaced it by another.
    """
    own = next((item for item in deployments if item.get("id") == deployment_id), None)
    if own is not None and own.get("taskDefinition") == task_definition:
        state = own.get("rolloutState", "IN_PROGRESS")
        if state == "COMPLETED" and own.get("status") == "PRIMARY":
            return Verdict("Succeeded")
        if state == "FAILED":
            return _lost(
                f"Deployment {deployment_id} failed: {own.get('rolloutStateReason', '')}".rstrip(": "), settings
            )
        if own.get("status") == "PRIMARY":
            return Verdict("InProgress", str(own.get("rolloutStateReason", "")))
    primary = next((item for item in deployments if item.get("status") == "PRIMARY"), None)
    running = primary.get("taskDefinition", "nothing") if primary is not None else "nothing"
    why = str(primary.get("rolloutStateReason", "")) if primary is not None else ""
    return _lost(
        f"Deployment {deployment_id} of {task_definition} did not complete: the service now deploys {running}"
        + (f" ({why})" if why else ""),
        settings,
    )


def _lost(reason: str, settings: Settings) -> Verdict:
    return Verdict("InProgress" if settings.ecs_rollback == "timeout" else "Failed", reason)
