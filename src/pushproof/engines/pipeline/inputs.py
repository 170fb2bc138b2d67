"""Inputs of the pipeline engine: one type for each event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pushproof.engines.pipeline.declaration import Declaration
from pushproof.engines.pipeline.names import Approval, ConditionKind, RetryMode, Transition, TriggerType
from pushproof.engines.pipeline.state import Artifact, Revision


@dataclass(frozen=True, slots=True)
class Start:
    """A new execution. `overrides` maps a source action to the revision it must take."""

    execution_id: str
    trigger_type: TriggerType = "StartPipelineExecution"
    trigger_detail: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Revision] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionProgressed:
    """Progress of a running action. A field that is None keeps its value."""

    action_execution_id: str
    external_id: str | None = None
    external_url: str | None = None
    summary: str | None = None
    percent_complete: int | None = None


@dataclass(frozen=True, slots=True)
class ActionSucceeded:
    """The success of an action: output artifacts by name, and output variables."""

    action_execution_id: str
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    summary: str | None = None
    external_id: str | None = None
    external_url: str | None = None
    log_stream_arn: str = ""


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """The failure of an action: `code` as in ErrorDetails (JobFailed, PermissionError, ConfigurationError, ...)."""

    action_execution_id: str
    message: str
    code: str = "JobFailed"
    summary: str | None = None
    external_id: str | None = None
    external_url: str | None = None
    log_stream_arn: str = ""


@dataclass(frozen=True, slots=True)
class RuleProgressed:
    """Progress of a rule: what it waits for outside."""

    rule_execution_id: str
    external_id: str | None = None
    external_url: str | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class RuleSucceeded:
    """The success of a rule."""

    rule_execution_id: str
    summary: str | None = None
    external_id: str | None = None
    external_url: str | None = None


@dataclass(frozen=True, slots=True)
class RuleFailed:
    """The failure of a rule: `code` RuleCheckFailed when its criteria are not met, another when it could not be checked."""

    rule_execution_id: str
    message: str
    code: str = "RuleCheckFailed"
    summary: str | None = None
    external_id: str | None = None
    external_url: str | None = None


@dataclass(frozen=True, slots=True)
class OverrideCondition:
    """OverrideStageCondition; `kind` is BEFORE_ENTRY or ON_SUCCESS."""

    stage: str
    execution_id: str
    kind: ConditionKind


@dataclass(frozen=True, slots=True)
class ApprovalResult:
    """PutApprovalResult. `status` is Approved or Rejected."""

    stage: str
    action: str
    token: str
    status: Approval
    summary: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class SetTransition:
    """EnableStageTransition or DisableStageTransition; `kind` is Inbound or Outbound."""

    stage: str
    kind: Transition
    enabled: bool
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """StopPipelineExecution: wait for the actions under way, or abandon them."""

    execution_id: str
    abandon: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RetryStage:
    """RetryStageExecution; `mode` is FAILED_ACTIONS or ALL_ACTIONS."""

    stage: str
    execution_id: str
    mode: RetryMode = "FAILED_ACTIONS"


@dataclass(frozen=True, slots=True)
class RollBackStage:
    """RollbackStage: a new execution `execution_id` runs the stage as the target execution did."""

    stage: str
    target_execution_id: str
    execution_id: str
    trigger_detail: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """UpdatePipeline: this declaration, with a higher version, replaces the present one."""

    declaration: Declaration


Input = (
    Start
    | ActionProgressed
    | ActionSucceeded
    | ActionFailed
    | RuleProgressed
    | RuleSucceeded
    | RuleFailed
    | OverrideCondition
    | ApprovalResult
    | Tick
    | SetTransition
    | Stop
    | RetryStage
    | RollBackStage
    | Update
)
