"""A step under construction: working copies of the state, and the commands and events so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pushproof.engines.pipeline.declaration import Stage
from pushproof.engines.pipeline.state import (
    ActionRun,
    Announcement,
    Command,
    Execution,
    PipelineState,
    Settings,
    StageRun,
    Step,
)


class Turn:
    """Working copies of a pipeline's state: queries and storage."""

    def __init__(self, state: PipelineState, now: float, settings: Settings) -> None:
        self.now = now
        self.settings = settings
        self.declaration = state.declaration
        self.executions = dict(state.executions)
        self.transitions = dict(state.transitions)
        self.last_in_stage = dict(state.last_in_stage)
        self.started = state.started
        self.commands: list[Command] = []
        self.events: list[Announcement] = []

    def result(self) -> Step:
        state = PipelineState(self.declaration, self.executions, self.transitions, self.last_in_stage, self.started)
        deadlines = [
            run.deadline
            for execution in self._live()
            for stage in execution.stages.values()
            for run in stage.runs
            if run.status == "InProgress"
        ]
        deadlines += [
            rule.deadline
            for execution in self._live()
            for stage in execution.stages.values()
            if stage.checking is not None
            for rule in stage.checking.rules
            if rule.status == "InProgress"
        ]
        return Step(state, tuple(self.commands), tuple(self.events), min(deadlines, default=None))

    # --- queries -----------------------------------------------------------------------------------------------------

    def _live(self) -> Iterable[Execution]:
        return [execution for execution in self.executions.values() if not execution.ended]

    def _occupant(self, stage: str, other_than: str) -> Execution | None:
        for execution in self._live():
            if execution.id != other_than and execution.inside and self._stage_of(execution).name == stage:
                return execution
        return None

    @staticmethod
    def _stage_of(execution: Execution) -> Stage:
        return execution.declaration.stages[execution.stage]

    def _find_run(self, run_id: str) -> tuple[Execution, StageRun, ActionRun] | None:
        for execution in self._live():
            for stage in execution.stages.values():
                for run in stage.runs:
                    if run.id == run_id and run.status == "InProgress":
                        return execution, stage, run
        return None

    # --- storage -----------------------------------------------------------------------------------------------------

    def _put(self, execution: Execution) -> Execution:
        execution = replace(execution, updated=self.now)
        self.executions[execution.id] = execution
        return execution

    def _put_stage(self, execution: Execution, run: StageRun) -> Execution:
        return self._put(replace(execution, stages={**execution.stages, run.name: replace(run, updated=self.now)}))

    def _put_run(self, execution: Execution, stage: str, run: ActionRun) -> Execution:
        passage = execution.stages[stage]
        runs = tuple(run if earlier.id == run.id else earlier for earlier in passage.runs)
        return self._put_stage(execution, replace(passage, runs=runs))
