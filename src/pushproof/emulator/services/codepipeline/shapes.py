"""The engine's state in the shapes of the API.

Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pushproof.emulator.services.codepipeline.pipelines import Pipeline
from pushproof.engines.pipeline import ActionRun, Artifact, Execution, StageRun

Stamp = Callable[[float], datetime]


def _filled(shape: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shape.items() if value not in (None, "", {}, [])}


def source_runs(execution: Execution) -> list[ActionRun]:
    """Return the source actions of an execution, as they last ran (a rollback has none of its own)."""
    return [run for passage in execution.stages.values() for run in passage.current if run.action.category == "Source"]


def trigger(execution: Execution) -> dict[str, Any]:
    return {"triggerType": execution.trigger_type, "triggerDetail": execution.trigger_detail}


def _kind(execution: Execution) -> dict[str, Any]:
    shape: dict[str, Any] = {"executionType": execution.execution_type, "executionMode": execution.declaration.mode}
    if execution.rollback_target is not None:
        shape["rollbackMetadata"] = {"rollbackTargetPipelineExecutionId": execution.rollback_target}
    return shape


def summary(execution: Execution, stamp: Stamp) -> dict[str, Any]:
    """PipelineExecutionSummary."""
    shape = {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.summary,
        "startTime": stamp(execution.started),
        "lastUpdateTime": stamp(execution.updated),
        "trigger": trigger(execution),
        **_kind(execution),
    }
    if execution.stop_reason is not None:
        shape["stopTrigger"] = {"reason": execution.stop_reason}
    return _filled(shape) | {"sourceRevisions": _source_revisions(execution)}


def _source_revisions(execution: Execution) -> list[dict[str, Any]]:
    return [
        _filled(
            {
                "actionName": run.action.name,
                "revisionId": artifact.revision_id,
                "revisionSummary": artifact.revision_summary,
                "revisionUrl": artifact.revision_url,
            }
        )
        for run in source_runs(execution)
        for artifact in list(run.outputs.values())[:1]
    ]


def execution(record: Execution, stamp: Stamp) -> dict[str, Any]:
    """PipelineExecution."""
    revisions = {name: artifact for name, artifact in record.artifacts.items() if artifact.revision_id}
    shape = {
        "pipelineName": record.declaration.name,
        "pipelineVersion": record.declaration.version,
        "pipelineExecutionId": record.id,
        "status": record.status,
        "statusSummary": record.summary,
        "trigger": trigger(record),
        "variables": [{"name": name, "resolvedValue": value} for name, value in record.variables.items()],
        **_kind(record),
    }
    return _filled(shape) | {
        "artifactRevisions": [
            _filled(
                {
                    "name": name,
                    "revisionId": artifact.revision_id,
                    "revisionSummary": artifact.revision_summary,
                    "revisionUrl": artifact.revision_url,
                    "created": stamp(record.started),
                }
            )
            for name, artifact in revisions.items()
        ]
    }


def _error(run: ActionRun) -> dict[str, Any] | None:
    if run.status != "Failed" or not run.error_message:
        return None
    return _filled({"code": run.error_code, "message": run.error_message[:5000]})


def action_execution(run: ActionRun, stamp: Stamp) -> dict[str, Any]:
    """ActionExecution: the latest run of an action, in GetPipelineState."""
    shape = {
        "actionExecutionId": run.id,
        "status": run.status,
        "summary": run.summary[:2048],
        "lastStatusChange": stamp(run.updated),
        "token": run.token if run.status == "InProgress" else None,
        "lastUpdatedBy": run.updated_by,
        "externalExecutionId": run.external_id,
        "externalExecutionUrl": run.external_url,
        "errorDetails": _error(run),
        "logStreamARN": run.log_stream_arn,
    }
    return _filled(shape) | ({} if run.percent_complete is None else {"percentComplete": run.percent_complete})


def action_detail(record: Execution, run: ActionRun, region: str, stamp: Stamp) -> dict[str, Any]:
    """ActionExecutionDetail."""
    action = run.action
    kind = {
        "category": action.category,
        "owner": action.owner,
        "provider": action.provider,
        "version": action.version,
    }
    resolved = _filled(
        {
            "actionTypeId": kind,
            "configuration": dict(action.configuration),
            "resolvedConfiguration": dict(run.configuration),
            "roleArn": action.role_arn,
            "region": action.region or region,
            "namespace": action.namespace,
        }
    ) | {"inputArtifacts": _artifacts(run.inputs)}
    result = _filled(
        {
            "externalExecutionId": run.external_id,
            "externalExecutionSummary": run.summary,
            "externalExecutionUrl": run.external_url,
            "errorDetails": _error(run),
            "logStreamARN": run.log_stream_arn,
        }
    )
    output = {"outputArtifacts": _artifacts(run.outputs), "outputVariables": dict(run.variables)}
    if result:
        output["executionResult"] = result
    shape = {
        "pipelineExecutionId": record.id,
        "actionExecutionId": run.id,
        "pipelineVersion": record.declaration.version,
        "stageName": run.stage,
        "actionName": action.name,
        "startTime": stamp(run.started),
        "lastUpdateTime": stamp(run.updated),
        "updatedBy": run.updated_by,
        "status": run.status,
    }
    return _filled(shape) | {"input": resolved, "output": output}


def _artifacts(artifacts: Any) -> list[dict[str, Any]]:
    by_name: dict[str, Artifact] = dict(artifacts)
    return [{"name": name, "s3location": {"bucket": a.bucket, "key": a.key}} for name, a in by_name.items()]


def stage_state(pipeline: Pipeline, name: str, stamp: Stamp) -> dict[str, Any]:
    """StageState."""
    state = pipeline.state
    stage = next(stage for stage in state.declaration.stages if stage.name == name)
    passages = [
        (execution, execution.stages[name]) for execution in state.executions.values() if name in execution.stages
    ]
    shape: dict[str, Any] = {
        "stageName": name,
        "inboundTransitionState": _transition(pipeline, name, stamp),
        "actionStates": [
            _action_state(action.name, [passage for _, passage in passages], stamp) for action in stage.actions
        ],
    }
    latest = state.executions.get(state.last_in_stage.get(name, ""))
    if latest is not None and name in latest.stages:
        passage = latest.stages[name]
        shape["latestExecution"] = _stage_execution(latest, passage.status)
        if passage.last_retry:
            retried = {
                "autoStageRetryAttempt": passage.automatic_retries or None,
                "manualStageRetryAttempt": passage.manual_retries or None,
                "latestRetryTrigger": passage.last_retry,
            }
            shape["retryStageMetadata"] = _filled(retried)
    waiting = [
        execution
        for execution in state.executions.values()
        if not execution.ended and not execution.inside and execution.declaration.stages[execution.stage].name == name
    ]
    if waiting:
        inbound = [_stage_execution(execution, "InProgress") for execution in waiting]
        shape["inboundExecution"] = inbound[0]
        shape["inboundExecutions"] = inbound
    return shape


def _stage_execution(record: Execution, status: str) -> dict[str, Any]:
    return {"pipelineExecutionId": record.id, "status": status, "type": record.execution_type}


def _transition(pipeline: Pipeline, stage: str, stamp: Stamp) -> dict[str, Any]:
    transition = pipeline.state.transition(stage)
    changed = None if transition.changed_at is None else stamp(transition.changed_at)
    details = {
        "lastChangedBy": transition.changed_by,
        "lastChangedAt": changed,
        "disabledReason": transition.reason,
    }
    return {"enabled": transition.enabled, **_filled(details)}


def _action_state(name: str, passages: list[StageRun], stamp: Stamp) -> dict[str, Any]:
    runs = [run for passage in passages for run in passage.runs if run.action.name == name]
    if not runs:
        return {"actionName": name}
    # The last one listed among those that began latest: a retry may begin in the same instant.
    latest = runs[0]
    for run in runs[1:]:
        if run.started >= latest.started:
            latest = run
    shape = {
        "actionName": name,
        "latestExecution": action_execution(latest, stamp),
        "entityUrl": latest.configuration.get("ExternalEntityLink"),
    }
    if latest.action.category == "Source" and latest.outputs:
        artifact = next(iter(latest.outputs.values()))
        if artifact.revision_id:
            shape["currentRevision"] = {
                "revisionId": artifact.revision_id,
                "revisionChangeId": artifact.revision_id[:100],
                "created": stamp(latest.updated),
            }
            shape["revisionUrl"] = artifact.revision_url
    return _filled(shape)
