"""The state machine of pipeline executions: each input yields a new state, commands and events.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html (stages lock; executions are
superseded only between stages), .../actions-retry.html, .../stage-rollback.html, .../pipelines-stop.html, .../transitions.html,
.../approvals.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pushproof.engines.pipeline import inputs as i
from pushproof.engines.pipeline.announcements import action_event, pipeline_event, stage_event
from pushproof.engines.pipeline.catalogue import CONCURRENT_EXECUTIONS, HOUR
from pushproof.engines.pipeline.conditions import NAMESPACE, ConditionTurn, values_of
from pushproof.engines.pipeline.declaration import Action, Stage
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.names import FailureResult, RunStatus, StageStatus, TriggerType
from pushproof.engines.pipeline.rules import MEMBERS
from pushproof.engines.pipeline.state import (
    AbandonAction,
    ActionRun,
    Artifact,
    ConditionRun,
    Execution,
    PipelineState,
    Settings,
    StageRun,
    StartAction,
    Step,
    Transition,
)
from pushproof.engines.pipeline.variables import resolve, resolve_texts


def step(state: PipelineState, event: i.Input, now: float, settings: Settings | None = None) -> Step:
    """Apply one input at AWS time `now` (seconds).

    The caller carries out the commands and reports with further inputs; `wake_at` is the time of the next Tick (None: no need).
    Reports on an action that is no longer in progress are ignored. Raises PipelineError for a refused request; the state stays.
    """
    turn = _Turn(state, now, settings or Settings())
    turn.apply(event)
    turn.settle()
    return turn.result()


def action_timeout(action: Action, configuration: Mapping[str, str]) -> float:
    """Seconds until an action times out: its own timeout, the ECS action's DeploymentTimeout, or its type's default.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
    """
    if action.timeout is not None:
        return action.timeout
    default = action.kind.timeout if action.kind is not None else HOUR
    minutes = configuration.get("DeploymentTimeout", "")
    if action.provider == "ECS" and minutes.isdecimal() and 1 <= int(minutes) <= 60:
        return float(minutes) * 60
    return default


class _Turn(ConditionTurn):
    """One step under construction: working copies of the state, and the commands and events so far."""

    def apply(self, event: i.Input) -> None:
        handlers: dict[type, Callable[[Any], None]] = {
            i.Start: self.start,
            i.ActionProgressed: self.progress,
            i.ActionSucceeded: self.succeed,
            i.ActionFailed: self.fail,
            i.ApprovalResult: self.approve,
            i.RuleProgressed: self.rule_progressed,
            i.RuleSucceeded: self.rule_succeeded,
            i.RuleFailed: self.rule_failed,
            i.OverrideCondition: self.override,
            i.Tick: lambda _: self.expire(),
            i.SetTransition: self.set_transition,
            i.Stop: self.stop,
            i.RetryStage: self.retry,
            i.RollBackStage: self.roll_back,
            i.Update: self.update,
        }
        handlers[type(event)](event)

    # --- starting, waiting, entering ---------------------------------------------------------------------------------

    def start(self, event: i.Start) -> None:
        if event.execution_id in self.executions:
            raise PipelineError("ConflictException", f"Execution {event.execution_id} has been started already")
        self._check_concurrency()
        unknown = sorted(event.variables.keys() - self.declaration.variables.keys())
        if unknown:
            raise PipelineError(
                "ValidationException",
                f"Pipeline {self.declaration.name} declares no variable named {', '.join(unknown)}",
            )
        values = {name: event.variables.get(name, default) for name, default in self.declaration.variables.items()}
        missing = sorted(name for name, value in values.items() if value is None)
        if missing:
            raise PipelineError(
                "ValidationException",
                f"Pipeline variable {', '.join(missing)} has no default value and was not given at start",
            )
        self._open(
            Execution(
                id=event.execution_id,
                declaration=self.declaration,
                status="InProgress",
                started=self.now,
                updated=self.now,
                order=self.started,
                trigger_type=event.trigger_type,
                trigger_detail=event.trigger_detail,
                until=len(self.declaration.stages),
                waiting_since=self.now,
                variables={name: value for name, value in values.items() if value is not None},
                overrides=dict(event.overrides),
            )
        )

    def _check_concurrency(self) -> None:
        if self.declaration.mode != "SUPERSEDED" and len(list(self._live())) >= CONCURRENT_EXECUTIONS:
            raise PipelineError(
                "ConcurrentPipelineExecutionsLimitExceededException",
                f"The pipeline has reached the limit for concurrent pipeline executions ({CONCURRENT_EXECUTIONS})",
            )

    def _open(self, execution: Execution) -> None:
        self.started += 1
        self._put(execution)
        self.events.append(pipeline_event(execution, "STARTED"))

    def settle(self) -> None:
        """Move executions that wait between stages, superseding where the mode demands it, until none can move."""
        while self._supersede_one() or self._admit_one():
            pass

    def _waiting(self) -> list[Execution]:
        waiting = [execution for execution in self._live() if not execution.inside]
        return sorted(waiting, key=lambda execution: (execution.waiting_since, execution.order))

    def _supersede_one(self) -> bool:
        newest: dict[str, Execution] = {}
        waiting = [
            execution
            for execution in self._waiting()
            if execution.rollback_target is None and execution.declaration.mode == "SUPERSEDED"
        ]
        for execution in sorted(waiting, key=lambda execution: execution.order):
            stage = self._stage_of(execution).name
            older = newest.get(stage)
            if older is not None:
                self._supersede(older, by=execution)
                return True
            newest[stage] = execution
        return False

    def _supersede(self, execution: Execution, by: Execution) -> None:
        execution = self._put(replace(execution, status="Superseded", summary=f"Superseded by execution {by.id}"))
        self.events.append(pipeline_event(execution, "SUPERSEDED"))

    def _admit_one(self) -> bool:
        for execution in self._waiting():
            if self._may_enter(execution):
                self._enter(execution)
                return True
        return False

    def _may_enter(self, execution: Execution) -> bool:
        stages = execution.declaration.stages
        name = stages[execution.stage].name
        if execution.rollback_target is None:
            before = stages[execution.stage - 1].name if execution.stage else None
            if not self.transitions.get((name, "Inbound"), Transition()).enabled:
                return False
            if before is not None and not self.transitions.get((before, "Outbound"), Transition()).enabled:
                return False
        return execution.declaration.mode == "PARALLEL" or self._occupant(name, execution.id) is None

    def _enter(self, execution: Execution) -> None:
        stage = self._stage_of(execution)
        execution = self._put(replace(execution, inside=True))
        execution = self._put_stage(execution, StageRun(stage.name, "InProgress", self.now, self.now))
        self.last_in_stage[stage.name] = execution.id
        self.events.append(stage_event(execution, stage.name, "STARTED"))
        self._proceed(execution.id)

    # --- inside a stage ----------------------------------------------------------------------------------------------

    def _proceed(self, execution_id: str) -> None:
        """Advance the execution in its stage: wait, start the next group, or leave the stage."""
        while True:
            execution = self.executions[execution_id]
            stage = self._stage_of(execution)
            passage = execution.stages[stage.name]
            current, check = passage.current, passage.checking
            if any(run.status == "InProgress" for run in current):
                return
            if check is not None:
                if any(rule.status == "InProgress" for rule in check.rules):
                    return
                self._end_check(execution, passage, check)
                continue
            done = {run.action.name for run in current if run.status == "Succeeded"}
            if execution.status == "Stopping":
                passed = "ON_SUCCESS" not in stage.conditions or passage.condition("ON_SUCCESS") is not None
                complete = len(done) == len(stage.actions) and passed and not passage.interrupted
                self._end_stopped(execution, complete=complete)
                return
            if execution.outdated:
                self._cancel(execution)
                return
            if "BEFORE_ENTRY" in stage.conditions:
                entry = passage.condition("BEFORE_ENTRY")
                if entry is None:
                    self._begin_check(execution, stage, "BEFORE_ENTRY")
                    continue
                if entry.refused:
                    self._refused(execution, stage, entry)
                    return
            if any(run.status != "Succeeded" for run in current):
                if "ON_FAILURE" in stage.conditions and passage.condition("ON_FAILURE") is None:
                    self._begin_check(execution, stage, "ON_FAILURE")
                    continue
                if not self._stage_failed(execution, stage, passage):
                    return
                continue
            remaining = [action for action in stage.actions if action.name not in done]
            if not remaining:
                if "ON_SUCCESS" in stage.conditions:
                    success = passage.condition("ON_SUCCESS")
                    if success is None:
                        self._begin_check(execution, stage, "ON_SUCCESS")
                        continue
                    if success.refused:
                        self._refused(execution, stage, success)
                        return
                self._leave(execution, "Succeeded")
                return
            order = min(action.run_order for action in remaining)
            for action in remaining:
                if action.run_order == order:
                    self._begin(execution_id, stage, action)

    def _begin(self, execution_id: str, stage: Stage, action: Action) -> None:
        execution = self.executions[execution_id]
        passage = execution.stages[stage.name]
        attempt = sum(1 for run in passage.runs if run.action.name == action.name)
        identity = f"{execution.id}/{stage.name}/{action.name}/{attempt}"
        values = values_of(execution)
        problem = ""
        commands, environment = action.commands, action.environment
        try:
            configuration = resolve(action.configuration, values)
            commands = resolve_texts(action.commands, values)
            texts = resolve_texts([variable.value for variable in action.environment], values)
            environment = tuple(
                replace(variable, value=text) for variable, text in zip(action.environment, texts, strict=True)
            )
        except PipelineError as error:
            configuration, problem = dict(action.configuration), error.message
        missing = [name for name in action.inputs if name not in execution.artifacts]
        if missing and not problem:
            problem = f"Input artifact {', '.join(missing)} of action {action.name} was not produced in this execution"
        run = ActionRun(
            id=str(uuid.uuid5(NAMESPACE, identity)),
            stage=stage.name,
            action=action,
            status="InProgress",
            started=self.now,
            updated=self.now,
            deadline=self.now + action_timeout(action, configuration),
            configuration=configuration,
            inputs={name: execution.artifacts[name] for name in action.inputs if name in execution.artifacts},
            token=str(uuid.uuid5(NAMESPACE, identity + "/token")) if action.category == "Approval" else "",
            commands=commands,
            environment=environment,
        )
        execution = self._put_stage(execution, replace(passage, runs=(*passage.runs, run)))
        self.events.append(action_event(execution, run, "STARTED"))
        if problem:
            self._finish_run(execution, run, "Failed", error_code="ConfigurationError", error_message=problem)
            return
        declaration = execution.declaration
        self.commands.append(
            StartAction(
                execution.id,
                run,
                action.role_arn or declaration.role_arn,
                execution.overrides.get(action.name),
                declaration.role_arn,
                declaration.store_of(action),
            )
        )

    def _finish_run(self, execution: Execution, run: ActionRun, status: RunStatus, **changes: Any) -> ActionRun:
        run = replace(run, status=status, updated=self.now, **changes)
        execution = self._put_run(execution, run.stage, run)
        self.events.append(action_event(execution, run, status.upper()))
        return run

    def progress(self, event: i.ActionProgressed) -> None:
        match = self._find_run(event.action_execution_id)
        if match is None:
            return
        execution, stage, run = match
        news = {
            "external_id": event.external_id,
            "external_url": event.external_url,
            "summary": event.summary,
            "percent_complete": event.percent_complete,
        }
        changes: dict[str, Any] = {name: value for name, value in news.items() if value is not None}
        self._put_run(execution, stage.name, replace(run, updated=self.now, **changes))

    def succeed(self, event: i.ActionSucceeded) -> None:
        match = self._find_run(event.action_execution_id)
        if match is None:
            return
        execution, _, run = match
        outputs: dict[str, Artifact] = {
            name: artifact for name, artifact in event.artifacts.items() if name in run.action.outputs
        }
        absent = [name for name in run.action.outputs if name not in outputs]
        if absent:
            self.fail(
                i.ActionFailed(
                    run.id, f"The action produced no output artifact named {', '.join(absent)}", "ConfigurationError"
                )
            )
            return
        changes: dict[str, Any] = {
            "outputs": outputs,
            "variables": dict(event.variables),
            "log_stream_arn": event.log_stream_arn,
        }
        self._finish_run(execution, run, "Succeeded", **changes, **_details(event), percent_complete=100)
        execution = self.executions[execution.id]
        namespaces = dict(execution.namespaces)
        if run.action.namespace is not None:
            namespaces[run.action.namespace] = dict(event.variables)
        self._put(replace(execution, artifacts={**execution.artifacts, **outputs}, namespaces=namespaces))
        self._proceed(execution.id)

    def fail(self, event: i.ActionFailed) -> None:
        match = self._find_run(event.action_execution_id)
        if match is None:
            return
        execution, _, run = match
        self._finish_run(
            execution,
            run,
            "Failed",
            error_code=event.code,
            error_message=event.message,
            log_stream_arn=event.log_stream_arn,
            **_details(event),
        )
        self._proceed(execution.id)

    def expire(self) -> None:
        for execution in self._live():
            for stage in execution.stages.values():
                for run in stage.runs:
                    if run.status == "InProgress" and run.deadline <= self.now:
                        self._time_out(execution.id, run)
        self._expire_rules()

    def _time_out(self, execution_id: str, run: ActionRun) -> None:
        minutes = round((run.deadline - run.started) / 60)
        if run.action.category == "Approval":
            message = f"The approval request expired: it was neither approved nor rejected within {minutes} minutes"
        else:
            message = f"The action timed out: it was still in progress after {minutes} minutes"
            self.commands.append(AbandonAction(execution_id, run.id, message))
        execution = self.executions[execution_id]
        self._finish_run(execution, run, "Failed", error_code="JobTimedOut", error_message=message)
        self._proceed(execution_id)

    def approve(self, event: i.ApprovalResult) -> None:
        # An execution that began before an update is approved in its stage as declared at its start.
        for execution in self.executions.values():
            passage = execution.stages.get(event.stage)
            for run in passage.runs if passage is not None else ():
                if run.action.name == event.action and run.token == event.token and event.token:
                    self._approve(execution, run, event)
                    return
        stage = self.declaration.stages[self.declaration.stage_index(event.stage)]
        if not any(action.name == event.action and action.category == "Approval" for action in stage.actions):
            raise PipelineError("ActionNotFoundException", f"Stage {stage.name} has no approval action {event.action}")
        raise PipelineError(
            "InvalidApprovalTokenException", "The approval request already received a response or has expired."
        )

    def _approve(self, execution: Execution, run: ActionRun, event: i.ApprovalResult) -> None:
        if run.status != "InProgress":
            raise PipelineError(
                "ApprovalAlreadyCompletedException", "The approval action has already been approved or rejected."
            )
        if run.deadline <= self.now:
            raise PipelineError(
                "InvalidApprovalTokenException", "The approval request already received a response or has expired."
            )
        if event.status == "Approved":
            self._finish_run(execution, run, "Succeeded", summary=event.summary, updated_by=event.by)
        else:
            message = f"Rejected by {event.by or 'the reviewer'}" + (f": {event.summary}" if event.summary else "")
            self._finish_run(
                execution, run, "Failed", summary=event.summary, updated_by=event.by, error_message=message
            )
        self._proceed(execution.id)

    # --- leaving a stage ---------------------------------------------------------------------------------------------

    def _leave(self, execution: Execution, status: StageStatus) -> None:
        stage = self._stage_of(execution)
        execution = self._put_stage(execution, replace(execution.stages[stage.name], status=status))
        entered = execution.stages[stage.name].current
        state = "SUCCEEDED" if status == "Succeeded" else "FAILED" if entered else "SKIPPED"
        self.events.append(stage_event(execution, stage.name, state))
        following = execution.stage + 1
        if following >= execution.until:
            execution = self._put(replace(execution, inside=False, status="Succeeded"))
            self.events.append(pipeline_event(execution, "SUCCEEDED"))
        else:
            self._put(replace(execution, inside=False, stage=following, waiting_since=self.now))

    def _stage_failed(self, execution: Execution, stage: Stage, passage: StageRun) -> bool:
        """Apply onFailure. Returns whether the stage goes on (RETRY)."""
        if stage.on_failure == "RETRY" and passage.automatic_retries < self.settings.automatic_retries:
            self.events.append(stage_event(execution, stage.name, "FAILED"))
            passage = replace(
                passage, automatic_retries=passage.automatic_retries + 1, last_retry="AutomatedStageRetry"
            )
            execution = self._put_stage(execution, _set_aside(passage, stage.retry_mode))
            execution = self._put(replace(execution, attempt=execution.attempt + 1))
            self.events.append(stage_event(execution, stage.name, "RESUMED"))
            return True
        if stage.on_failure == "SKIP":
            self._leave(execution, "Skipped")
            return False
        failed = [run.action.name for run in passage.current if run.status == "Failed"]
        summary = f"Action {', '.join(failed)} failed" if failed else f"Stage {stage.name} failed"
        result: FailureResult = stage.on_failure
        check = passage.condition("ON_FAILURE")
        if check is not None:
            met = check.status == "Succeeded"
            engaged = met == (self.settings.failure_rules == "met")
            result = stage.conditions["ON_FAILURE"].result if engaged else "FAIL"
        self._fail_stage(execution, stage, summary, roll_back=result == "ROLLBACK")
        return False

    def _refused(self, execution: Execution, stage: Stage, check: ConditionRun) -> None:
        """Engage the result of a condition whose rules failed."""
        result = stage.conditions[check.kind].result
        if result == "SKIP":
            self._leave(execution, "Skipped")
            return
        summary = f"The {MEMBERS[check.kind]} condition of stage {stage.name} failed. {check.summary}"
        self._fail_stage(execution, stage, summary, roll_back=result == "ROLLBACK")

    def _fail_stage(self, execution: Execution, stage: Stage, summary: str, *, roll_back: bool) -> None:
        execution = self._put_stage(execution, replace(execution.stages[stage.name], status="Failed"))
        self.events.append(stage_event(execution, stage.name, "FAILED"))
        execution = self._put(replace(execution, status="Failed", inside=False, summary=summary))
        self.events.append(pipeline_event(execution, "FAILED"))
        if roll_back and execution.rollback_target is None and execution.declaration.mode != "PARALLEL":
            self._roll_back_automatically(execution, stage)

    def _roll_back_automatically(self, failed: Execution, stage: Stage) -> None:
        candidates = [
            execution
            for execution in self.executions.values()
            if execution.rollback_target is None
            # An execution of an older version is no target (stage-rollback.html).
            and execution.declaration.version == self.declaration.version
            and stage.name in execution.stages
            and execution.stages[stage.name].status == "Succeeded"
        ]
        if not candidates:
            note = (
                f"{failed.summary}. Unable to roll back: no execution of version {self.declaration.version} of the pipeline has "
                f"succeeded in stage {stage.name}"
            )
            self._put(replace(failed, summary=note))
            return
        target = max(candidates, key=lambda execution: execution.order)
        identity = str(uuid.uuid5(NAMESPACE, f"{failed.id}/rollback/{stage.name}/{failed.attempt}"))
        self._open_rollback(target, stage.name, identity, "AutomatedRollback", failed.id)

    def _open_rollback(self, target: Execution, stage: str, identity: str, trigger: TriggerType, detail: str) -> None:
        index = target.declaration.stage_index(stage)
        self._open(
            replace(
                target,
                id=identity,
                status="InProgress",
                started=self.now,
                order=self.started,
                trigger_type=trigger,
                trigger_detail=detail,
                stage=index,
                until=index + 1,
                inside=False,
                waiting_since=self.now,
                attempt=1,
                stages={},
                summary="",
                stop_reason=None,
                rollback_target=target.id,
                outdated=False,
            )
        )

    def _end_stopped(self, execution: Execution, *, complete: bool) -> None:
        stage = self._stage_of(execution).name
        status: StageStatus = "Succeeded" if complete else "Stopped"
        execution = self._put_stage(execution, replace(execution.stages[stage], status=status))
        self.events.append(stage_event(execution, stage, status.upper()))
        execution = self._put(replace(execution, status="Stopped", inside=False))
        self.events.append(pipeline_event(execution, "STOPPED"))

    # --- requests of people ------------------------------------------------------------------------------------------

    def set_transition(self, event: i.SetTransition) -> None:
        self.declaration.stage_index(event.stage)
        self.transitions[(event.stage, event.kind)] = Transition(
            event.enabled, "" if event.enabled else event.reason, event.by, self.now
        )

    def stop(self, event: i.Stop) -> None:
        execution = self.executions.get(event.execution_id)
        if execution is None or execution.ended:
            raise PipelineError(
                "PipelineExecutionNotStoppableException",
                f"Unable to stop the pipeline execution {event.execution_id}. The execution might already be in a Stopped "
                "state, or it might no longer be in progress.",
            )
        if execution.status == "Stopping" and not event.abandon:
            raise PipelineError(
                "DuplicatedStopRequestException",
                "The pipeline execution is already in a Stopping state. If you already chose to stop and wait, you cannot "
                "make that request again. You can choose to stop and abandon now.",
            )
        already = execution.status == "Stopping"
        execution = self._put(replace(execution, status="Stopping", stop_reason=event.reason))
        if not already:
            self.events.append(pipeline_event(execution, "STOPPING"))
        if not execution.inside:
            execution = self._put(replace(execution, status="Stopped"))
            self.events.append(pipeline_event(execution, "STOPPED"))
            return
        stage = self._stage_of(execution).name
        if not already:
            execution = self._put_stage(execution, replace(execution.stages[stage], status="Stopping"))
            self.events.append(stage_event(execution, stage, "STOPPING"))
        # Rules change nothing outside, so that nothing is lost with them.
        execution = self._abandon_check(
            execution, execution.stages[stage], "Abandoned" if event.abandon else "Cancelled"
        )
        if event.abandon:
            self._abandon(execution.id, stage, event.reason or "Stopped and abandoned")
        self._proceed(execution.id)

    def _abandon(self, execution_id: str, stage: str, reason: str) -> None:
        for run in self.executions[execution_id].stages[stage].current:
            if run.status == "InProgress":
                self.commands.append(AbandonAction(execution_id, run.id, reason))
                self._finish_run(self.executions[execution_id], run, "Abandoned", summary=reason)

    def retry(self, event: i.RetryStage) -> None:
        index = self.declaration.stage_index(event.stage)
        stage = self.declaration.stages[index]
        execution = self.executions.get(event.execution_id)
        passage = execution.stages.get(stage.name) if execution is not None else None
        if (
            execution is None
            or passage is None
            or execution.status not in ("Failed", "Stopped")
            or passage.status not in ("Failed", "Stopped")
            or execution.declaration.version != self.declaration.version
        ):
            raise PipelineError(
                "StageNotRetryableException",
                f"Unable to retry stage {stage.name}. The pipeline structure or stage state might have changed while actions "
                "awaited retry, or the stage contains no failed actions.",
            )
        if self.declaration.mode != "PARALLEL" and self.last_in_stage.get(stage.name) != execution.id:
            raise PipelineError(
                "NotLatestPipelineExecutionException",
                f"The stage {stage.name} has run in a later execution of the pipeline, so the pipelineExecutionId "
                f"{execution.id} is out of date.",
            )
        self._check_concurrency()
        passage = replace(
            passage,
            status="InProgress",
            manual_retries=passage.manual_retries + 1,
            automatic_retries=0,
            last_retry="ManualStageRetry",
        )
        execution = self._put_stage(execution, _set_aside(passage, event.mode))
        execution = self._put(
            replace(
                execution,
                status="InProgress",
                inside=True,
                stage=index,
                summary="",
                stop_reason=None,
                attempt=execution.attempt + 1,
            )
        )
        self._announce_resumption(execution, stage.name)
        self._proceed(execution.id)

    def _announce_resumption(self, execution: Execution, stage: str) -> None:
        self.events += [pipeline_event(execution, "RESUMED"), stage_event(execution, stage, "RESUMED")]

    def roll_back(self, event: i.RollBackStage) -> None:
        index = self.declaration.stage_index(event.stage)
        target = self.executions.get(event.target_execution_id)
        if target is None:
            raise PipelineError(
                "PipelineExecutionNotFoundException",
                f"The pipeline execution {event.target_execution_id} was specified incorrectly, or it does not exist.",
            )
        if target.declaration.version != self.declaration.version:
            raise PipelineError(
                "PipelineExecutionOutdatedException",
                f"The pipeline execution {target.id} is outdated: it ran version {target.declaration.version} of the "
                f"pipeline, which is at version {self.declaration.version}.",
            )
        passage = target.stages.get(event.stage)
        reason = ""
        if index == 0:
            reason = "the source stage cannot be rolled back"
        elif self.declaration.mode == "PARALLEL":
            reason = "stages of a pipeline in PARALLEL mode cannot be rolled back"
        elif target.rollback_target is not None:
            reason = f"execution {target.id} is itself a rollback"
        elif passage is None or passage.status != "Succeeded":
            reason = f"execution {target.id} has not succeeded in this stage"
        elif self._occupant(event.stage, "") is not None:
            reason = "the stage is currently running"
        if reason:
            raise PipelineError("UnableToRollbackStageException", f"Unable to roll back stage {event.stage}: {reason}.")
        self._open_rollback(target, event.stage, event.execution_id, "ManualRollback", event.trigger_detail)

    def update(self, event: i.Update) -> None:
        changed = event.declaration.stages != self.declaration.stages
        self.declaration = event.declaration
        names = {stage.name for stage in event.declaration.stages}
        self.transitions = {key: value for key, value in self.transitions.items() if key[0] in names}
        if changed and self.settings.update_cancels:
            for execution in self._live():
                if execution.inside:
                    self._put(replace(execution, outdated=True))
                else:
                    self._cancel(execution)

    def _cancel(self, execution: Execution) -> None:
        if execution.inside:
            stage = self._stage_of(execution).name
            execution = self._put_stage(execution, replace(execution.stages[stage], status="Cancelled"))
            self.events.append(stage_event(execution, stage, "CANCELED"))
        summary = "The pipeline's structure was updated before the pipeline execution could be completed."
        execution = self._put(replace(execution, status="Cancelled", inside=False, summary=summary))
        self.events.append(pipeline_event(execution, "CANCELED"))


def _details(report: i.ActionSucceeded | i.ActionFailed) -> dict[str, Any]:
    fields = {"summary": report.summary, "external_id": report.external_id, "external_url": report.external_url}
    return {name: value for name, value in fields.items() if value is not None}


def _set_aside(passage: StageRun, mode: str) -> StageRun:
    """The passage with the runs and checks that a retry in this mode repeats marked as superseded.

    An entry condition that let the execution in is not checked again.
    """
    runs = tuple(
        replace(run, superseded_run=True)
        if not run.superseded_run and (mode == "ALL_ACTIONS" or run.status != "Succeeded")
        else run
        for run in passage.runs
    )
    conditions = tuple(
        check
        if check.kind == "BEFORE_ENTRY" and check.status in ("Succeeded", "Overridden")
        else replace(check, superseded_run=True)
        for check in passage.conditions
    )
    return replace(passage, runs=runs, conditions=conditions)
