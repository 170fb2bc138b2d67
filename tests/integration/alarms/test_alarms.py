"""Deployment alarms as Terraform's `aws_ecs_service` has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushproof.terraform.applied import apply_module


def test_a_service_with_alarms_is_applied_and_planned_empty(target: Any, aws: Callable[[str], Any]) -> None:
    """The plan after the apply is empty, the deployment watches both alarms, and the destroy removes all."""
    module = apply_module(target, Path(__file__).parent / "alarmed", name="alarmed")
    assert module.changes() == {}
    ecs = aws("ecs")
    (brief,) = ecs.list_service_deployments(cluster="alarmed", service="alarmed")["serviceDeployments"]
    (shown,) = ecs.describe_service_deployments(serviceDeploymentArns=[brief["serviceDeploymentArn"]])[
        "serviceDeployments"
    ]
    assert sorted(shown["alarms"]["alarmNames"]) == ["alarmed-5xx", "alarmed-slow"]
    assert shown["alarms"]["status"] in ("MONITORING", "MONITORING_COMPLETE")
    module.terraform.destroy()
    assert aws("cloudwatch").describe_alarms(AlarmNamePrefix="alarmed-")["MetricAlarms"] == []
