"""Refusals of CreateService, UpdateService and RunTask, in AWS's words, without any trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[[Callable[[], Any]], tuple[str, str]]
WRONG = "InvalidParameterException"


@pytest.fixture
def service(stack: Any) -> Any:
    """A settled service `app` on a cluster with both Fargate providers."""
    stack.ecs.put_cluster_capacity_providers(
        cluster="main", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    stack.definition = stack.define()
    stack.serve(stack.definition)
    stack.settle()
    return stack


def _network(subnets: list[str], groups: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups or [], **more}}


def _update(stack: Any, code: Refused, **change: Any) -> tuple[str, str]:
    """The refusal of an update, after which the service is as it was."""
    before = stack.service()
    answer = code(lambda: stack.ecs.update_service(cluster="main", service="app", **change))
    assert stack.service() == before
    return answer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"minimumHealthyPercent": 150}, "minimumHealthyPercent must be at most 100"),
        ({"maximumPercent": 50}, "maximumPercent must be at least 100"),
        ({"maximumPercent": 100}, "Both maximumPercent and minimumHealthyPercent cannot be 100"),
    ],
)
def test_deployment_configurations_are_refused(service: Any, code: Refused, change: dict[str, Any], words: str) -> None:
    """Percentages that AWS refuses change nothing, the desired count beside them included."""
    refused, message = _update(service, code, deploymentConfiguration=change, desiredCount=5)
    assert refused == WRONG
    assert message.startswith(words)


def test_a_refused_update_leaves_no_trace(service: Any, code: Refused) -> None:
    """A grace period below zero, or without a load balancer, does not take the desired count with it."""
    assert _update(service, code, desiredCount=5, healthCheckGracePeriodSeconds=-3)[0] == WRONG
    assert _update(service, code, desiredCount=-1, deploymentConfiguration={"maximumPercent": 150})[0] == WRONG
    assert _update(service, code, desiredCount=5001)[0] == WRONG
    assert _update(service, code, desiredCount=5, healthCheckGracePeriodSeconds=3)[1] == (
        "Health check grace period is only valid for services configured to use load balancers"
    )
    assert _update(service, code, desiredCount=5, taskDefinition="none") == (
        "ClientException",
        "TaskDefinition not found.",
    )


SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]


def test_a_changed_strategy_needs_a_forced_deployment(service: Any, code: Refused) -> None:
    """A change from launch type to strategy, or between strategies, needs force (github.com/kayac/ecspresso/issues/977)."""
    words = (
        "When switching from launch type to capacity provider strategy on an existing service, or making a change to a "
        "capacity provider strategy on a service that is already using one, you must force a new deployment."
    )
    assert _update(service, code, capacityProviderStrategy=SPOT) == (WRONG, words)
    service.ecs.update_service(cluster="main", service="app", capacityProviderStrategy=SPOT, forceNewDeployment=True)
    service.settle()
    shown = service.service()
    assert (shown["capacityProviderStrategy"], shown.get("launchType")) == (SPOT, None)
    # The same again is no change.
    service.ecs.update_service(
        cluster="main", service="app", capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    )
    assert len(service.service()["deployments"]) == 1
    heavier = [{"capacityProvider": "FARGATE_SPOT", "weight": 2}]
    assert _update(service, code, capacityProviderStrategy=heavier) == (WRONG, words)
    assert _update(service, code, capacityProviderStrategy=[]) == (WRONG, words)
    service.ecs.update_service(cluster="main", service="app", capacityProviderStrategy=[], forceNewDeployment=True)
    assert service.service()["launchType"] == "FARGATE"


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ([{"capacityProvider": "mine", "weight": 1}], "cannot contain a capacity provider that is not associated"),
        (
            [
                {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
                {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 1},
            ],
            "contains multiple capacity providers with a base value defined",
        ),
        (
            [{"capacityProvider": "FARGATE", "weight": 0}, {"capacityProvider": "FARGATE_SPOT", "weight": 0}],
            "There are no capacity providers in the capacity provider strategy with a weight value greater than zero",
        ),
        ([{"capacityProvider": "FARGATE", "weight": 1001}], "weight must be at most 1000"),
        ([{"capacityProvider": "FARGATE", "weight": 1, "base": 100_001}], "base must be at most 100000"),
    ],
)
def test_strategies_are_refused(service: Any, code: Refused, strategy: list[dict[str, Any]], words: str) -> None:
    """UpdateService, CreateService and RunTask alike refuse invalid strategies."""
    refused, message = _update(service, code, capacityProviderStrategy=strategy, forceNewDeployment=True)
    assert (refused, words in message) == (WRONG, True)
    calls = [
        lambda: service.ecs.create_service(
            cluster="main",
            serviceName="other",
            taskDefinition=service.definition,
            networkConfiguration=service.network,
            capacityProviderStrategy=strategy,
        ),
        lambda: service.ecs.run_task(
            cluster="main",
            taskDefinition=service.definition,
            networkConfiguration=service.network,
            capacityProviderStrategy=strategy,
        ),
    ]
    for call in calls:
        refused, message = code(call)
        assert (refused, words in message) == (WRONG, True)
    assert len(service.ecs.list_services(cluster="main")["serviceArns"]) == 1
    assert len(service.ecs.list_tasks(cluster="main")["taskArns"]) == 2


def test_launch_type_and_strategy_exclude_each_other(service: Any, code: Refused) -> None:
    """github.com/terraform-linters/tflint-ruleset-aws/issues/349"""
    words = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
    assert code(lambda: service.serve(service.definition, serviceName="b", capacityProviderStrategy=SPOT)) == (
        WRONG,
        words,
    )
    run = {"taskDefinition": service.definition, "networkConfiguration": service.network, "cluster": "main"}
    assert code(lambda: service.ecs.run_task(**run, launchType="FARGATE", capacityProviderStrategy=SPOT)) == (
        WRONG,
        words,
    )


def _networks(stack: Any) -> list[tuple[dict[str, Any], str]]:
    """Network configurations that AWS refuses, with its words."""
    other = stack.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    far = stack.ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    stranger = stack.ec2.create_security_group(GroupName="far", Description="far", VpcId=other)["GroupId"]
    missing, absent = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
    return [
        (
            _network([missing]),
            f"Error retrieving subnet information for [{missing}]: The subnet ID '{missing}' does not exist "
            "(ErrorCode: InvalidSubnetID.NotFound)",
        ),
        (
            _network([*stack.subnets, missing]),
            f"Error retrieving subnet information for [{', '.join([*stack.subnets, missing])}]: The subnet ID "
            f"'{missing}' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
        ),
        (
            _network(stack.subnets, [absent]),
            f"Error retrieving security group information for [{absent}]: The security group '{absent}' does not exist "
            "(ErrorCode: InvalidGroup.NotFound)",
        ),
        (_network([]), "subnets can not be empty."),
        (_network([f"subnet-{number:017x}" for number in range(17)]), "subnets can have at most 16 items."),
        (
            _network(stack.subnets, [f"sg-{number:017x}" for number in range(6)]),
            "security groups can have at most 5 items.",
        ),
        (
            _network(stack.subnets, [stranger]),
            f"Security group {stranger} does not appear to belong to the same VPC as the input subnets.",
        ),
        (_network([stack.subnets[0], far]), "All subnets must be in the same VPC."),
        ({}, "Network Configuration must be provided when networkMode 'awsvpc' is specified."),
    ]


def test_networks_are_refused_by_every_call_that_takes_one(service: Any, code: Refused) -> None:
    """RunTask, CreateService and UpdateService look at subnets and security groups before anything is made."""
    for network, words in _networks(service):
        arguments = {"taskDefinition": service.definition, "networkConfiguration": network, "cluster": "main"}
        assert code(lambda arguments=arguments: service.ecs.run_task(**arguments, launchType="FARGATE")) == (
            WRONG,
            words,
        )
        assert code(
            lambda arguments=arguments: service.ecs.create_service(
                **arguments, serviceName="other", launchType="FARGATE"
            )
        ) == (WRONG, words)
        if network:
            assert _update(service, code, networkConfiguration=network) == (WRONG, words)
    assert len(service.ecs.list_services(cluster="main")["serviceArns"]) == 1
    assert len(service.ecs.list_tasks(cluster="main")["taskArns"]) == 2


def test_other_network_modes_take_no_network(stack: Any, code: Refused) -> None:
    """A definition that is not awsvpc refuses a network configuration, and does not run on Fargate."""
    bridge = stack.ecs.register_task_definition(
        family="bridge", containerDefinitions=[{"name": "a", "image": "app:v1", "memory": 64}]
    )["taskDefinition"]["taskDefinitionArn"]
    assert code(lambda: stack.serve(bridge, launchType="EC2"))[1] == (
        "Network Configuration is not valid for the given networkMode of this task definition."
    )
    for call in (
        lambda: stack.serve(bridge, networkConfiguration={}),
        lambda: stack.ecs.run_task(cluster="main", taskDefinition=bridge, launchType="FARGATE"),
    ):
        assert code(call) == (WRONG, "Task definition does not support launch_type FARGATE.")


def test_placement_is_refused(stack: Any, code: Refused) -> None:
    """Public addresses and platform versions on EC2, placement and unknown versions on Fargate."""
    definition = stack.ecs.register_task_definition(
        family="both",
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "a", "image": "app:v1"}],
    )["taskDefinition"]["taskDefinitionArn"]
    public = _network(stack.subnets, assignPublicIp="ENABLED")
    cases = [
        (
            {"launchType": "EC2", "networkConfiguration": public},
            "Assign public IP is not supported for this launch type.",
        ),
        (
            {"launchType": "EC2", "platformVersion": "1.4.0"},
            "The platform version must be null when specifying an EC2 launch type",
        ),
        (
            {"placementStrategy": [{"type": "random"}]},
            "Placement strategies are not supported with FARGATE launch type.",
        ),
        ({"platformVersion": "9.9"}, "The specified platform version does not exist."),
    ]
    for change, words in cases:
        assert code(lambda change=change: stack.serve(definition, **change))[1] == words


def test_load_balancers_are_refused(service: Any, code: Refused) -> None:
    """Too many, of the wrong target type, unknown, of both kinds: by UpdateService as by CreateService."""
    group = service.target_group()
    balancer = {"targetGroupArn": group, "containerName": "app", "containerPort": 8080}
    instances = service.elbv2.create_target_group(
        Name="instances", Protocol="HTTP", Port=80, VpcId=service.vpc, TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    service.elbv2.create_listener(
        LoadBalancerArn=service.elbv2.describe_load_balancers(Names=["app"])["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=81,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": instances}],
    )
    unknown = group[:-1] + ("0" if group[-1] != "0" else "1")
    cases = [
        ([balancer] * 6, "load balancers can have at most 5 items."),
        ([{**balancer, "loadBalancerName": "classic"}], "loadBalancerName and targetGroupArn cannot both be specified"),
        ([{**balancer, "targetGroupArn": unknown}], "Unable to assume role and validate the specified targetGroupArn"),
        (
            [{**balancer, "targetGroupArn": instances}],
            f"The provided target group {instances} has target type instance, which is incompatible with the awsvpc "
            "network mode specified in the task definition.",
        ),
        ([{**balancer, "containerPort": 1}], "The container app did not have a container port 1 defined."),
    ]
    for balancers, words in cases:
        refused, message = _update(service, code, loadBalancers=balancers)
        assert (refused, words in message) == (WRONG, True), message
        create = {"serviceName": "other", "loadBalancers": balancers}
        assert words in code(lambda create=create: service.serve(service.definition, **create))[1]


def test_create_service_is_idempotent_for_the_same_parameters(service: Any, code: Refused) -> None:
    """The same again answers the service; anything else is refused, whatever it is."""
    arn = service.service()["serviceArn"]
    assert service.serve(service.definition)["serviceArn"] == arn
    assert len(service.service()["deployments"]) == 1
    words = (WRONG, "Creation of service was not idempotent.")
    for change in ({"desiredCount": 3}, {"propagateTags": "SERVICE"}, {"taskDefinition": service.define("app:v2")}):
        assert code(lambda change=change: service.serve(**{"definition": service.definition, **change})) == words


def test_what_is_gone_is_refused_each_time(service: Any, code: Refused) -> None:
    """Deleting twice, and describing or changing what is not there."""
    service.ecs.delete_service(cluster="main", service="app", force=True)
    assert code(lambda: service.serve(service.definition))[1] == "Unable to Start a service that is still Draining."
    assert code(lambda: service.ecs.update_service(cluster="main", service="app"))[0] == "ServiceNotActiveException"
    service.until(lambda: service.service()["status"] == "INACTIVE")
    assert code(lambda: service.ecs.delete_service(cluster="main", service="app"))[0] == "ServiceNotFoundException"
    assert code(lambda: service.ecs.delete_service(cluster="main", service="none"))[0] == "ServiceNotFoundException"
    assert code(lambda: service.ecs.update_service(cluster="main", service="none"))[0] == "ServiceNotFoundException"
    (failure,) = service.ecs.describe_services(cluster="main", services=["none"])["failures"]
    assert failure["reason"] == "MISSING"
    service.ecs.delete_cluster(cluster="main")
    for call in (
        lambda: service.ecs.delete_cluster(cluster="main"),
        lambda: service.ecs.describe_services(cluster="main", services=["app"]),
        lambda: service.ecs.list_tasks(cluster="main"),
    ):
        assert code(call) == ("ClusterNotFoundException", "Cluster not found.")
