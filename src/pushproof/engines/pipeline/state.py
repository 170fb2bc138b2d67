"""The state of a pipeline at an instant: executions, their positions, and the results of their actions.

Statuses are those of the API: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html ,
.../API_StageExecution.html , .../API_ActionExecution.html . Times are AWS seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pushproof.engines.pipeline.declaration import Action, ArtifactStore, Declaration, EnvironmentVariable, Rule
from pushproof.engines.pipeline.names import (
    ConditionKind,
    ConditionStatus,
    ExecutionStatus,
    ExecutionType,
    RetryTrigger,
    RevisionType,
    RunStatus,
    StageStatus,
    TriggerType,
)

ENDED = frozenset({"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings for behaviour that AWS does not document, or documents as adjustable.

    ecs_rollback: what the ECS deploy action reports after the circuit breaker rolled its deployment back: "fail" (at once) or
        "timeout" (stays InProgress until its timeout, then fails). It never reports success.
    failure_rules: which outcome of the rules of an onFailure condition engages its result: "met" when all succeed, as the API's
        reference has it, or "not met" when one fails, as the user guide's introduction has it.
    automatic_retries: how often onFailure RETRY repeats a stage.
    update_cancels: an update that changes the stages cancels the executions under way, once their running actions have completed
        (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-edit.html).
    """

    ecs_rollback: str = "fail"
    failure_rules: str = "met"
    automatic_retries: int = 1
    update_cancels: bool = True

    def __post_init__(self) -> None:
        if self.ecs_rollback not in ("fail", "timeout"):
            raise ValueError(f"ecs_rollback is {self.ecs_rollback!r}; expected 'fail' or 'timeout'")
        if self.failure_rules not in ("met", "not met"):
            raise ValueError(f"failure_rules is {self.failure_rules!r}; expected 'met' or 'not met'")


@dataclass(frozen=True, slots=True)
class Artifact:
    """The location of an artifact, and the source revision it was made from (for source actions)."""

    bucket: str
    key: str
    revision_id: str = ""
    revision_summary: str = ""
    revision_url: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision that a source action must take; `variables` are output variables that its cause sets, such as the branch."""

    value: str
    kind: RevisionType = "COMMIT_ID"
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionRun:
    """One run of an action. `deadline` is when it times out; `token` is set for approvals."""

    id: str
    stage: str
    action: Action
    status: RunStatus
    started: float
    updated: float
    deadline: float
    configuration: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    outputs: Mapping[str, Artifact] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    external_id: str = ""
    external_url: str = ""
    summary: str = ""
    error_code: str = ""
    error_message: str = ""
    updated_by: str = ""
    percent_complete: int | None = None
    log_stream_arn: str = ""
    superseded_run: bool = False
    commands: tuple[str, ...] = ()
    environment: tuple[EnvironmentVariable, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleRun:
    """One run of a rule. `deadline` is when it times out."""

    id: str
    stage: str
    kind: ConditionKind
    rule: Rule
    status: RunStatus
    started: float
    updated: float
    deadline: float
    configuration: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    external_id: str = ""
    external_url: str = ""
    summary: str = ""
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class ConditionRun:
    """One check of a stage's condition, and the runs of its rules. A retry sets aside a check that it repeats."""

    kind: ConditionKind
    status: ConditionStatus
    started: float
    updated: float
    rules: tuple[RuleRun, ...] = ()
    summary: str = ""
    superseded_run: bool = False

    @property
    def refused(self) -> bool:
        """Return whether a rule failed, and nobody has overridden it."""
        return self.status in ("Failed", "Errored")


@dataclass(frozen=True, slots=True)
class StageRun:
    """An execution's passage through a stage.

    `runs` holds every action run and `conditions` every check, those of earlier attempts included, oldest first.
    """

    name: str
    status: StageStatus
    started: float
    updated: float
    runs: tuple[ActionRun, ...] = ()
    automatic_retries: int = 0
    manual_retries: int = 0
    last_retry: RetryTrigger | None = None
    conditions: tuple[ConditionRun, ...] = ()

    def condition(self, kind: ConditionKind) -> ConditionRun | None:
        """The check of a kind in the latest attempt; None if it has not begun."""
        return next((check for check in self.conditions if check.kind == kind and not check.superseded_run), None)

    @property
    def interrupted(self) -> bool:
        """Return whether a check was ended without an outcome."""
        return any(check.status in ("Abandoned", "Cancelled") for check in self.conditions)

    @property
    def checking(self) -> ConditionRun | None:
        """The check that is under way."""
        return next((check for check in self.conditions if check.status == "InProgress"), None)

    @property
    def current(self) -> tuple[ActionRun, ...]:
        """The action runs of the latest attempt (those kept from an earlier one included)."""
        return tuple(run for run in self.runs if not run.superseded_run)


@dataclass(frozen=True, slots=True)
class Execution:
    """A pipeline execution.

    `stage` is the index of the stage it is in or waits for, `inside` says which. `until` is the index after the last stage it
    runs (a rollback runs one stage). An `outdated` execution is cancelled as soon as its running actions have completed: the
    pipeline's structure was updated.
    """

    id: str
    declaration: Declaration
    status: ExecutionStatus
    started: float
    updated: float
    order: int
    trigger_type: TriggerType = "StartPipelineExecution"
    trigger_detail: str = ""
    stage: int = 0
    inside: bool = False
    until: int = 0
    waiting_since: float = 0.0
    attempt: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Revision] = field(default_factory=dict)
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stages: Mapping[str, StageRun] = field(default_factory=dict)
    summary: str = ""
    stop_reason: str | None = None
    rollback_target: str | None = None
    outdated: bool = False

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def execution_type(self) -> ExecutionType:
        return "STANDARD" if self.rollback_target is None else "ROLLBACK"


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition into (or out of) a stage: enabled or disabled, and by whom."""

    enabled: bool = True
    reason: str = ""
    changed_by: str = ""
    changed_at: float | None = None


@dataclass(frozen=True, slots=True)
class PipelineState:
    """The whole pipeline: its present declaration, all executions (oldest first), and its transitions by (stage, type)."""

    declaration: Declaration
    executions: Mapping[str, Execution] = field(default_factory=dict)
    transitions: Mapping[tuple[str, str], Transition] = field(default_factory=dict)
    last_in_stage: Mapping[str, str] = field(default_factory=dict)
    started: int = 0

    def transition(self, stage: str, kind: str = "Inbound") -> Transition:
        return self.transitions.get((stage, kind), Transition())


@dataclass(frozen=True, slots=True)
class StartAction:
    """Command to run this action. Report ActionSucceeded or ActionFailed under `run.id` (ApprovalResult for a Manual approval).

    `service_role_arn` is the pipeline's role, with which CodePipeline assumes `role_arn`, the role that acts. Both, and `store`,
    are those of the version that the execution runs, also after an update of the pipeline.
    """

    execution_id: str
    run: ActionRun
    role_arn: str
    override: Revision | None = None
    service_role_arn: str = ""
    store: ArtifactStore | None = None


@dataclass(frozen=True, slots=True)
class AbandonAction:
    """Command to stop waiting for this action; a build or a deployment that it started goes on by itself."""

    execution_id: str
    action_execution_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StartRule:
    """Command to check this rule. Report RuleSucceeded or RuleFailed under `run.id`; the roles are those of StartAction."""

    execution_id: str
    run: RuleRun
    role_arn: str
    service_role_arn: str = ""
    store: ArtifactStore | None = None


@dataclass(frozen=True, slots=True)
class AbandonRule:
    """Command to stop waiting for this rule."""

    execution_id: str
    rule_execution_id: str


Command = StartAction | AbandonAction | StartRule | AbandonRule


@dataclass(frozen=True, slots=True)
class Announcement:
    """An EventBridge event of source aws.codepipeline, without the envelope. `started` belongs in detail `start-time`."""

    detail_type: str
    detail: Mapping[str, Any]
    started: float


@dataclass(frozen=True, slots=True)
class Step:
    """The consequences of an input: the new state, commands to carry out, events to publish, and the time of the next Tick."""

    state: PipelineState
    commands: tuple[Command, ...]
    events: tuple[Announcement, ...]
    wake_at: float | None
