"""Conditions and rules in the shapes of the API.

Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StageConditionState.html ,
.../API_RuleExecutionDetail.html , .../API_RuleType.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from pushproof.engines.pipeline import RULES, ConditionRun, Execution, Rule, RuleRun, Stage, StageRun

if TYPE_CHECKING:
    from types_boto3_codepipeline.type_defs import (
        ConditionStateTypeDef,
        ErrorDetailsTypeDef,
        RuleExecutionDetailTypeDef,
        RuleExecutionInputTypeDef,
        RuleExecutionResultTypeDef,
        RuleExecutionTypeDef,
        RuleStateTypeDef,
        RuleTypeIdTypeDef,
        RuleTypeTypeDef,
        StageConditionStateTypeDef,
        StageStateTypeDef,
    )

T = TypeVar("T", bound=Mapping[str, object])
Stamp = Callable[[float], datetime]


def filled(shape: T) -> T:
    """Remove the members that have nothing to say: None, and empty texts, mappings and lists."""
    for member in [member for member, value in shape.items() if value in (None, "", {}, [])]:
        del shape[member]  # type: ignore[attr-defined]
    return shape


def condition_states(stage: Stage, passage: StageRun, stamp: Stamp) -> StageStateTypeDef:
    """The members of StageState for the stage's conditions, as they were last checked."""
    shape: StageStateTypeDef = {}
    entry, success, failure = (
        _state(stage, kind, passage, stamp) for kind in ("BEFORE_ENTRY", "ON_SUCCESS", "ON_FAILURE")
    )
    if entry is not None:
        shape["beforeEntryConditionState"] = entry
    if success is not None:
        shape["onSuccessConditionState"] = success
    if failure is not None:
        shape["onFailureConditionState"] = failure
    return shape


def _state(stage: Stage, kind: str, passage: StageRun, stamp: Stamp) -> StageConditionStateTypeDef | None:
    condition = next((condition for name, condition in stage.conditions.items() if name == kind), None)
    if condition is None:
        return None
    checks = [check for check in passage.conditions if check.kind == kind]
    check = checks[-1] if checks else None
    rules = {rule.rule.name: rule for rule in check.rules} if check is not None else {}
    states: list[RuleStateTypeDef] = [_rule_state(rule, rules.get(rule.name), stamp) for rule in condition.rules]
    inner: ConditionStateTypeDef = {"ruleStates": states}
    shape: StageConditionStateTypeDef = {"conditionStates": [inner]}
    if check is not None:
        inner["latestExecution"] = {
            "status": check.status,
            "summary": _summary(check),
            "lastStatusChange": stamp(check.updated),
        }
        shape["latestExecution"] = {"status": check.status, "summary": _summary(check)}
    return shape


def _summary(check: ConditionRun) -> str:
    return (check.summary or f"The condition is {check.status}")[:2048]


def _rule_state(rule: Rule, run: RuleRun | None, stamp: Stamp) -> RuleStateTypeDef:
    if run is None:
        return {"ruleName": rule.name}
    shape: RuleExecutionTypeDef = {
        "ruleExecutionId": run.id,
        "status": run.status,
        "summary": run.summary[:2048],
        "lastStatusChange": stamp(run.updated),
        "externalExecutionId": run.external_id,
        "externalExecutionUrl": run.external_url,
        "errorDetails": _error(run),
    }
    return {"ruleName": rule.name, "latestExecution": filled(shape)}


def _error(run: RuleRun) -> ErrorDetailsTypeDef:
    if run.status != "Failed" or not run.error_message:
        return {}
    return {"code": run.error_code, "message": run.error_message[:5000]}


def rules_of(execution: Execution, *, only_latest: bool) -> list[RuleRun]:
    """Return the rule executions of an execution, newest first."""
    rules = [
        rule
        for passage in execution.stages.values()
        for check in passage.conditions
        if not (only_latest and check.superseded_run)
        for rule in check.rules
    ]
    return sorted(rules, key=lambda rule: rule.started, reverse=True)


def _type_id(provider: str, version: str = "1") -> RuleTypeIdTypeDef:
    return {"category": "Rule", "owner": "AWS", "provider": provider, "version": version}


def rule_detail(execution: Execution, run: RuleRun, region: str, stamp: Stamp) -> RuleExecutionDetailTypeDef:
    """RuleExecutionDetail."""
    rule = run.rule
    asked: RuleExecutionInputTypeDef = {
        "ruleTypeId": _type_id(rule.provider, rule.version),
        "configuration": dict(rule.configuration),
        "resolvedConfiguration": dict(run.configuration),
        "roleArn": rule.role_arn or "",
        "region": rule.region or region,
    }
    asked = filled(asked)
    asked["inputArtifacts"] = [
        {"name": name, "s3location": {"bucket": artifact.bucket, "key": artifact.key}}
        for name, artifact in run.inputs.items()
    ]
    result: RuleExecutionResultTypeDef = {
        "externalExecutionId": run.external_id,
        "externalExecutionSummary": run.summary,
        "externalExecutionUrl": run.external_url,
        "errorDetails": _error(run),
    }
    return {
        "pipelineExecutionId": execution.id,
        "ruleExecutionId": run.id,
        "pipelineVersion": execution.declaration.version,
        "stageName": run.stage,
        "ruleName": rule.name,
        "startTime": stamp(run.started),
        "lastUpdateTime": stamp(run.updated),
        "status": run.status,
        "input": asked,
        "output": {"executionResult": filled(result)},
    }


def rule_types() -> list[RuleTypeTypeDef]:
    """Return the catalogue of rules, by provider."""
    return [
        {
            "id": _type_id(provider),
            "ruleConfigurationProperties": [
                {"name": key, "required": key in kind.required, "key": key in kind.required, "secret": False}
                for key in (*kind.required, *kind.optional)
            ],
            "inputArtifactDetails": {"minimumCount": kind.inputs[0], "maximumCount": kind.inputs[1]},
        }
        for provider, kind in sorted(RULES.items())
    ]
