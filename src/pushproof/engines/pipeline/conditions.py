"""The conditions of stages: their rules begin, end, time out and are overridden.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works-conditions.html
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from pushproof.engines.pipeline import inputs as i
from pushproof.engines.pipeline.declaration import Rule, Stage
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.names import ConditionKind, ConditionStatus
from pushproof.engines.pipeline.rules import MEMBERS, rule_timeout
from pushproof.engines.pipeline.state import AbandonRule, ConditionRun, Execution, RuleRun, StageRun, StartRule
from pushproof.engines.pipeline.turn import Turn
from pushproof.engines.pipeline.variables import resolve, resolve_texts

NAMESPACE = uuid.UUID("6f0c1d7e-2f0b-5c1e-9a55-5b0f5d1a7c11")
#: The code of a rule whose criteria are not met; with another code, it could not be checked.
CHECK_FAILED = "RuleCheckFailed"


def values_of(execution: Execution) -> dict[str, dict[str, str]]:
    """The values of variables in an execution, by namespace."""
    return {
        **{name: dict(values) for name, values in execution.namespaces.items()},
        "variables": dict(execution.variables),
        "codepipeline": {"PipelineExecutionId": execution.id},
    }


class ConditionTurn(Turn):
    """Conditions of the stages that executions are in."""

    def _proceed(self, execution_id: str) -> None:
        raise NotImplementedError

    def _check_concurrency(self) -> None:
        raise NotImplementedError

    # --- a check -----------------------------------------------------------------------------------------------------

    def _begin_check(self, execution: Execution, stage: Stage, kind: ConditionKind) -> None:
        """Begin every rule of a condition."""
        passage = execution.stages[stage.name]
        attempt = sum(1 for check in passage.conditions if check.kind == kind)
        rules = tuple(self._rule_run(execution, stage, kind, rule, attempt) for rule in stage.conditions[kind].rules)
        check = ConditionRun(kind, "InProgress", self.now, self.now, rules)
        execution = self._put_stage(execution, replace(passage, conditions=(*passage.conditions, check)))
        declaration = execution.declaration
        for run in rules:
            if run.status == "InProgress":
                role = run.rule.role_arn or declaration.role_arn
                store = declaration.stores.get(run.rule.region or declaration.region) or declaration.stores.get("")
                self.commands.append(StartRule(execution.id, run, role, declaration.role_arn, store))

    def _rule_run(self, execution: Execution, stage: Stage, kind: ConditionKind, rule: Rule, attempt: int) -> RuleRun:
        identity = f"{execution.id}/{stage.name}/{kind}/{rule.name}/{attempt}"
        values = values_of(execution)
        problem, configuration, commands = "", dict(rule.configuration), rule.commands
        try:
            configuration, commands = resolve(rule.configuration, values), resolve_texts(rule.commands, values)
        except PipelineError as error:
            problem = error.message
        missing = [name for name in rule.inputs if name not in execution.artifacts]
        if missing and not problem:
            problem = f"Input artifact {', '.join(missing)} of rule {rule.name} was not produced in this execution"
        return RuleRun(
            id=str(uuid.uuid5(NAMESPACE, identity)),
            stage=stage.name,
            kind=kind,
            rule=rule,
            status="Failed" if problem else "InProgress",
            started=self.now,
            updated=self.now,
            deadline=self.now + rule_timeout(rule),
            configuration=configuration,
            commands=commands,
            inputs={name: execution.artifacts[name] for name in rule.inputs if name in execution.artifacts},
            error_code="ConfigurationError" if problem else "",
            error_message=problem,
        )

    def _end_check(self, execution: Execution, passage: StageRun, check: ConditionRun) -> None:
        """Judge a condition all of whose rules have ended."""
        failed = [rule for rule in check.rules if rule.status != "Succeeded"]
        broken = [rule for rule in failed if rule.error_code != CHECK_FAILED]
        status: ConditionStatus = "Succeeded" if not failed else "Errored" if broken else "Failed"
        summary = "; ".join(f"Rule {rule.rule.name} failed: {rule.error_message}" for rule in failed)
        self._put_check(execution, passage, replace(check, status=status, summary=summary))

    def _put_check(self, execution: Execution, passage: StageRun, check: ConditionRun) -> Execution:
        check = replace(check, updated=self.now)
        checks = tuple(
            check if earlier.kind == check.kind and not earlier.superseded_run else earlier
            for earlier in passage.conditions
        )
        return self._put_stage(execution, replace(passage, conditions=checks))

    def _abandon_check(self, execution: Execution, passage: StageRun, status: ConditionStatus) -> Execution:
        """End the check under way, if there is one, without an outcome."""
        check = passage.checking
        if check is None:
            return execution
        rules: list[RuleRun] = []
        for rule in check.rules:
            if rule.status == "InProgress":
                self.commands.append(AbandonRule(execution.id, rule.id))
                rule = replace(rule, status="Abandoned", updated=self.now)
            rules.append(rule)
        return self._put_check(execution, passage, replace(check, status=status, rules=tuple(rules)))

    # --- reports on rules --------------------------------------------------------------------------------------------

    def _find_rule(self, run_id: str) -> tuple[Execution, StageRun, ConditionRun, RuleRun] | None:
        for execution in self._live():
            for passage in execution.stages.values():
                check = passage.checking
                for rule in check.rules if check is not None else ():
                    if check is not None and rule.id == run_id and rule.status == "InProgress":
                        return execution, passage, check, rule
        return None

    def _put_rule(self, run_id: str, **changes: Any) -> Execution | None:
        match = self._find_rule(run_id)
        if match is None:
            return None
        execution, passage, check, rule = match
        rule = replace(rule, updated=self.now, **{name: value for name, value in changes.items() if value is not None})
        rules = tuple(rule if earlier.id == run_id else earlier for earlier in check.rules)
        return self._put_check(execution, passage, replace(check, rules=rules))

    def rule_progressed(self, event: i.RuleProgressed) -> None:
        self._put_rule(
            event.rule_execution_id,
            external_id=event.external_id,
            external_url=event.external_url,
            summary=event.summary,
        )

    def rule_succeeded(self, event: i.RuleSucceeded) -> None:
        execution = self._put_rule(
            event.rule_execution_id,
            status="Succeeded",
            summary=event.summary,
            external_id=event.external_id,
            external_url=event.external_url,
        )
        if execution is not None:
            self._proceed(execution.id)

    def rule_failed(self, event: i.RuleFailed) -> None:
        execution = self._put_rule(
            event.rule_execution_id,
            status="Failed",
            summary=event.summary,
            external_id=event.external_id,
            external_url=event.external_url,
            error_code=event.code,
            error_message=event.message,
        )
        if execution is not None:
            self._proceed(execution.id)

    def _expire_rules(self) -> None:
        for execution in self._live():
            for passage in execution.stages.values():
                check = passage.checking
                for rule in check.rules if check is not None else ():
                    if rule.status == "InProgress" and rule.deadline <= self.now:
                        minutes = round((rule.deadline - rule.started) / 60)
                        self.commands.append(AbandonRule(execution.id, rule.id))
                        message = f"The rule timed out: it was still in progress after {minutes} minutes"
                        self.rule_failed(i.RuleFailed(rule.id, message, "JobTimedOut"))

    # --- OverrideStageCondition --------------------------------------------------------------------------------------

    def override(self, event: i.OverrideCondition) -> None:
        """Let the stage proceed, whatever its rules found.

        Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_OverrideStageCondition.html
        """
        index = self.declaration.stage_index(event.stage)
        execution = self.executions.get(event.execution_id)
        passage = execution.stages.get(event.stage) if execution is not None else None
        check = passage.condition(event.kind) if passage is not None else None
        if execution is None or passage is None or check is None:
            raise _not_overridable(event, "it has not been checked in this execution")
        if self.declaration.mode != "PARALLEL" and self.last_in_stage.get(event.stage) != execution.id:
            raise PipelineError(
                "NotLatestPipelineExecutionException",
                f"The stage {event.stage} has run in a later execution of the pipeline, so the pipelineExecutionId "
                f"{execution.id} is out of date.",
            )
        if execution.declaration.version != self.declaration.version:
            raise _not_overridable(event, "the pipeline has been updated since")
        stage = execution.declaration.stages[execution.declaration.stage_index(event.stage)]
        if stage.conditions[event.kind].result == "SKIP":
            raise _not_overridable(event, "a condition with the result SKIP cannot be overridden")
        resumed = execution.ended
        if not (check.status == "InProgress" or (check.refused and passage.status == "Failed")):
            raise _not_overridable(event, f"it is {check.status}")
        if resumed:
            self._check_concurrency()
        execution = self._abandon_check(execution, passage, "Overridden")
        passage = execution.stages[event.stage]
        overridden = passage.condition(event.kind)
        assert overridden is not None
        execution = self._put_check(
            execution, replace(passage, status="InProgress"), replace(overridden, status="Overridden")
        )
        if resumed:
            execution = self._put(
                replace(
                    execution, status="InProgress", inside=True, stage=index, summary="", attempt=execution.attempt + 1
                )
            )
            self._announce_resumption(execution, event.stage)
        self._proceed(execution.id)

    def _announce_resumption(self, execution: Execution, stage: str) -> None:
        raise NotImplementedError


def _not_overridable(event: i.OverrideCondition, why: str) -> PipelineError:
    return PipelineError(
        "ConditionNotOverridableException",
        f"Unable to override the {MEMBERS[event.kind]} condition of stage {event.stage} in execution {event.execution_id}: {why}.",
    )
