"""CodeDeploy's blue/green deployments of ECS services: AppSpec files, traffic routing, lifecycle events, rollback."""

from __future__ import annotations

from .appspec import AppSpec, Network, Provider, read_appspec
from .errors import CodeDeployError, InvalidAppSpec
from .events import HOOKED, ORDER, LifecycleEvent
from .exchange import (
    AlarmsRead,
    Announcement,
    Answered,
    Begin,
    ContinueRequested,
    CreateTaskSet,
    Decision,
    DeleteTaskSet,
    HookReported,
    Inspect,
    InvokeHook,
    LookAtTaskSet,
    MakePrimary,
    News,
    Order,
    ReadAlarms,
    ShiftTraffic,
    StopRequested,
    Tick,
)
from .machine import create, create_rollback, step
from .placeholders import (
    ImageArtifact,
    PlaceholderError,
    fill_appspec,
    fill_task_definition,
    read_image_detail,
)
from .routing import ALL, PREDEFINED, Routing
from .settings import CodeDeploySettings
from .state import ENDED, ROLLBACK_CAUSES, Deployment, Plan, Problem, RollbackCause

__all__ = [
    "ALL",
    "ENDED",
    "HOOKED",
    "ORDER",
    "PREDEFINED",
    "ROLLBACK_CAUSES",
    "AlarmsRead",
    "Announcement",
    "Answered",
    "AppSpec",
    "Begin",
    "CodeDeployError",
    "CodeDeploySettings",
    "ContinueRequested",
    "CreateTaskSet",
    "Decision",
    "DeleteTaskSet",
    "Deployment",
    "HookReported",
    "ImageArtifact",
    "Inspect",
    "InvalidAppSpec",
    "InvokeHook",
    "LifecycleEvent",
    "LookAtTaskSet",
    "MakePrimary",
    "Network",
    "News",
    "Order",
    "PlaceholderError",
    "Plan",
    "Problem",
    "Provider",
    "ReadAlarms",
    "RollbackCause",
    "Routing",
    "ShiftTraffic",
    "StopRequested",
    "Tick",
    "create",
    "create_rollback",
    "fill_appspec",
    "fill_task_definition",
    "read_appspec",
    "read_image_detail",
    "step",
]
