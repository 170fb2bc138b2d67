"""The events a pipeline publishes.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

from typing import Any

from pushproof.engines.pipeline.state import ActionRun, Announcement, Artifact, Execution


def _common(execution: Execution, state: str) -> dict[str, Any]:
    return {
        "pipeline": execution.declaration.name,
        "execution-id": execution.id,
        "state": state,
        "version": float(execution.declaration.version),
        "pipeline-execution-attempt": float(execution.attempt),
    }


def pipeline_event(execution: Execution, state: str) -> Announcement:
    """CodePipeline Pipeline Execution State Change."""
    detail = _common(execution, state)
    detail["execution-trigger"] = {"trigger-type": execution.trigger_type, "trigger-detail": execution.trigger_detail}
    if state == "STOPPED" or state == "STOPPING":
        detail["stop-execution-comments"] = execution.stop_reason or ""
    return Announcement("CodePipeline Pipeline Execution State Change", detail, execution.started)


def stage_event(execution: Execution, stage: str, state: str) -> Announcement:
    """CodePipeline Stage Execution State Change."""
    run = execution.stages.get(stage)
    detail = _common(execution, state) | {"stage": stage}
    return Announcement(
        "CodePipeline Stage Execution State Change", detail, execution.started if run is None else run.started
    )


def action_event(execution: Execution, run: ActionRun, state: str, region: str = "") -> Announcement:
    """CodePipeline Action Execution State Change. `region` is left out when the action runs in the pipeline's own."""
    action = run.action
    detail = _common(execution, state) | {
        "stage": run.stage,
        "action": action.name,
        "action-execution-id": run.id,
        "type": {
            "owner": action.owner,
            "category": action.category,
            "provider": action.provider,
            "version": action.version,
        },
        "input-artifacts": [_artifact(name, artifact) for name, artifact in run.inputs.items()],
        "output-artifacts": [_artifact(name, artifact) for name, artifact in run.outputs.items()],
    }
    if action.region or region:
        detail["region"] = action.region or region
    if state in ("SUCCEEDED", "FAILED"):
        result: dict[str, Any] = {}
        if run.external_url:
            result["external-execution-url"] = run.external_url
        if run.summary or run.error_message:
            result["external-execution-summary"] = run.summary or run.error_message
        if run.external_id:
            result["external-execution-id"] = run.external_id
        if run.error_code:
            result["error-code"] = run.error_code
        if result:
            detail["execution-result"] = result
    return Announcement("CodePipeline Action Execution State Change", detail, run.started)


def _artifact(name: str, artifact: Artifact) -> dict[str, Any]:
    return {"name": name, "s3location": {"bucket": artifact.bucket, "key": artifact.key}}
