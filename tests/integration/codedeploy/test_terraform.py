"""A service of CodeDeploy as Terraform makes, reads and removes it, with a deployment in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof.terraform.applied import apply_module


def test_a_deployment_leaves_an_empty_plan(target: Any, aws: Callable[[str], Any]) -> None:
    """The plan is empty after the apply and after a deployment, with the usual `ignore_changes`; the destroy leaves nothing."""
    if target.name != "embedded":
        pytest.skip("the deployment has no tasks, which no other target deploys")
    module = apply_module(target, Path(__file__).parent / "bluegreen", name="bluegreen")
    assert module.changes() == {}
    ecs, codedeploy = aws("ecs"), aws("codedeploy")
    (service,) = ecs.describe_services(cluster="bluegreen", services=["bluegreen"])["services"]
    assert (service["deploymentController"], service["deployments"]) == ({"type": "CODE_DEPLOY"}, [])
    current = ecs.describe_task_definition(taskDefinition="bluegreen")["taskDefinition"]
    members = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "containerDefinitions")
    definition = ecs.register_task_definition(**{name: current[name] for name in members})["taskDefinition"]
    properties = {
        "TaskDefinition": definition["taskDefinitionArn"],
        "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
    }
    resource = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    identifier = codedeploy.create_deployment(
        applicationName="bluegreen",
        deploymentGroupName="bluegreen",
        revision={
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": json.dumps({"version": 0.0, "Resources": [resource]})},
        },
    )["deploymentId"]
    codedeploy.get_waiter("deployment_successful").wait(
        deploymentId=identifier, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    (service,) = ecs.describe_services(cluster="bluegreen", services=["bluegreen"])["services"]
    assert service["taskDefinition"] == definition["taskDefinitionArn"]
    assert module.changes() == {}
    module.terraform.destroy()
    assert codedeploy.list_applications()["applications"] == []
    assert "bluegreen-quarters" not in codedeploy.list_deployment_configs()["deploymentConfigsList"]
