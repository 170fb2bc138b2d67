"""Clusters, task definitions and services as Terraform's provider meets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Refused = Callable[[Callable[[], Any]], tuple[str, str]]


def test_cluster_life(stack: Any, code: Refused) -> None:
    """A cluster is created, described with its settings, emptied, deleted, and INACTIVE afterwards."""
    made = stack.ecs.create_cluster(
        clusterName="other",
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags=[{"key": "project", "value": "x"}],
    )["cluster"]
    assert made["status"] == "ACTIVE"
    stack.ecs.put_cluster_capacity_providers(
        cluster="other",
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "base": 1, "weight": 100}],
    )
    (shown,) = stack.ecs.describe_clusters(clusters=["other"], include=["SETTINGS", "TAGS", "CONFIGURATIONS"])[
        "clusters"
    ]
    assert shown["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert shown["tags"] == [{"key": "project", "value": "x"}]
    assert shown["defaultCapacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 100, "base": 1}]
    assert stack.ecs.list_tags_for_resource(resourceArn=made["clusterArn"])["tags"] == shown["tags"]
    assert made["clusterArn"] in stack.ecs.list_clusters()["clusterArns"]
    assert stack.ecs.delete_cluster(cluster="other")["cluster"]["status"] == "INACTIVE"
    assert code(lambda: stack.ecs.delete_cluster(cluster="other"))[0] == "ClusterNotFoundException"
    failures = stack.ecs.describe_clusters(clusters=["none"])["failures"]
    assert failures[0]["reason"] == "MISSING"


def test_unknown_capacity_providers_are_refused(stack: Any, code: Refused) -> None:
    """A provider that does not exist, or a strategy naming one that is not the cluster's."""
    assert "not found" in code(lambda: stack.ecs.create_cluster(clusterName="x", capacityProviders=["mine"]))[1]
    told = code(
        lambda: stack.ecs.put_cluster_capacity_providers(
            cluster="main",
            capacityProviders=["FARGATE"],
            defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}],
        )
    )
    assert told[0] == "InvalidParameterException"


def test_definitions_come_back_as_aws_normalises_them(stack: Any) -> None:
    """Defaults are filled in: cpu 0, essential, empty lists, tcp, hostPort, the health check's numbers."""
    arn = stack.define(healthCheck={"command": ["CMD", "true"]})
    shown = stack.ecs.describe_task_definition(taskDefinition="app", include=["TAGS"])
    definition = shown["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    assert definition["taskDefinitionArn"] == arn
    assert definition["compatibilities"] == ["EC2", "FARGATE"]
    assert (container["cpu"], container["essential"]) == (0, True)
    assert container["portMappings"] == [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]
    assert [container[name] for name in ("environment", "mountPoints", "volumesFrom", "systemControls")] == [[]] * 4
    check = container["healthCheck"]
    assert (check["interval"], check["timeout"], check["retries"]) == (30, 5, 3)


def test_revisions_count_up_and_stay_readable(stack: Any, code: Refused) -> None:
    """A deregistered revision is INACTIVE and describable; its number is not used again; new services refuse it."""
    first, second = stack.define(), stack.define()
    assert [first[-2:], second[-2:]] == [":1", ":2"]
    stack.ecs.deregister_task_definition(taskDefinition=second)
    assert stack.ecs.describe_task_definition(taskDefinition=second)["taskDefinition"]["status"] == "INACTIVE"
    assert stack.ecs.list_task_definitions(familyPrefix="app")["taskDefinitionArns"] == [first]
    assert stack.ecs.list_task_definition_families(status="ACTIVE")["families"] == ["app"]
    assert code(lambda: stack.serve(second)) == ("ClientException", "TaskDefinition is inactive")
    assert stack.ecs.delete_task_definitions(taskDefinitions=[second])["taskDefinitions"][0]["status"] == (
        "DELETE_IN_PROGRESS"
    )
    assert stack.define()[-2:] == ":3"
    assert code(lambda: stack.ecs.describe_task_definition(taskDefinition="app:9")) == (
        "ClientException",
        "Unable to describe task definition.",
    )


def test_registration_refuses_what_fargate_refuses(stack: Any, code: Refused) -> None:
    """Impossible sizes, the wrong network mode, awslogs without an execution role, no containers."""
    container = {"name": "a", "image": "b"}
    base = {
        "family": "x",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container],
    }
    logging = {**container, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"memory": "4096"}, "No Fargate configuration exists for given values"),
        ({"networkMode": "bridge"}, "Fargate only supports network mode"),
        ({"containerDefinitions": [logging]}, "to support log driver awslogs"),
        ({"containerDefinitions": []}, "Container list cannot be empty"),
        ({"containerDefinitions": [{**container, "healthCheck": {"command": ["x"]}}]}, "healthCheck.command"),
    ]
    for change, words in cases:
        refused, told = code(lambda change=change: stack.ecs.register_task_definition(**{**base, **change}))
        assert refused == "ClientException"
        assert words in told


def test_create_service_refusals(stack: Any, code: Refused) -> None:
    """Each mistake gets AWS's error: cluster, definition, name taken, network, container, port, target group."""
    definition = stack.define()
    group = stack.target_group()
    assert code(lambda: stack.serve(definition, cluster="none"))[0] == "ClusterNotFoundException"
    assert code(lambda: stack.serve("none")) == ("ClientException", "TaskDefinition not found.")
    assert "Network Configuration must be provided" in code(lambda: stack.serve(definition, networkConfiguration={}))[1]
    wrong = {"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}}
    assert "InvalidSubnetID.NotFound" in code(lambda: stack.serve(definition, networkConfiguration=wrong))[1]

    def balanced(**changes: Any) -> Any:
        balancer = {"targetGroupArn": group, "containerName": "app", "containerPort": 8080, **changes}
        return lambda: stack.serve(definition, loadBalancers=[balancer])

    assert code(balanced(containerName="x"))[1] == "The container x does not exist in the task definition."
    assert code(balanced(containerPort=1))[1] == "The container app did not have a container port 1 defined."
    stack.serve(definition, group=group)
    assert code(lambda: stack.serve(definition))[1] == "Creation of service was not idempotent."


def test_a_target_group_without_a_load_balancer_is_refused(stack: Any, code: Refused) -> None:
    """The classic first mistake keeps AWS's words."""
    arn = stack.elbv2.create_target_group(Name="lone", Protocol="HTTP", Port=80, VpcId=stack.vpc, TargetType="ip")[
        "TargetGroups"
    ][0]["TargetGroupArn"]
    assert code(lambda: stack.serve(stack.define(), group=arn)) == (
        "InvalidParameterException",
        f"The target group with targetGroupArn {arn} does not have an associated load balancer.",
    )


def test_what_is_not_emulated_is_refused_by_name(stack: Any, code: Refused) -> None:
    """An external controller is an error that names it, and an operation that does not exist here is a 501."""
    refused = code(lambda: stack.serve(stack.define(), deploymentController={"type": "EXTERNAL"}))
    assert refused[0] == "UnsupportedFeatureException"
    assert "deploymentController" in refused[1]
    refused = code(lambda: stack.ecs.list_attributes(cluster="main", targetType="container-instance"))
    assert refused[0] == "NotImplemented"
    assert "ListAttributes" in refused[1]


def test_deleting_a_service_and_its_cluster(stack: Any, code: Refused) -> None:
    """Scaled above 0 needs force; then DRAINING, INACTIVE with nothing left, the cluster deletable, later forgotten."""
    stack.serve(stack.define(), group=stack.target_group())
    stack.settle()
    assert code(lambda: stack.ecs.delete_service(cluster="main", service="app"))[1] == (
        "The service cannot be stopped while it is scaled above 0."
    )
    assert code(lambda: stack.ecs.delete_cluster(cluster="main"))[0] == "ClusterContainsServicesException"
    stack.ecs.update_service(cluster="main", service="app", desiredCount=0)
    assert stack.ecs.delete_service(cluster="main", service="app")["service"]["status"] == "DRAINING"
    stack.until(lambda: stack.service()["status"] == "INACTIVE")
    assert code(lambda: stack.ecs.update_service(cluster="main", service="app"))[0] == "ServiceNotActiveException"
    stack.advance(10)
    assert stack.interfaces() == []
    assert stack.runtime.running == []
    assert stack.ecs.delete_cluster(cluster="main")["cluster"]["status"] == "INACTIVE"
    stack.advance(2 * 3600)
    assert stack.world.services["ecs"].regions[(stack.world.account_id, stack.world.region)].services == {}


def test_service_answers_what_terraform_compares(stack: Any) -> None:
    """Set values are read back as set; all others have AWS's default."""
    group = stack.target_group()
    stack.serve(stack.define(), group=group, healthCheckGracePeriodSeconds=60, tags=[{"key": "a", "value": "b"}])
    (shown,) = stack.ecs.describe_services(cluster="main", services=["app"], include=["TAGS"])["services"]
    assert shown["loadBalancers"] == [{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}]
    assert shown["launchType"] == "FARGATE"
    assert "capacityProviderStrategy" not in shown
    assert shown["platformVersion"] == "LATEST"
    assert shown["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == stack.subnets
    assert shown["healthCheckGracePeriodSeconds"] == 60
    assert shown["propagateTags"] == "NONE"
    assert shown["schedulingStrategy"] == "REPLICA"
    assert shown["tags"] == [{"key": "a", "value": "b"}]
    stack.ecs.tag_resource(resourceArn=shown["serviceArn"], tags=[{"key": "c", "value": "d"}])
    stack.ecs.untag_resource(resourceArn=shown["serviceArn"], tagKeys=["a"])
    assert stack.ecs.list_tags_for_resource(resourceArn=shown["serviceArn"])["tags"] == [{"key": "c", "value": "d"}]


def test_capacity_provider_strategy_is_shared_out(stack: Any) -> None:
    """The base goes to its provider, the rest by weight; launchType is then absent."""
    stack.ecs.put_cluster_capacity_providers(
        cluster="main", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    stack.ecs.create_service(
        cluster="main",
        serviceName="app",
        taskDefinition=stack.define(),
        desiredCount=4,
        networkConfiguration=stack.network,
        capacityProviderStrategy=[
            {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
            {"capacityProvider": "FARGATE_SPOT", "weight": 3},
        ],
    )
    stack.settle()
    assert "launchType" not in stack.service()
    providers = sorted(task["capacityProviderName"] for task in stack.tasks())
    assert providers == ["FARGATE", "FARGATE_SPOT", "FARGATE_SPOT", "FARGATE_SPOT"]


def test_ec2_launch_type_finds_no_instances(stack: Any) -> None:
    """The service exists although there are no container instances, and reports, as on AWS, that it cannot place its tasks."""
    stack.serve(stack.define(), launchType="EC2")
    stack.advance(60)
    assert any("was unable to place a task" in message for message in stack.messages())


def test_account_settings(stack: Any) -> None:
    """Set values are listed; the effective list has AWS's defaults too."""
    stack.ecs.put_account_setting_default(name="containerInsights", value="enabled")
    (setting,) = stack.ecs.list_account_settings(name="containerInsights")["settings"]
    assert setting["value"] == "enabled"
    names = {setting["name"] for setting in stack.ecs.list_account_settings(effectiveSettings=True)["settings"]}
    assert {"taskLongArnFormat", "containerInsights"} <= names
    cluster = stack.ecs.create_cluster(clusterName="later")["cluster"]
    assert cluster["settings"] == [{"name": "containerInsights", "value": "enabled"}]


def test_lists_are_paged(stack: Any) -> None:
    """ListTaskDefinitions gives pages that a paginator puts together."""
    arns = [stack.define() for _ in range(5)]
    pages = stack.ecs.get_paginator("list_task_definitions").paginate(
        familyPrefix="app", PaginationConfig={"PageSize": 2}
    )
    assert [arn for page in pages for arn in page["taskDefinitionArns"]] == arns


@pytest.mark.parametrize("logging", ["", "null", "SOMEWHERE"])
def test_logging_of_commands_is_one_of_three(stack: Any, logging: str) -> None:
    """A cluster's configuration with another kind of logging is refused, when it is created and when it changes."""
    configuration = {"executeCommandConfiguration": {"logging": logging}}
    with pytest.raises(ClientError, match="is not a valid execute command logging"):
        stack.ecs.create_cluster(clusterName="other", configuration=configuration)
    with pytest.raises(ClientError, match="is not a valid execute command logging"):
        stack.ecs.update_cluster(cluster="main", configuration=configuration)
    assert (
        "configuration" not in stack.ecs.describe_clusters(clusters=["main"], include=["CONFIGURATIONS"])["clusters"][0]
    )
