"""Application Auto Scaling of ECS services, as Terraform's provider calls it.

https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[[Callable[[], Any]], tuple[str, str]]
KEY = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/main/app",
    "ScalableDimension": "ecs:service:DesiredCount",
}
CPU = {
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "TargetValue": 75.0,
}


@pytest.fixture
def scaled(stack: Any) -> Any:
    """A settled service of two tasks, and the client."""
    stack.serve(stack.define())
    stack.settle()
    stack.scaling = stack.world.administrator("application-autoscaling")
    return stack


def test_targets_are_registered_and_read_back(scaled: Any) -> None:
    """Targets keep the values of aws_appautoscaling_target (limits, role, suspension, tags) until they are deregistered."""
    arn = scaled.scaling.register_scalable_target(**KEY, MinCapacity=1, MaxCapacity=4, Tags={"a": "b"})[
        "ScalableTargetARN"
    ]
    (shown,) = scaled.scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=["service/main/app"], ScalableDimension="ecs:service:DesiredCount"
    )["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"], shown["ScalableTargetARN"]) == (1, 4, arn)
    assert shown["RoleARN"].endswith(
        "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_ECSService"
    )
    assert set(shown["SuspendedState"].values()) == {False}
    assert scaled.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "b"}
    scaled.scaling.tag_resource(ResourceARN=arn, Tags={"c": "d"})
    scaled.scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaled.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"c": "d"}
    assert scaled.service()["desiredCount"] == 2
    scaled.scaling.deregister_scalable_target(**KEY)
    assert scaled.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


@pytest.mark.parametrize(
    ("limits", "count", "cause"),
    [((3, 5), 3, "minimum capacity was set to 3"), ((0, 1), 1, "maximum capacity was set to 1")],
)
def test_limits_move_the_desired_count(scaled: Any, limits: tuple[int, int], count: int, cause: str) -> None:
    """A desired count outside the limits is set to the nearer one, and the activity says why."""
    scaled.scaling.register_scalable_target(**KEY, MinCapacity=limits[0], MaxCapacity=limits[1])
    shown = scaled.service()
    assert (shown["desiredCount"], len(shown["deployments"])) == (count, 1)
    (activity,) = scaled.scaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]
    assert (activity["Cause"], activity["Description"]) == (cause, f"Setting desired count to {count}.")
    assert activity["StatusMessage"] == (
        f"Successfully set desired count to {count}. Change successfully fulfilled by ecs."
    )
    scaled.settle()
    assert scaled.service()["runningCount"] == count


def test_an_autoscaler_does_not_deploy_a_rolled_back_revision(scaled: Any) -> None:
    """Limits that move the desired count after a rollback start no deployment."""
    scaled.runtime.add_image("app:bad", {"exit-after": 2, "exit-code": 1})
    scaled.deploy("app:bad")
    scaled.settle()
    good = scaled.service()["deployments"][0]
    scaled.scaling.register_scalable_target(**KEY, MinCapacity=3, MaxCapacity=5)
    scaled.settle()
    assert [deployment["id"] for deployment in scaled.service()["deployments"]] == [good["id"]]
    assert {task["taskDefinitionArn"] for task in scaled.tasks()} == {good["taskDefinition"]}


def test_an_update_of_a_target_keeps_what_it_leaves_out(scaled: Any) -> None:
    """A target is registered once with both limits; a later call may change one."""
    scaled.scaling.register_scalable_target(**KEY, MinCapacity=1, MaxCapacity=4)
    scaled.scaling.register_scalable_target(**KEY, MaxCapacity=6, SuspendedState={"DynamicScalingInSuspended": True})
    (shown,) = scaled.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"]) == (1, 6)
    assert shown["SuspendedState"]["DynamicScalingInSuspended"] is True


def test_policies_come_with_alarms_and_go_with_them(scaled: Any) -> None:
    """A target tracking policy has two CloudWatch alarms, an update new ones; nothing is left after the deletion."""
    scaled.scaling.register_scalable_target(**KEY, MinCapacity=1, MaxCapacity=4)
    made = scaled.scaling.put_scaling_policy(
        **KEY, PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=CPU
    )
    again = scaled.scaling.put_scaling_policy(
        **KEY,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**CPU, "TargetValue": 50.0},
    )
    assert again["PolicyARN"] == made["PolicyARN"]
    (policy,) = scaled.scaling.describe_scaling_policies(
        ServiceNamespace="ecs", PolicyNames=["cpu"], ResourceId="service/main/app"
    )["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 50.0
    alarms = scaled.world.administrator("cloudwatch")
    names = {alarm["AlarmName"] for alarm in alarms.describe_alarms()["MetricAlarms"]}
    assert names == {alarm["AlarmName"] for alarm in policy["Alarms"]}
    assert {name.split("-")[1:3][1] for name in names} == {"AlarmHigh", "AlarmLow"}
    scaled.scaling.delete_scaling_policy(**KEY, PolicyName="cpu")
    assert alarms.describe_alarms()["MetricAlarms"] == []


def test_step_policies_and_scheduled_actions_are_read_back(scaled: Any) -> None:
    """Policies and scheduled actions are described as put; deregistering the target deletes both."""
    scaled.scaling.register_scalable_target(**KEY, MinCapacity=1, MaxCapacity=4)
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 60,
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 2},
        ],
    }
    scaled.scaling.put_scaling_policy(**KEY, PolicyName="up", StepScalingPolicyConfiguration=steps)
    (policy,) = scaled.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["StepScalingPolicyConfiguration"] == steps
    scaled.scaling.put_scheduled_action(
        **KEY,
        ScheduledActionName="night",
        Schedule="cron(0 20 * * ? *)",
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 0, "MaxCapacity": 0},
    )
    scaled.scaling.put_scheduled_action(**KEY, ScheduledActionName="night", Schedule="rate(1 day)")
    (action,) = scaled.scaling.describe_scheduled_actions(
        ServiceNamespace="ecs", ScheduledActionNames=["night"], ResourceId="service/main/app"
    )["ScheduledActions"]
    assert (action["Schedule"], action["Timezone"]) == ("rate(1 day)", "Europe/Berlin")
    assert action["ScalableTargetAction"] == {"MinCapacity": 0, "MaxCapacity": 0}
    scaled.scaling.deregister_scalable_target(**KEY)
    assert scaled.scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []
    assert scaled.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []


def test_other_namespaces_are_kept(scaled: Any) -> None:
    """A DynamoDB table's target is stored unchanged, next to those of ECS."""
    table = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/t",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    scaled.scaling.register_scalable_target(**table, MinCapacity=1, MaxCapacity=4)
    assert len(scaled.scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]) == 1
    assert scaled.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


def test_refusals_in_awss_words(scaled: Any, code: Refused) -> None:
    """A service that does not exist, limits the wrong way round, targets, policies and schedules that cannot be."""
    register = scaled.scaling.register_scalable_target
    for change, words in (
        ({"ResourceId": "service/main/none"}, "ECS service doesn't exist: service/main/none"),
        ({"ResourceId": "service/none/app"}, "ECS service doesn't exist: service/none/app"),
        ({"ResourceId": "app"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ServiceNamespace": "rds"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"MinCapacity": 5}, "Maximum capacity cannot be less than minimum capacity"),
    ):
        arguments = {**KEY, "MinCapacity": 1, "MaxCapacity": 2, **change}
        assert code(lambda arguments=arguments: register(**arguments)) == ("ValidationException", words)
    missing = "service namespace: ecs, resource ID: service/main/app, scalable dimension: ecs:service:DesiredCount"
    assert code(lambda: scaled.scaling.deregister_scalable_target(**KEY)) == (
        "ObjectNotFoundException",
        f"No scalable target found for {missing}",
    )

    def put(kind: str = "TargetTrackingScaling", **configuration: Any) -> tuple[str, str]:
        return code(lambda: scaled.scaling.put_scaling_policy(**KEY, PolicyName="p", PolicyType=kind, **configuration))

    assert put(TargetTrackingScalingPolicyConfiguration=CPU) == (
        "ObjectNotFoundException",
        f"No scalable target registered for {missing}",
    )
    register(**KEY, MinCapacity=1, MaxCapacity=4)
    before = scaled.service()

    def tracking(**specification: Any) -> dict[str, Any]:
        return {
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 1.0,
                "PredefinedMetricSpecification": specification,
            }
        }

    def stepping(*bounds: tuple[float | None, float | None]) -> dict[str, Any]:
        names = ("MetricIntervalLowerBound", "MetricIntervalUpperBound")
        steps = [
            {**{name: at for name, at in zip(names, pair, strict=True) if at is not None}, "ScalingAdjustment": 1}
            for pair in bounds
        ]
        return {
            "kind": "StepScaling",
            "StepScalingPolicyConfiguration": {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps},
        }

    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "TargetTrackingScaling policy configuration must be specified"),
        (tracking(PredefinedMetricType="RDSReaderAverageCPUUtilization"), "only supports the following predefined"),
        (tracking(PredefinedMetricType="ALBRequestCountPerTarget"), "Resource label should be specified"),
        (
            tracking(PredefinedMetricType="ALBRequestCountPerTarget", ResourceLabel="x"),
            "Invalid resource label 'x' for predefined metric type ALBRequestCountPerTarget",
        ),
        (stepping((0.0, 10.0), (5.0, None)), "Step adjustment intervals cannot overlap"),
        (stepping((0.0, 10.0), (15.0, None)), "Step adjustment intervals cannot have gaps between them"),
        (stepping((0.0, None), (10.0, None)), "at most one step adjustment with an unspecified upper bound"),
    ]
    for configuration, words in cases:
        refused, message = put(**configuration)
        assert (refused, words in message) == ("ValidationException", True), message
    action = {"MinCapacity": 1}
    for change, words in (
        ({"Schedule": "0 8 1 * ? *", "ScalableTargetAction": action}, "Invalid schedule expression"),
        ({"Schedule": "rate(1 day)"}, "ScalableTargetAction must be set"),
        ({"Schedule": "rate(1 day)", "Timezone": "Mars", "ScalableTargetAction": action}, "Invalid time zone: Mars"),
    ):
        refused, message = code(
            lambda change=change: scaled.scaling.put_scheduled_action(**KEY, ScheduledActionName="a", **change)
        )
        assert (refused, words in message) == ("ValidationException", True), message
    assert scaled.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert scaled.scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []
    assert scaled.world.administrator("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert scaled.service() == before
    refused = code(lambda: scaled.scaling.delete_scaling_policy(**KEY, PolicyName="none"))
    assert refused[0] == "ObjectNotFoundException"


def test_a_customized_metric_has_a_namespace(scaled: Any, code: Refused) -> None:
    """A metric name without its namespace, which the model leaves optional, is refused, and no policy is kept."""
    scaled.scaling.register_scalable_target(**KEY, MinCapacity=1, MaxCapacity=2)
    tracking = {"TargetValue": 10.0, "CustomizedMetricSpecification": {"MetricName": "Depth", "Statistic": "Average"}}
    refused = code(
        lambda: scaled.scaling.put_scaling_policy(
            **KEY,
            PolicyName="depth",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=tracking,
        )
    )
    assert refused[0] == "ValidationException"
    assert scaled.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
