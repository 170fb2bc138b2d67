"""Refusals of Application Auto Scaling, in its own words.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html ; the texts are recorded answers
of the service (github.com/badmintoncryer/cdk-preflight, rules/applicationautoscaling).
"""

from __future__ import annotations

import itertools
import math
import re
import zoneinfo
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError

from .model import DIMENSIONS, Configuration, Key, Schedule

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.literals import PolicyTypeType
    from types_boto3_application_autoscaling.type_defs import (
        StepScalingPolicyConfigurationOutputTypeDef,
        TargetTrackingScalingPolicyConfigurationOutputTypeDef,
    )

    from pushproof.emulator.kernel.shapes.application_autoscaling import PutScalingPolicyRequest


_TYPES: tuple[PolicyTypeType, ...] = ("StepScaling", "TargetTrackingScaling", "PredictiveScaling")
_ECS_METRICS = (
    "ALBRequestCountPerTarget",
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageCPUUtilizationHighResolution",
    "ECSServiceAverageMemoryUtilization",
    "ECSServiceAverageMemoryUtilizationHighResolution",
)
_LABEL = re.compile(r"app/[^/]+/[^/]+/targetgroup/[^/]+/[^/]+")
_AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
_RATE = re.compile(r"rate\([1-9]\d*\s?(minutes?|hours?|days?)\)")
_CRON = re.compile(r"cron\(\S+( \S+){5}\)")


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def check_key(key: Key) -> None:
    """Refuse a namespace, resource ID and dimension that do not belong together."""
    namespace, resource, dimension = key
    prefix = DIMENSIONS.get(dimension, ("", ""))[0]
    sound = dimension in DIMENSIONS and dimension.split(":")[0] == namespace and resource.startswith(prefix)
    if sound and namespace == "ecs":
        sound = len(resource.split("/")) == 3 and all(resource.split("/"))
    if not sound:
        raise invalid("Unsupported service namespace, resource type or scalable dimension")


def check_limits(minimum: int | None, maximum: int | None) -> None:
    """Refuse limits below zero, or a minimum above the maximum."""
    for name, value in (("Minimum", minimum), ("Maximum", maximum)):
        if value is not None and value < 0:
            raise invalid(f"{name} capacity must be greater than or equal to 0")
    if minimum is not None and maximum is not None and maximum < minimum:
        raise invalid("Maximum capacity cannot be less than minimum capacity")


def policy_configuration(key: Key, kind: PolicyTypeType, request: PutScalingPolicyRequest) -> Configuration:
    """Return the configuration that a policy's type requires. Raises ValidationException."""
    if kind not in _TYPES:
        raise invalid(f"Unsupported policy type {kind}.")
    step = request.get("StepScalingPolicyConfiguration")
    tracking = request.get("TargetTrackingScalingPolicyConfiguration")
    predictive = request.get("PredictiveScalingPolicyConfiguration")
    present = dict(zip(_TYPES, (step, tracking, predictive), strict=True))
    if not present[kind]:
        raise invalid(f"{kind} policy configuration must be specified")
    if any(present[other] for other in _TYPES if other != kind):
        raise invalid(f"Only {kind} policy configuration can be specified for policy type {kind}")
    if tracking:
        _check_tracking(key, tracking)
        tracking = tracking.copy()
        tracking.setdefault("DisableScaleIn", False)
        return {"TargetTrackingScalingPolicyConfiguration": tracking}
    if step:
        _check_steps(step)
        return {"StepScalingPolicyConfiguration": step}
    if key[0] != "ecs":
        raise invalid("Predictive scaling is only supported for the ecs service namespace")
    return {"PredictiveScalingPolicyConfiguration": predictive} if predictive else {}


def _check_tracking(key: Key, configuration: TargetTrackingScalingPolicyConfigurationOutputTypeDef) -> None:
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if predefined and customized:
        raise invalid(
            "Only one of PredefinedMetricSpecification or CustomizedMetricSpecification can be set for target tracking "
            "scaling."
        )
    if not predefined and not customized:
        raise invalid(
            "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling."
        )
    if customized and customized.get("MetricName") and not customized.get("Namespace"):
        raise invalid("Namespace must be specified for a customized metric with a MetricName.")
    if not predefined:
        return
    metric, label = predefined.get("PredefinedMetricType"), predefined.get("ResourceLabel")
    if key[0] == "ecs" and metric not in _ECS_METRICS:
        raise invalid(
            f"Scalable dimension {key[2]} only supports the following predefined metric types: {', '.join(_ECS_METRICS)}"
        )
    if metric == "ALBRequestCountPerTarget":
        if not label:
            raise invalid(f"Resource label should be specified for predefined metric type {metric}")
        if not _LABEL.fullmatch(label):
            raise invalid(f"Invalid resource label '{label}' for predefined metric type {metric}")
    elif label:
        raise invalid(f"Resource label should not be specified for predefined metric type {metric}")


def _check_steps(configuration: StepScalingPolicyConfigurationOutputTypeDef) -> None:
    if not configuration.get("AdjustmentType"):
        raise invalid("AdjustmentType must be specified for StepScaling policy")
    steps = configuration.get("StepAdjustments") or []
    if not steps:
        raise invalid("At least one step adjustment must be specified for StepScaling policy")
    open_ends = {
        "lower": [step for step in steps if step.get("MetricIntervalLowerBound") is None],
        "upper": [step for step in steps if step.get("MetricIntervalUpperBound") is None],
    }
    for side, ends in open_ends.items():
        if len(ends) > 1:
            raise invalid(f"There can be at most one step adjustment with an unspecified {side} bound")
    if configuration["AdjustmentType"] == "ExactCapacity" and any(step["ScalingAdjustment"] < 0 for step in steps):
        raise invalid("Scaling adjustment cannot be negative for ExactCapacity")
    if configuration.get("MinAdjustmentMagnitude") and configuration["AdjustmentType"] != "PercentChangeInCapacity":
        raise invalid("MinAdjustmentMagnitude is only supported for the PercentChangeInCapacity adjustment type")
    bounds = sorted(
        (
            -math.inf if step.get("MetricIntervalLowerBound") is None else float(step["MetricIntervalLowerBound"]),
            math.inf if step.get("MetricIntervalUpperBound") is None else float(step["MetricIntervalUpperBound"]),
        )
        for step in steps
    )
    if any(low >= high for low, high in bounds):
        raise invalid("The lower bound of a step adjustment must be less than its upper bound")
    for (_, high), (low, _) in itertools.pairwise(bounds):
        if low < high:
            raise invalid("Step adjustment intervals cannot overlap")
        if low > high:
            raise invalid("Step adjustment intervals cannot have gaps between them")


def check_scheduled(request: Schedule) -> None:
    """Refuse a schedule, time zone or target action that AWS refuses."""
    schedule = request.get("Schedule")
    if not schedule:
        raise invalid("Schedule must be set")
    if not (_AT.fullmatch(schedule) or _RATE.fullmatch(schedule) or _CRON.fullmatch(schedule)):
        raise invalid(
            f"Invalid schedule expression: {schedule}. Schedule expressions must have the following syntax: "
            "rate(<number>\\s?(minutes?|hours?|days?)), cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss)."
        )
    zone = request.get("Timezone")
    if zone and zone not in zoneinfo.available_timezones():
        raise invalid(f"Invalid time zone: {zone}")
    start, end = request.get("StartTime"), request.get("EndTime")
    if start and end and end <= start:
        raise invalid("The end time must be later than the start time")
    action = request.get("ScalableTargetAction", {})
    if not action:
        raise invalid("ScalableTargetAction must be set")
    low, high = action.get("MinCapacity"), action.get("MaxCapacity")
    if low is None and high is None:
        raise invalid("At least one of MinCapacity or MaxCapacity must be set in ScalableTargetAction")
    check_limits(low, high)
