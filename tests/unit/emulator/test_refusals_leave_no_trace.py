"""A refused call of the delivery plane leaves everything as it was: what is described before is described after."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.describing import DESCRIBE
from tests.unit.emulator.ecs.conftest import Stack

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World

Call = tuple[str, str, dict[str, Any]]

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ECS_TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/main/app",
    "ScalableDimension": "ecs:service:DesiredCount",
}


class Account(Stack):
    """An account with one of everything the plane keeps."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.group_arn = self.target_group()
        self.serve(self.define(), group=self.group_arn)
        self.settle()
        self.balancer = self.elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        self.listener = self.elbv2.describe_listeners(LoadBalancerArn=self.balancer)["Listeners"][0]["ListenerArn"]
        clients = {name: world.administrator(name) for name in DESCRIBE}
        clients["application-autoscaling"].register_scalable_target(**ECS_TARGET, MinCapacity=1, MaxCapacity=4)
        clients["ecr"].create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
        self.service_role = self._service_role()
        self.project = {
            "name": "build",
            "source": {"type": "CODEPIPELINE", "buildspec": "version: 0.2"},
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            "serviceRole": self.service_role,
        }
        clients["codebuild"].create_project(**self.project)
        self.connection = clients["codeconnections"].create_connection(ConnectionName="c", ProviderType="GitHub")[
            "ConnectionArn"
        ]
        self.pipeline = self._pipeline()
        clients["codepipeline"].create_pipeline(pipeline=self.pipeline)
        self._events(clients["events"])
        self.advance(600)

    def _service_role(self) -> str:
        iam = self.world.administrator("iam")
        services = ["codebuild.amazonaws.com", "codepipeline.amazonaws.com", "events.amazonaws.com"]
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}],
        }
        role: str = iam.create_role(RoleName="service", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName="service", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        return role

    def _pipeline(self) -> dict[str, Any]:
        s3 = self.world.administrator("s3")
        for bucket in ("source", "store"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.world.region})
        s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})

        def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
            kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
            return {"name": name, "actionTypeId": kind, **more}

        source = action(
            "Source",
            "Source",
            "S3",
            configuration={"S3Bucket": "source", "S3ObjectKey": "a.zip", "PollForSourceChanges": "false"},
            outputArtifacts=[{"name": "A"}],
        )
        deploy = action(
            "Deploy",
            "Deploy",
            "ECS",
            configuration={"ClusterName": "main", "ServiceName": "app"},
            inputArtifacts=[{"name": "A"}],
        )
        return {
            "name": "web",
            "roleArn": self.service_role,
            "artifactStore": {"type": "S3", "location": "store"},
            "stages": [{"name": "Source", "actions": [source]}, {"name": "Deploy", "actions": [deploy]}],
        }

    def _events(self, events: Any) -> None:
        topic = self.world.administrator("sns").create_topic(Name="t")["TopicArn"]
        events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.ecs"]}))
        events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": topic}])
        key = {"ApiKeyAuthParameters": {"ApiKeyName": "x", "ApiKeyValue": "x"}}
        made = events.create_connection(Name="slack", AuthorizationType="API_KEY", AuthParameters=key)
        self.events_connection: str = made["ConnectionArn"]
        events.create_api_destination(
            Name="slack",
            ConnectionArn=self.events_connection,
            InvocationEndpoint="https://hooks.example.org/x",
            HttpMethod="POST",
        )


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    loop = VirtualLoop(VirtualClock(time.time()))
    with World(WorldSettings(enforce_network=False), loop=loop, equip=scripted_equipment) as world:
        yield Account(world)


def ecs_calls(account: Account) -> Iterator[Call]:
    """Refusals of clusters, task definitions, services, tasks, tags and settings."""
    here = {"cluster": "main", "service": "app"}
    many = [{"key": f"k{number}", "value": "v"} for number in range(51)]
    arn = account.service()["serviceArn"]
    deployment = account.ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"][0]
    yield "ecs", "create_cluster", {"clusterName": "a b"}
    yield "ecs", "create_cluster", {"clusterName": "new", "capacityProviders": ["none"]}
    yield "ecs", "create_cluster", {"clusterName": "new", "settings": [{"name": "containerInsights", "value": "x"}]}
    yield "ecs", "create_cluster", {"clusterName": "new", "tags": many}
    yield "ecs", "update_cluster", {"cluster": "none", "settings": []}
    yield (
        "ecs",
        "update_cluster_settings",
        {"cluster": "main", "settings": [{"name": "containerInsights", "value": ""}]},
    )
    yield (
        "ecs",
        "put_cluster_capacity_providers",
        {
            "cluster": "main",
            "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
        },
    )
    yield "ecs", "delete_cluster", {"cluster": "main"}
    yield "ecs", "delete_cluster", {"cluster": "none"}
    yield "ecs", "register_task_definition", {"family": "new", "containerDefinitions": []}
    yield "ecs", "register_task_definition", {"family": "a b", "containerDefinitions": [{"name": "a", "image": "b"}]}
    yield (
        "ecs",
        "register_task_definition",
        {"family": "new", "containerDefinitions": [{"name": "a", "image": "b", "memory": 64}], "tags": many},
    )
    yield "ecs", "deregister_task_definition", {"taskDefinition": "app"}
    yield "ecs", "deregister_task_definition", {"taskDefinition": "app:99"}
    yield "ecs", "create_service", {"cluster": "main", "serviceName": "app", "taskDefinition": "app"}
    yield "ecs", "create_service", {"cluster": "main", "serviceName": "new", "taskDefinition": "none"}
    yield "ecs", "create_service", {"cluster": "main", "serviceName": "new"}
    yield "ecs", "create_service", {"cluster": "none", "serviceName": "new", "taskDefinition": "app"}
    for change in (
        {"desiredCount": -1},
        {"desiredCount": 5, "healthCheckGracePeriodSeconds": -3},
        {"desiredCount": 5, "deploymentConfiguration": {"minimumHealthyPercent": 150}},
        {"desiredCount": 5, "deploymentConfiguration": {"strategy": "BLUE_GREEN"}},
        {"desiredCount": 5, "taskDefinition": "none"},
        {"desiredCount": 5, "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]},
        {"desiredCount": 5, "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
        {
            "desiredCount": 5,
            "loadBalancers": [{"targetGroupArn": "none", "containerName": "app", "containerPort": 8080}],
        },
        {"desiredCount": 5, "loadBalancers": [{"containerName": "app", "containerPort": 8080}]},
        {"desiredCount": 5, "platformVersion": "9"},
        {"desiredCount": 5, "propagateTags": "x"},
        {"desiredCount": 5, "placementStrategy": [{"type": "random"}]},
    ):
        yield "ecs", "update_service", {**here, **change}
    yield "ecs", "update_service", {"cluster": "main", "service": "none", "desiredCount": 1}
    yield "ecs", "delete_service", here
    yield "ecs", "delete_service", {"cluster": "main", "service": "none"}
    yield "ecs", "stop_service_deployment", {"serviceDeploymentArn": deployment["serviceDeploymentArn"]}
    yield "ecs", "stop_service_deployment", {"serviceDeploymentArn": "none"}
    run = {"cluster": "main", "taskDefinition": "app", "launchType": "FARGATE", "networkConfiguration": account.network}
    for change in (
        {"count": 0},
        {"count": 11},
        {"taskDefinition": "none"},
        {"networkConfiguration": {}},
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
        {"launchType": "EC2"},
        {"overrides": {"containerOverrides": [{"name": "none"}]}},
        {"tags": many},
    ):
        yield "ecs", "run_task", {**run, **change}
    yield "ecs", "stop_task", {"cluster": "main", "task": "none"}
    yield "ecs", "tag_resource", {"resourceArn": arn, "tags": many}
    yield "ecs", "tag_resource", {"resourceArn": arn, "tags": [{"key": "good"}, {"key": "aws:bad"}]}
    yield "ecs", "tag_resource", {"resourceArn": "none", "tags": [{"key": "good"}]}
    yield "ecs", "untag_resource", {"resourceArn": f"{arn}x", "tagKeys": ["a"]}
    yield "ecs", "put_account_setting", {"name": "none", "value": "enabled"}
    yield "ecs", "create_task_set", {**here, "taskDefinition": "app"}


def autoscaling_calls(_: Account) -> Iterator[Call]:
    """Refusals of targets, policies and scheduled actions."""
    service = "application-autoscaling"
    yield service, "register_scalable_target", {**ECS_TARGET, "MinCapacity": 9}
    yield service, "register_scalable_target", {**ECS_TARGET, "MinCapacity": 3, "MaxCapacity": 2}
    yield (
        service,
        "register_scalable_target",
        {**ECS_TARGET, "ResourceId": "service/main/x", "MinCapacity": 1, "MaxCapacity": 2},
    )
    yield service, "register_scalable_target", {**ECS_TARGET, "MinCapacity": 3, "Tags": {"a": "b"}}
    yield service, "deregister_scalable_target", {**ECS_TARGET, "ResourceId": "service/main/x"}
    yield service, "put_scaling_policy", {**ECS_TARGET, "PolicyName": "p"}
    yield service, "delete_scaling_policy", {**ECS_TARGET, "PolicyName": "p"}
    yield service, "put_scheduled_action", {**ECS_TARGET, "ScheduledActionName": "a", "Schedule": "x"}
    yield service, "delete_scheduled_action", {**ECS_TARGET, "ScheduledActionName": "a"}


def ecr_calls(_: Account) -> Iterator[Call]:
    """Refusals of repositories, policies and images."""
    app = {"repositoryName": "app"}
    unranked = json.dumps({"rules": [{"rulePriority": 0, "description": "x" * 100}]})
    yield "ecr", "create_repository", app
    yield "ecr", "create_repository", {"repositoryName": "UPPER"}
    yield "ecr", "create_repository", {"repositoryName": "new", "imageTagMutability": "x"}
    yield "ecr", "delete_repository", {"repositoryName": "none"}
    yield "ecr", "put_lifecycle_policy", {**app, "lifecyclePolicyText": "{" * 100}
    yield (
        "ecr",
        "put_lifecycle_policy",
        {**app, "lifecyclePolicyText": unranked},
    )
    yield "ecr", "delete_lifecycle_policy", app
    yield "ecr", "set_repository_policy", {**app, "policyText": "{"}
    yield "ecr", "delete_repository_policy", app
    yield "ecr", "put_image", {**app, "imageManifest": "{", "imageTag": "a"}
    yield "ecr", "put_image_tag_mutability", {**app, "imageTagMutability": "x"}
    yield "ecr", "put_registry_policy", {"policyText": "{"}
    yield "ecr", "tag_resource", {"resourceArn": "none", "tags": [{"Key": "a", "Value": "b"}]}


def elbv2_calls(account: Account) -> Iterator[Call]:
    """Refusals of load balancers, listeners, rules and target groups."""
    forward = [{"Type": "forward", "TargetGroupArn": account.group_arn}]
    balancer, listener, group = account.balancer, account.listener, account.group_arn
    http = {"Protocol": "HTTP", "Port": 80, "VpcId": account.vpc}
    yield "elbv2", "create_load_balancer", {"Name": "app", "Subnets": account.subnets[:1]}
    yield "elbv2", "create_load_balancer", {"Name": "new", "Subnets": ["subnet-1", "subnet-2"]}
    yield "elbv2", "create_load_balancer", {"Name": "-new-", "Subnets": account.subnets}
    yield "elbv2", "create_target_group", {"Name": "app", "Protocol": "HTTP", "Port": 1, "VpcId": account.vpc}
    yield "elbv2", "create_target_group", {"Name": "new", **http, "VpcId": "vpc-1"}
    yield "elbv2", "create_target_group", {"Name": "new", **http, "HealthCheckTimeoutSeconds": 120}
    yield (
        "elbv2",
        "create_listener",
        {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": forward},
    )
    yield (
        "elbv2",
        "create_listener",
        {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": forward},
    )
    yield "elbv2", "modify_listener", {"ListenerArn": listener, "Port": 81, "Protocol": "HTTPS"}
    yield "elbv2", "modify_listener", {"ListenerArn": listener, "Port": 81, "DefaultActions": [{"Type": "forward"}]}
    yield "elbv2", "create_rule", {"ListenerArn": listener, "Priority": 1, "Conditions": [], "Actions": forward}
    yield (
        "elbv2",
        "create_rule",
        {
            "ListenerArn": listener,
            "Priority": 1,
            "Conditions": [{"Field": "path-pattern", "Values": []}],
            "Actions": forward,
        },
    )
    yield (
        "elbv2",
        "modify_target_group",
        {"TargetGroupArn": group, "HealthCheckPath": "/x", "HealthyThresholdCount": 99},
    )
    yield (
        "elbv2",
        "modify_target_group_attributes",
        {
            "TargetGroupArn": group,
            "Attributes": [
                {"Key": "deregistration_delay.timeout_seconds", "Value": "9"},
                {"Key": "stickiness.lb_cookie.duration_seconds", "Value": "x"},
            ],
        },
    )
    yield (
        "elbv2",
        "modify_load_balancer_attributes",
        {
            "LoadBalancerArn": balancer,
            "Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "61"}, {"Key": "none", "Value": "x"}],
        },
    )
    yield "elbv2", "register_targets", {"TargetGroupArn": group, "Targets": [{"Id": "10.0.1.77"}, {"Id": "i-1"}]}
    yield "elbv2", "delete_target_group", {"TargetGroupArn": group}
    yield "elbv2", "set_security_groups", {"LoadBalancerArn": balancer, "SecurityGroups": ["sg-1"]}
    yield "elbv2", "set_subnets", {"LoadBalancerArn": balancer, "Subnets": account.subnets[:1]}
    yield "elbv2", "add_tags", {"ResourceArns": [balancer, f"{balancer}0"], "Tags": [{"Key": "a", "Value": "b"}]}


def codebuild_calls(account: Account) -> Iterator[Call]:
    """Refusals of projects and builds."""
    project = account.project
    yield "codebuild", "create_project", project
    yield "codebuild", "create_project", {**project, "name": "a b"}
    yield "codebuild", "create_project", {**project, "name": "new", "serviceRole": "x"}
    yield "codebuild", "update_project", {"name": "none", "description": "x"}
    yield "codebuild", "update_project", {"name": "build", "description": "x", "serviceRole": "x"}
    yield "codebuild", "start_build", {"projectName": "none"}
    yield "codebuild", "stop_build", {"id": "build:none"}
    yield "codebuild", "retry_build", {"id": "build:none"}


def codepipeline_calls(account: Account) -> Iterator[Call]:
    """Refusals of pipelines and executions."""
    pipeline = account.pipeline
    broken = {**pipeline, "name": "new", "stages": pipeline["stages"][:1]}
    yield "codepipeline", "create_pipeline", {"pipeline": pipeline}
    yield "codepipeline", "create_pipeline", {"pipeline": broken}
    yield "codepipeline", "create_pipeline", {"pipeline": {**pipeline, "name": "a b"}}
    yield "codepipeline", "update_pipeline", {"pipeline": {**pipeline, "stages": pipeline["stages"][:1]}}
    yield "codepipeline", "update_pipeline", {"pipeline": {**pipeline, "name": "none"}}
    yield "codepipeline", "start_pipeline_execution", {"name": "none"}
    yield "codepipeline", "stop_pipeline_execution", {"pipelineName": "web", "pipelineExecutionId": "none"}
    yield (
        "codepipeline",
        "put_approval_result",
        {
            "pipelineName": "web",
            "stageName": "Deploy",
            "actionName": "Deploy",
            "result": {"summary": "s", "status": "Approved"},
            "token": "00000000-0000-0000-0000-000000000000",
        },
    )
    transition = {"pipelineName": "web", "stageName": "None", "transitionType": "Inbound"}
    yield "codepipeline", "disable_stage_transition", {**transition, "reason": "r"}
    yield "codepipeline", "enable_stage_transition", transition
    yield "codepipeline", "tag_resource", {"resourceArn": "none", "tags": [{"key": "a", "value": "b"}]}


def codeconnections_calls(account: Account) -> Iterator[Call]:
    """Refusals of connections."""
    yield "codeconnections", "create_connection", {"ConnectionName": "new"}
    yield "codeconnections", "create_connection", {"ConnectionName": "new", "ProviderType": "None"}
    yield "codeconnections", "delete_connection", {"ConnectionArn": f"{account.connection[:-1]}_"}
    yield (
        "codeconnections",
        "tag_resource",
        {"ResourceArn": f"{account.connection[:-1]}_", "Tags": [{"Key": "a", "Value": "b"}]},
    )


def events_calls(account: Account) -> Iterator[Call]:
    """Refusals of rules, targets, connections and destinations."""
    topic = account.world.administrator("sns").list_topics()["Topics"][0]["TopicArn"]
    yield "events", "put_rule", {"Name": "r", "EventPattern": "{"}
    yield "events", "put_rule", {"Name": "r", "EventPattern": json.dumps({"source": [{"none": 1}]})}
    yield "events", "put_rule", {"Name": "new", "EventBusName": "none", "EventPattern": json.dumps({"source": ["a"]})}
    yield "events", "put_targets", {"Rule": "none", "Targets": [{"Id": "t", "Arn": topic}]}
    template = {"InputPathsMap": {"a": "$.a"}, "InputTemplate": '"<b>"'}
    yield "events", "put_targets", {"Rule": "r", "Targets": [{"Id": "t", "Arn": topic, "InputTransformer": template}]}
    yield "events", "delete_rule", {"Name": "r"}
    yield "events", "create_connection", {"Name": "slack", "AuthorizationType": "API_KEY", "AuthParameters": {}}
    yield "events", "delete_connection", {"Name": "none"}
    yield (
        "events",
        "create_api_destination",
        {
            "Name": "new",
            "ConnectionArn": account.events_connection,
            "InvocationEndpoint": "http://example.org",
            "HttpMethod": "POST",
        },
    )
    yield "events", "delete_event_bus", {"Name": "default"}


_CALLS = {
    "ecs": ecs_calls,
    "application-autoscaling": autoscaling_calls,
    "ecr": ecr_calls,
    "elbv2": elbv2_calls,
    "codebuild": codebuild_calls,
    "codepipeline": codepipeline_calls,
    "codeconnections": codeconnections_calls,
    "events": events_calls,
}


@pytest.mark.parametrize("service", list(_CALLS))
def test_refused_calls_leave_no_trace(account: Account, service: str) -> None:
    """Each call is refused as a client's mistake or a 501, and the whole service is described as before."""
    client = account.world.administrator(service)
    before = DESCRIBE[service](client)
    wrong = []
    for name, operation, arguments in _CALLS[service](account):
        status = _status(client, operation, arguments)
        if not (400 <= status < 500 or status == 501):
            wrong.append(f"{name} {operation} {arguments} was answered {status}")
        account.advance(0)
        after = DESCRIBE[service](client)
        if after != before:
            wrong.append(f"{name} {operation} {arguments} left a trace")
            before = after
    assert wrong == []


def _status(client: Any, operation: str, arguments: dict[str, Any]) -> int:
    """The HTTP status of a call."""
    try:
        answer = getattr(client, operation)(**arguments)
    except ClientError as error:
        answer = error.response
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def test_refused_calls_leave_no_trace_elsewhere(account: Account) -> None:
    """Nor do they change what another service keeps: targets, interfaces, alarms, secrets."""

    def elsewhere() -> list[Any]:
        described: list[Any] = [DESCRIBE[name](account.world.administrator(name)) for name in DESCRIBE]
        alarms = account.world.administrator("cloudwatch").describe_alarms()["MetricAlarms"]
        secrets = [secret["ARN"] for secret in account.secrets.list_secrets()["SecretList"]]
        return [*described, sorted(account.interfaces()), alarms, secrets]

    before = elsewhere()
    for calls in _CALLS.values():
        for name, operation, arguments in calls(account):
            assert _status(account.world.administrator(name), operation, arguments) >= 400
    account.advance(0)
    assert elsewhere() == before
