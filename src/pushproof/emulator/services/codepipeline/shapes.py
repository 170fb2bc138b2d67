"""The engine's state in the shapes of the API.

Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from pushproof.emulator.services.codepipeline.conditionshapes import condition_states, filled
from pushproof.emulator.services.codepipeline.pipelines import Pipeline
from pushproof.engines.pipeline import ActionRun, Artifact, Execution, StageRun
from pushproof.engines.pipeline.names import StageStatus

if TYPE_CHECKING:
    from types_boto3_codepipeline.type_defs import (
        ActionExecutionDetailTypeDef,
        ActionExecutionInputTypeDef,
        ActionExecutionOutputTypeDef,
        ActionExecutionResultTypeDef,
        ActionExecutionTypeDef,
        ActionStateTypeDef,
        ActionTypeIdTypeDef,
        ArtifactDetailTypeDef,
        ArtifactRevisionTypeDef,
        ErrorDetailsTypeDef,
        ExecutionTriggerTypeDef,
        PipelineExecutionSummaryTypeDef,
        PipelineExecutionTypeDef,
        PipelineRollbackMetadataTypeDef,
        RetryStageMetadataTypeDef,
        SourceRevisionTypeDef,
        StageExecutionTypeDef,
        StageStateTypeDef,
        TransitionStateTypeDef,
    )

T = TypeVar("T", bound=Mapping[str, object])
Stamp = Callable[[float], datetime]


def source_runs(execution: Execution) -> list[ActionRun]:
    """Return the source actions of an execution, as they last ran (a rollback has none of its own)."""
    return [run for passage in execution.stages.values() for run in passage.current if run.action.category == "Source"]


def trigger(execution: Execution) -> ExecutionTriggerTypeDef:
    return {"triggerType": execution.trigger_type, "triggerDetail": execution.trigger_detail}


def _rollback(execution: Execution) -> PipelineRollbackMetadataTypeDef:
    shape: PipelineRollbackMetadataTypeDef = {"rollbackTargetPipelineExecutionId": execution.rollback_target or ""}
    return filled(shape)


def summary(execution: Execution, stamp: Stamp) -> PipelineExecutionSummaryTypeDef:
    """PipelineExecutionSummary."""
    shape: PipelineExecutionSummaryTypeDef = {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.summary,
        "startTime": stamp(execution.started),
        "lastUpdateTime": stamp(execution.updated),
        "trigger": trigger(execution),
        "executionType": execution.execution_type,
        "executionMode": execution.declaration.mode,
        "rollbackMetadata": _rollback(execution),
    }
    if execution.stop_reason is not None:
        shape["stopTrigger"] = {"reason": execution.stop_reason}
    shape = filled(shape)
    shape["sourceRevisions"] = _source_revisions(execution)
    return shape


def _source_revisions(execution: Execution) -> list[SourceRevisionTypeDef]:
    return [
        _source_revision(
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


def _source_revision(shape: SourceRevisionTypeDef) -> SourceRevisionTypeDef:
    return filled(shape)


def execution(record: Execution, stamp: Stamp) -> PipelineExecutionTypeDef:
    """PipelineExecution."""
    revisions = {name: artifact for name, artifact in record.artifacts.items() if artifact.revision_id}
    shape: PipelineExecutionTypeDef = {
        "pipelineName": record.declaration.name,
        "pipelineVersion": record.declaration.version,
        "pipelineExecutionId": record.id,
        "status": record.status,
        "statusSummary": record.summary,
        "trigger": trigger(record),
        "variables": [{"name": name, "resolvedValue": value} for name, value in record.variables.items()],
        "executionType": record.execution_type,
        "executionMode": record.declaration.mode,
        "rollbackMetadata": _rollback(record),
    }
    shape = filled(shape)
    shape["artifactRevisions"] = [
        _artifact_revision(name, artifact, stamp(record.started)) for name, artifact in revisions.items()
    ]
    return shape


def _artifact_revision(name: str, artifact: Artifact, created: datetime) -> ArtifactRevisionTypeDef:
    shape: ArtifactRevisionTypeDef = {
        "name": name,
        "revisionId": artifact.revision_id,
        "revisionSummary": artifact.revision_summary,
        "revisionUrl": artifact.revision_url,
        "created": created,
    }
    return filled(shape)


def _error(run: ActionRun) -> ErrorDetailsTypeDef:
    if run.status != "Failed" or not run.error_message:
        return {}
    shape: ErrorDetailsTypeDef = {"code": run.error_code, "message": run.error_message[:5000]}
    return filled(shape)


def action_execution(run: ActionRun, stamp: Stamp) -> ActionExecutionTypeDef:
    """ActionExecution: the latest run of an action, in GetPipelineState."""
    shape: ActionExecutionTypeDef = {
        "actionExecutionId": run.id,
        "status": run.status,
        "summary": run.summary[:2048],
        "lastStatusChange": stamp(run.updated),
        "token": run.token if run.status == "InProgress" else "",
        "lastUpdatedBy": run.updated_by,
        "externalExecutionId": run.external_id,
        "externalExecutionUrl": run.external_url,
        "errorDetails": _error(run),
        "logStreamARN": run.log_stream_arn,
    }
    shape = filled(shape)
    if run.percent_complete is not None:
        shape["percentComplete"] = run.percent_complete
    return shape


def action_detail(record: Execution, run: ActionRun, region: str, stamp: Stamp) -> ActionExecutionDetailTypeDef:
    """ActionExecutionDetail."""
    action = run.action
    kind: ActionTypeIdTypeDef = {
        "category": action.category,
        "owner": action.owner,
        "provider": action.provider,
        "version": action.version,
    }
    resolved: ActionExecutionInputTypeDef = {
        "actionTypeId": kind,
        "configuration": dict(action.configuration),
        "resolvedConfiguration": dict(run.configuration),
        "roleArn": action.role_arn or "",
        "region": action.region or region,
        "namespace": action.namespace or "",
    }
    resolved = filled(resolved)
    resolved["inputArtifacts"] = _artifacts(run.inputs)
    result: ActionExecutionResultTypeDef = {
        "externalExecutionId": run.external_id,
        "externalExecutionSummary": run.summary,
        "externalExecutionUrl": run.external_url,
        "errorDetails": _error(run),
        "logStreamARN": run.log_stream_arn,
    }
    result = filled(result)
    output: ActionExecutionOutputTypeDef = {
        "outputArtifacts": _artifacts(run.outputs),
        "outputVariables": dict(run.variables),
    }
    if result:
        output["executionResult"] = result
    shape: ActionExecutionDetailTypeDef = {
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
    shape = filled(shape)
    shape["input"], shape["output"] = resolved, output
    return shape


def _artifacts(artifacts: Mapping[str, Artifact]) -> list[ArtifactDetailTypeDef]:
    return [
        {"name": name, "s3location": {"bucket": artifact.bucket, "key": artifact.key}}
        for name, artifact in artifacts.items()
    ]


def stage_state(pipeline: Pipeline, name: str, stamp: Stamp) -> StageStateTypeDef:
    """StageState."""
    state = pipeline.state
    stage = next(stage for stage in state.declaration.stages if stage.name == name)
    passages = [
        (execution, execution.stages[name]) for execution in state.executions.values() if name in execution.stages
    ]
    shape: StageStateTypeDef = {
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
        shape.update(condition_states(stage, passage, stamp))
        if passage.last_retry:
            retried: RetryStageMetadataTypeDef = {"latestRetryTrigger": passage.last_retry}
            if passage.automatic_retries:
                retried["autoStageRetryAttempt"] = passage.automatic_retries
            if passage.manual_retries:
                retried["manualStageRetryAttempt"] = passage.manual_retries
            shape["retryStageMetadata"] = retried
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


def _stage_execution(record: Execution, status: StageStatus) -> StageExecutionTypeDef:
    return {"pipelineExecutionId": record.id, "status": status, "type": record.execution_type}


def _transition(pipeline: Pipeline, stage: str, stamp: Stamp) -> TransitionStateTypeDef:
    transition = pipeline.state.transition(stage)
    shape: TransitionStateTypeDef = {
        "enabled": transition.enabled,
        "lastChangedBy": transition.changed_by,
        "disabledReason": transition.reason,
    }
    shape = filled(shape)
    if transition.changed_at is not None:
        shape["lastChangedAt"] = stamp(transition.changed_at)
    return shape


def _action_state(name: str, passages: list[StageRun], stamp: Stamp) -> ActionStateTypeDef:
    runs = [run for passage in passages for run in passage.runs if run.action.name == name]
    if not runs:
        return {"actionName": name}
    # The last one listed among those that began latest: a retry may begin in the same instant.
    latest = runs[0]
    for run in runs[1:]:
        if run.started >= latest.started:
            latest = run
    shape: ActionStateTypeDef = {
        "actionName": name,
        "latestExecution": action_execution(latest, stamp),
        "entityUrl": latest.configuration.get("ExternalEntityLink", ""),
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
    return filled(shape)
