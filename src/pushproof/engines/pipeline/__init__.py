"""CodePipeline: the course of executions, the inputs of each action, and the events that a pipeline publishes."""

from pushproof.engines.pipeline.declaration import Action, ArtifactStore, Declaration, Stage
from pushproof.engines.pipeline.ecs_deploy import Verdict, judge_ecs_deployment
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.inputs import (
    ActionFailed,
    ActionProgressed,
    ActionSucceeded,
    ApprovalResult,
    Input,
    RetryStage,
    RollBackStage,
    SetTransition,
    Start,
    Stop,
    Tick,
    Update,
)
from pushproof.engines.pipeline.machine import action_timeout, step
from pushproof.engines.pipeline.reading import read_declaration
from pushproof.engines.pipeline.state import (
    AbandonAction,
    ActionRun,
    Announcement,
    Artifact,
    Command,
    Execution,
    PipelineState,
    Settings,
    StageRun,
    StartAction,
    Step,
    Transition,
)
from pushproof.engines.pipeline.structure import check
from pushproof.engines.pipeline.variables import references, resolve

__all__ = [
    "AbandonAction",
    "Action",
    "ActionFailed",
    "ActionProgressed",
    "ActionRun",
    "ActionSucceeded",
    "Announcement",
    "ApprovalResult",
    "Artifact",
    "ArtifactStore",
    "Command",
    "Declaration",
    "Execution",
    "Input",
    "PipelineError",
    "PipelineState",
    "RetryStage",
    "RollBackStage",
    "SetTransition",
    "Settings",
    "Stage",
    "StageRun",
    "Start",
    "StartAction",
    "Step",
    "Stop",
    "Tick",
    "Transition",
    "Update",
    "Verdict",
    "action_timeout",
    "check",
    "judge_ecs_deployment",
    "read_declaration",
    "references",
    "resolve",
    "step",
]
