"""Workflows of GitHub Actions: their files, their expressions, and what steps say to the runner."""

from __future__ import annotations

from pushproof.engines.workflow.commands import Command, assignments, command_of
from pushproof.engines.workflow.errors import ExpressionError, WorkflowError
from pushproof.engines.workflow.expressions import Function, Scope, Value, evaluate, holds, interpolate, truth, value_of
from pushproof.engines.workflow.model import Job, Step, Workflow, read_workflow

__all__ = [
    "Command",
    "ExpressionError",
    "Function",
    "Job",
    "Scope",
    "Step",
    "Value",
    "Workflow",
    "WorkflowError",
    "assignments",
    "command_of",
    "evaluate",
    "holds",
    "interpolate",
    "read_workflow",
    "truth",
    "value_of",
]
