"""Errors of workflows: a file that cannot be read, or that asks for what is not run here."""

from __future__ import annotations


class WorkflowError(Exception):
    """A workflow cannot be run; the message names the file, the place in it, and what was expected."""


class ExpressionError(WorkflowError):
    """An expression cannot be evaluated."""
