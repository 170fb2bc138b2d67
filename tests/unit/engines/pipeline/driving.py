"""A pipeline under test: declarations in one line, inputs by name, and what came of them."""

from __future__ import annotations

from typing import Any

from pushproof.engines.pipeline import (
    Action,
    ActionFailed,
    ActionRun,
    ActionSucceeded,
    Artifact,
    Command,
    Declaration,
    Execution,
    Input,
    PipelineState,
    RetryStage,
    RuleFailed,
    RuleRun,
    RuleSucceeded,
    Settings,
    SetTransition,
    Stage,
    Start,
    StartAction,
    Step,
    Stop,
    Tick,
    step,
)


def source(**members: Any) -> Action:
    return Action("Source", "Source", "AWS", "S3", outputs=("source",), namespace="Src", **members)


def build(name: str = "Build", **members: Any) -> Action:
    return Action(name, "Build", "AWS", "CodeBuild", inputs=("source",), **members)


def approval(name: str = "Approve", **members: Any) -> Action:
    return Action(name, "Approval", "AWS", "Manual", **members)


def declare(*stages: Stage, mode: str = "SUPERSEDED", **members: Any) -> Declaration:
    given = stages or (Stage("Build", (build(),)), Stage("Deploy", (build("Deploy"),)))
    return Declaration("web", "role", (Stage("Source", (source(),)), *given), mode=mode, pipeline_type="V2", **members)


class Driven:
    """Feeds inputs to the engine, keeps every command and event."""

    def __init__(self, declaration: Declaration, settings: Settings | None = None) -> None:
        self.state = PipelineState(declaration)
        self.settings = settings or Settings()
        self.now = 0.0
        self.commands: list[Command] = []
        self.events: list[tuple[str, ...]] = []
        self.details: list[dict[str, Any]] = []
        self.wake_at: float | None = None

    def give(self, given: Input, after: float = 1.0) -> Step:
        self.now += after
        result = step(self.state, given, self.now, self.settings)
        self.state, self.wake_at = result.state, result.wake_at
        self.commands += result.commands
        for event in result.events:
            detail = dict(event.detail)
            self.details.append(detail)
            named = [str(detail[key]) for key in ("stage", "action") if key in detail]
            self.events.append((str(detail["execution-id"]), *named, str(detail["state"])))
        return result

    def start(self, identity: str, **members: Any) -> None:
        self.give(Start(identity, **members))

    def running(self, identity: str) -> list[ActionRun]:
        runs = [run for passage in self[identity].stages.values() for run in passage.runs]
        return [run for run in runs if run.status == "InProgress"]

    def finish(self, identity: str, action: str | None = None, **members: Any) -> None:
        """End the running action (all of them, or the named one) well."""
        for run in self.running(identity):
            if action in (None, run.action.name):
                outputs = {name: Artifact("bucket", f"{identity}/{name}") for name in run.action.outputs}
                self.give(ActionSucceeded(run.id, outputs, **members))

    def break_(self, identity: str, action: str | None = None) -> None:
        for run in self.running(identity):
            if action in (None, run.action.name):
                self.give(ActionFailed(run.id, "it broke"))

    def rules(self, identity: str) -> list[RuleRun]:
        """The rules under way."""
        checks = [passage.checking for passage in self[identity].stages.values()]
        return [rule for check in checks if check is not None for rule in check.rules if rule.status == "InProgress"]

    def meet(self, identity: str, rule: str | None = None) -> None:
        """End rules under way (all of them, or the named one) well."""
        for run in self.rules(identity):
            if rule in (None, run.rule.name):
                self.give(RuleSucceeded(run.id))

    def miss(self, identity: str, rule: str | None = None, code: str = "RuleCheckFailed") -> None:
        for run in self.rules(identity):
            if rule in (None, run.rule.name):
                self.give(RuleFailed(run.id, "it did not hold", code))

    def stop(self, identity: str, **members: Any) -> None:
        self.give(Stop(identity, **members))

    def tick(self, after: float) -> None:
        self.give(Tick(), after)

    def disable(self, stage: str) -> None:
        self.give(SetTransition(stage, "Inbound", False, "hold"))

    def enable(self, stage: str) -> None:
        self.give(SetTransition(stage, "Inbound", True))

    def retry(self, stage: str, identity: str, mode: str = "FAILED_ACTIONS") -> None:
        self.give(RetryStage(stage, identity, mode))

    def __getitem__(self, identity: str) -> Execution:
        return self.state.executions[identity]

    def statuses(self) -> dict[str, str]:
        return {identity: execution.status for identity, execution in self.state.executions.items()}

    def place(self, identity: str) -> tuple[str, bool]:
        execution = self[identity]
        return execution.declaration.stages[execution.stage].name, execution.inside

    def last_start(self) -> StartAction:
        return [command for command in self.commands if isinstance(command, StartAction)][-1]
