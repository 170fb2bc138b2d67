"""Checks of a pipeline: the path of a push from the connection to the service, approvals, and notifications."""

from __future__ import annotations

from pushproof.checks.pipeline.buildspecs import BuildspecChecks
from pushproof.checks.pipeline.notifications import NotificationChecks
from pushproof.checks.pipeline.projects import ProjectChecks
from pushproof.checks.pipeline.stages import StageChecks


class PipelineChecks(StageChecks, ProjectChecks, BuildspecChecks, NotificationChecks):
    """Checks of one pipeline, by name."""


__all__ = ["PipelineChecks"]
