"""Scalable targets, policies and scheduled actions as Terraform makes, reads and removes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushproof.terraform.applied import apply_module


def test_a_scaled_service_is_applied_planned_empty_and_destroyed(target: Any, aws: Callable[[str], Any]) -> None:
    """The plan after the apply is empty, the limits hold at once, and nothing is left after the destroy."""
    module = apply_module(target, Path(__file__).parent / "scaled", name="scaled")
    assert module.changes() == {}
    (service,) = aws("ecs").describe_services(cluster="scaled", services=["scaled"])["services"]
    assert service["desiredCount"] == 0
    module.terraform.destroy()
    scaling = aws("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert not [
        alarm
        for alarm in aws("cloudwatch").describe_alarms()["MetricAlarms"]
        if alarm["AlarmName"].startswith("TargetTracking-service/scaled/")
    ]
