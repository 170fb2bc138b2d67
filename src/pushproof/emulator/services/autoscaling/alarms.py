"""The CloudWatch alarms of a target tracking policy: created and deleted with it.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from .model import Key, ScalingPolicy

if TYPE_CHECKING:
    from types_boto3_cloudwatch.literals import ComparisonOperatorType, StandardUnitType, StatisticType
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, PutMetricAlarmInputTypeDef

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.type_defs import TargetTrackingScalingPolicyConfigurationOutputTypeDef


_PREDEFINED: dict[str, tuple[str, str, StatisticType]] = {
    "ECSServiceAverageCPUUtilization": ("AWS/ECS", "CPUUtilization", "Average"),
    "ECSServiceAverageCPUUtilizationHighResolution": ("AWS/ECS", "CPUUtilization", "Average"),
    "ECSServiceAverageMemoryUtilization": ("AWS/ECS", "MemoryUtilization", "Average"),
    "ECSServiceAverageMemoryUtilizationHighResolution": ("AWS/ECS", "MemoryUtilization", "Average"),
    "ALBRequestCountPerTarget": ("AWS/ApplicationELB", "RequestCountPerTarget", "Sum"),
}


def tracking_alarms(key: Key, policy: ScalingPolicy) -> list[PutMetricAlarmInputTypeDef]:
    """Return the input of PutMetricAlarm: above the target for 3 minutes, and below 90 % of it for 15, unless nothing scales in."""
    configuration = policy.configuration["TargetTrackingScalingPolicyConfiguration"]
    metric = _metric(key, configuration)
    if metric is None:
        return []
    target = float(configuration["TargetValue"])
    sides: list[tuple[str, ComparisonOperatorType, float, int]] = [("AlarmHigh", "GreaterThanThreshold", target, 3)]
    if not configuration.get("DisableScaleIn"):
        sides.append(("AlarmLow", "LessThanThreshold", target * 0.9, 15))
    alarms: list[PutMetricAlarmInputTypeDef] = []
    for side, comparison, threshold, periods in sides:
        alarm: PutMetricAlarmInputTypeDef = {
            "AlarmName": f"TargetTracking-{key[1]}-{side}-{uuid.uuid4()}",
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            "AlarmActions": [policy.arn],
            "ComparisonOperator": comparison,
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": metric.dimensions,
            "Statistic": metric.statistic,
            "Period": 60,
        }
        if metric.unit:
            alarm["Unit"] = metric.unit
        alarms.append(alarm)
    return alarms


@dataclass(frozen=True, slots=True)
class _Metric:
    namespace: str
    name: str
    dimensions: list[DimensionTypeDef]
    statistic: StatisticType
    unit: StandardUnitType | None = None


def _metric(key: Key, configuration: TargetTrackingScalingPolicyConfigurationOutputTypeDef) -> _Metric | None:
    customized = configuration.get("CustomizedMetricSpecification")
    if customized:
        if not customized.get("MetricName"):
            return None
        return _Metric(
            customized["Namespace"],
            customized["MetricName"],
            [{"Name": item["Name"], "Value": item["Value"]} for item in customized.get("Dimensions", [])],
            customized.get("Statistic") or "Average",
            # Plain text in this model; CloudWatch refuses text that is no unit.
            cast("StandardUnitType | None", customized.get("Unit")),
        )
    predefined = configuration["PredefinedMetricSpecification"]
    metric = _PREDEFINED.get(predefined["PredefinedMetricType"])
    if metric is None:
        return None
    namespace, name, statistic = metric
    if namespace == "AWS/ECS":
        _, cluster, service = key[1].split("/")
        dimensions = {"ClusterName": cluster, "ServiceName": service}
    else:
        balancer, _, group = predefined["ResourceLabel"].partition("/targetgroup/")
        dimensions = {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}
    named: list[DimensionTypeDef] = [{"Name": label, "Value": value} for label, value in dimensions.items()]
    return _Metric(namespace, name, named, statistic)
