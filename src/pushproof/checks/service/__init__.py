"""Checks of an ECS service behind its load balancer: a bad revision rolls back, and a good one deploys without downtime."""

from __future__ import annotations

from pushproof.checks.service.alarms import AlarmChecks
from pushproof.checks.service.deployments import DeploymentChecks
from pushproof.checks.service.health import HealthChecks
from pushproof.checks.service.listeners import ListenerChecks
from pushproof.checks.service.records import RecordChecks
from pushproof.checks.service.shifts import ShiftChecks
from pushproof.checks.service.tools import ToolChecks


class ServiceChecks(DeploymentChecks, AlarmChecks, ShiftChecks, HealthChecks, ListenerChecks, RecordChecks, ToolChecks):
    """Checks of one service, by cluster and name."""


__all__ = ["ServiceChecks"]
