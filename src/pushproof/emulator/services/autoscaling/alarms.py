"""The CloudWatch alarms of a target tracking policy: they come and go with it.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from .model import Key, ScalingPolicy

_PREDEFINED = {
    "ECSServiceAverageCPUUtilization": ("AWS/ECS", "CPUUtilization", "Average"),
    "ECSServiceAverageCPUUtilizationHighResolution": ("AWS/ECS", "CPUUtilization", "Average"),
    "ECSServiceAverageMemoryUtilization": ("AWS/ECS", "MemoryUtilization", "Average"),
    "ECSServiceAverageMemoryUtilizationHighResolution": ("AWS/ECS", "MemoryUtilization", "Average"),
    "ALBRequestCountPerTarget": ("AWS/ApplicationELB", "RequestCountPerTarget", "Sum"),
}


def tracking_alarms(key: Key, policy: ScalingPolicy) -> list[dict[str, Any]]:
    """Return the input of PutMetricAlarm: above the target for 3 minutes, and below 90 % of it for 15, unless nothing scales in."""
    metric = _metric(key, policy.configuration)
    if metric is None:
        return []
    target = float(policy.configuration["TargetValue"])
    sides = [("AlarmHigh", "GreaterThanThreshold", target, 3)]
    if not policy.configuration.get("DisableScaleIn"):
        sides.append(("AlarmLow", "LessThanThreshold", target * 0.9, 15))
    return [
        {
            "AlarmName": f"TargetTracking-{key[1]}-{side}-{uuid.uuid4()}",
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            "AlarmActions": [policy.arn],
            "ComparisonOperator": comparison,
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            **metric,
        }
        for side, comparison, threshold, periods in sides
    ]


def _metric(key: Key, configuration: Mapping[str, Any]) -> dict[str, Any] | None:
    customized = configuration.get("CustomizedMetricSpecification")
    if customized:
        if not customized.get("MetricName"):
            return None
        shown = {
            "Namespace": customized["Namespace"],
            "MetricName": customized["MetricName"],
            "Dimensions": customized.get("Dimensions") or [],
            "Statistic": customized.get("Statistic") or "Average",
            "Period": 60,
        }
        return shown | ({"Unit": customized["Unit"]} if customized.get("Unit") else {})
    predefined = configuration["PredefinedMetricSpecification"]
    known = _PREDEFINED.get(predefined["PredefinedMetricType"])
    if known is None:
        return None
    namespace, name, statistic = known
    if namespace == "AWS/ECS":
        _, cluster, service = key[1].split("/")
        dimensions = [{"Name": "ClusterName", "Value": cluster}, {"Name": "ServiceName", "Value": service}]
    else:
        parts = predefined["ResourceLabel"].split("/targetgroup/")
        dimensions = [
            {"Name": "LoadBalancer", "Value": parts[0]},
            {"Name": "TargetGroup", "Value": f"targetgroup/{parts[1]}"},
        ]
    return {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions, "Statistic": statistic, "Period": 60}
