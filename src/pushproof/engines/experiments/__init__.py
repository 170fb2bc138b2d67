"""Experiments of AWS Fault Injection Service: templates, the order of their actions, and the selection of targets."""

from .actions import ACTIONS, ActionKind, kind_of
from .template import (
    Action,
    ExperimentTarget,
    InvalidExperiment,
    Template,
    check,
    duration,
    ready,
    selected,
)

__all__ = [
    "ACTIONS",
    "Action",
    "ActionKind",
    "ExperimentTarget",
    "InvalidExperiment",
    "Template",
    "check",
    "duration",
    "kind_of",
    "ready",
    "selected",
]
