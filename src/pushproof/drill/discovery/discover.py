"""Reads the delivery path of an applied environment from its state and the account's API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import Build, Delivery, Entrance
from pushproof.drill.discovery.choices import Choices
from pushproof.drill.discovery.codedeploy import CONTROLLER, PROVIDER, codedeploy_group, guards, with_services
from pushproof.drill.discovery.entrances import NETWORK, Listening, choose_listening, entrance_of
from pushproof.drill.discovery.pipelines import (
    Action,
    actions_of,
    build_action,
    choose_deployment,
    source_action,
    source_of,
    stage_before,
)
from pushproof.drill.discovery.services import (
    breaker_of,
    choose_container,
    choose_repository,
    container_of,
    guard_of,
    require_controller,
    secrets_of,
    urls_of,
)
from pushproof.terraform.resources import Resource, managed_resources, of_type

if TYPE_CHECKING:
    from pushproof.drill.discovery.shapes import Clients, Pipeline, Service, ServiceLoadBalancer, TargetGroup


def discover(clients: Clients, state: Mapping[str, object], choices: Choices, environment: str) -> Delivery:
    """Return the delivery path of an environment, from its state (`terraform show -json`) and a boto3 client by service.

    Raises BadInput that says what is missing, or lists what fits when several things do.
    """
    resources = managed_resources(state)
    pipelines = [_pipeline(clients, resource.text("name")) for resource in of_type(resources, "aws_codepipeline")]
    deployment = choose_deployment(pipelines, choices, environment)
    pipeline = next(p for p in pipelines if p["name"] == deployment.pipeline)
    actions = actions_of(pipeline)
    built = build_action(actions, deployment)
    build, variables = _build(clients, built)
    cluster, name = deployment.service
    service = service_named(clients, cluster, name, f"pipeline {deployment.pipeline}")
    action = f"action {deployment.stage} of pipeline {deployment.pipeline} deploys by {deployment.provider}"
    require_controller(service, CONTROLLER if deployment.provider == PROVIDER else "ECS", action)
    codedeploy = codedeploy_group(clients, deployment)
    if codedeploy.name:
        breaker, guard = guards(clients("codedeploy"), codedeploy)
    else:
        breaker, guard = breaker_of(service), guard_of(service)
    definition = clients("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    repositories = of_type(resources, "aws_ecr_repository")
    balanced, entrance, group = entrance_to(clients, service, choices)
    container = choose_container(definition, balanced.get("containerName", ""), urls_of(repositories))
    return Delivery(
        pipeline=deployment.pipeline,
        deploy_stage=deployment.stage,
        cluster=cluster,
        service=name,
        repository=choose_repository(container["image"], repositories, variables, choices, name),
        image_definitions="imageDetail.json"
        if codedeploy.name
        else deployment.configuration.get("FileName", "imagedefinitions.json"),
        source=source_of(source_action(actions, deployment, built)),
        build=build,
        entrance=entrance,
        container=container_of(definition, container, int(balanced.get("containerPort", 0)), group),
        breaker=breaker,
        guard=guard,
        codedeploy=codedeploy,
        secrets=secrets_of(definition),
        topic_arn=notification_topic(resources, str(pipeline.get("name", ""))),
        before_stage=stage_before(actions, deployment, built),
    )


def _pipeline(clients: Clients, name: str) -> Pipeline:
    return with_services(clients, clients("codepipeline").get_pipeline(name=name)["pipeline"])


def service_named(clients: Clients, cluster: str, name: str, road: str) -> Service:
    """Return a service. Raises BadInput, naming the road that deploys to it, when it does not exist."""
    try:
        services = clients("ecs").describe_services(cluster=cluster, services=[name])["services"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ClusterNotFoundException":
            raise
        services = []
    if not services or services[0]["status"] != "ACTIVE":
        raise BadInput(
            f"{road} deploys to service {cluster}/{name}, which does not exist: correct cluster and service of its "
            "deploy action"
        )
    return services[0]


def _build(clients: Clients, action: Action | None) -> tuple[Build, list[str]]:
    """Return the build, and the values of its project's environment variables."""
    if action is None:
        return Build(), []
    name = action.configuration.get("ProjectName", "")
    projects = clients("codebuild").batch_get_projects(names=[name])["projects"]
    if not projects:
        raise BadInput(
            f"pipeline {action.pipeline} builds with project {name}, which does not exist: correct ProjectName of its action"
        )
    project = projects[0]
    # An action may name its project by the ARN, which Terraform has as its id.
    name = project.get("name", name)
    logs = project.get("logsConfig", {}).get("cloudWatchLogs", {})
    written = str(project["source"].get("buildspec") or "")
    inline = "\n" in written or written.lstrip().startswith(("{", "version:"))
    variables = [v["value"] for v in project.get("environment", {}).get("environmentVariables", ())]
    overrides = action.configuration.get("EnvironmentVariables")
    if overrides:
        variables += [str(v.get("value", "")) for v in json.loads(overrides)]
    build = Build(
        project=name,
        stage=action.stage,
        log_group=str(logs.get("groupName") or f"/aws/codebuild/{name}"),
        buildspec="" if inline else written or "buildspec.yml",
        inline=inline,
    )
    return build, variables


def entrance_to(
    clients: Clients, service: Service, choices: Choices
) -> tuple[ServiceLoadBalancer, Entrance, TargetGroup | None]:
    """Return the service's load balancer entry, the entrance and the target group; ({}, empty, None) for a worker."""
    elb = clients("elbv2")
    seen: TargetGroup | None = None
    for entry in service.get("loadBalancers", ()):
        if "targetGroupArn" not in entry:
            continue
        group = elb.describe_target_groups(TargetGroupArns=[entry["targetGroupArn"]])["TargetGroups"][0]
        seen = seen or group
        for arn in group.get("LoadBalancerArns", ()):
            chosen = choose_listening(list(_listenings(clients, arn)), entry["targetGroupArn"])
            if chosen is not None:
                balancer = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
                return entry, entrance_of(chosen, balancer, group, choices), group
    if seen is not None:
        raise BadInput(
            f"target group {seen['TargetGroupName']} of service {service['serviceName']} has no listener that forwards to it: "
            "no request can reach the service"
        )
    return {}, Entrance(), None


def _listenings(clients: Clients, balancer_arn: str) -> Iterator[Listening]:
    for listener in clients("elbv2").describe_listeners(LoadBalancerArn=balancer_arn)["Listeners"]:
        if listener["Protocol"] in NETWORK:
            # A Network Load Balancer's listener has no rules but its own action.
            yield Listening(listener, {"Actions": listener.get("DefaultActions", []), "IsDefault": True})
            continue
        for rule in clients("elbv2").describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
            yield Listening(listener, rule)


def notification_topic(resources: Sequence[Resource], pipeline: str) -> str:
    """Return the ARN of the topic that hears of the pipeline, by a notification rule or an EventBridge rule; "" without one."""
    for rule in of_type(list(resources), "aws_codestarnotifications_notification_rule"):
        if rule.text("resource").endswith(f":{pipeline}"):
            for target in rule.values.get("target") or ():
                return str(target["address"])
    watching = {
        rule.text("name")
        for rule in of_type(list(resources), "aws_cloudwatch_event_rule")
        if "aws.codepipeline" in rule.text("event_pattern")
    }
    for target in of_type(list(resources), "aws_cloudwatch_event_target"):
        if target.text("rule") in watching and ":sns:" in target.text("arn"):
            return target.text("arn")
    return ""
