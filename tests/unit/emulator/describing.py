"""Descriptions of everything that a service of the plane stores, to compare before and after a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


def pages(client: Any, operation: str, member: str, **arguments: Any) -> list[Any]:
    """All of a list, page by page where botocore can."""
    if not client.can_paginate(operation):
        listed: list[Any] = getattr(client, operation)(**arguments)[member]
        return listed
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[member]]


def describe_ecs(ecs: Any) -> dict[str, Any]:
    """Clusters, services with their deployments, tasks, task definitions, settings and tags."""
    shown: dict[str, Any] = {"settings": pages(ecs, "list_account_settings", "settings")}
    clusters = pages(ecs, "list_clusters", "clusterArns")
    include = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]
    shown["clusters"] = ecs.describe_clusters(clusters=clusters, include=include)["clusters"] if clusters else []
    for cluster in clusters:
        services = pages(ecs, "list_services", "serviceArns", cluster=cluster)
        for service in services:
            shown[service] = ecs.describe_services(cluster=cluster, services=[service], include=["TAGS"])["services"]
            shown[f"{service} deployments"] = ecs.list_service_deployments(cluster=cluster, service=service)[
                "serviceDeployments"
            ]
        for status in ("RUNNING", "STOPPED"):
            tasks = pages(ecs, "list_tasks", "taskArns", cluster=cluster, desiredStatus=status)
            if tasks:
                shown[f"{cluster} {status}"] = ecs.describe_tasks(cluster=cluster, tasks=tasks[:100], include=["TAGS"])[
                    "tasks"
                ]
    for status in ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"):
        shown[status] = pages(ecs, "list_task_definitions", "taskDefinitionArns", status=status)
    shown["families"] = pages(ecs, "list_task_definition_families", "families", status="ALL")
    return _without_metadata(shown)


def _without_metadata(value: Any) -> Any:
    """An answer without what differs between any two answers."""
    if isinstance(value, dict):
        return {name: _without_metadata(inner) for name, inner in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [_without_metadata(item) for item in value]
    return value


def describe_autoscaling(scaling: Any) -> dict[str, Any]:
    """Targets with tags, policies, scheduled actions and activities of ECS."""
    ecs = {"ServiceNamespace": "ecs"}
    targets = pages(scaling, "describe_scalable_targets", "ScalableTargets", **ecs)
    shown = {
        "targets": targets,
        "tags": [scaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"] for target in targets],
        "policies": pages(scaling, "describe_scaling_policies", "ScalingPolicies", **ecs),
        "actions": pages(scaling, "describe_scheduled_actions", "ScheduledActions", **ecs),
        "activities": pages(scaling, "describe_scaling_activities", "ScalingActivities", **ecs),
    }
    without: dict[str, Any] = _without_metadata(shown)
    return without


def describe_ecr(ecr: Any) -> dict[str, Any]:
    """Repositories with tags, policies and images, and the registry's own settings."""
    shown: dict[str, Any] = {"repositories": pages(ecr, "describe_repositories", "repositories")}
    for repository in shown["repositories"]:
        name = {"repositoryName": repository["repositoryName"]}
        shown[repository["repositoryArn"]] = [
            ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"],
            pages(ecr, "describe_images", "imageDetails", **name),
            _attempt(ecr.get_lifecycle_policy, **name),
            _attempt(ecr.get_repository_policy, **name),
        ]
    shown["registry"] = ecr.describe_registry()
    shown["policy"] = _attempt(ecr.get_registry_policy)
    shown["scanning"] = ecr.get_registry_scanning_configuration()
    without: dict[str, Any] = _without_metadata(shown)
    return without


def describe_elbv2(elbv2: Any) -> dict[str, Any]:
    """Load balancers, listeners, rules and target groups, each with attributes, and who is registered."""
    shown: dict[str, Any] = {"balancers": pages(elbv2, "describe_load_balancers", "LoadBalancers")}
    for balancer in shown["balancers"]:
        arn = balancer["LoadBalancerArn"]
        listeners = pages(elbv2, "describe_listeners", "Listeners", LoadBalancerArn=arn)
        shown[arn] = [listeners, elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]]
        shown |= {
            listener["ListenerArn"]: [
                pages(elbv2, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]),
                elbv2.describe_listener_attributes(ListenerArn=listener["ListenerArn"])["Attributes"],
            ]
            for listener in listeners
        }
        shown[f"{arn} tags"] = elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    shown["groups"] = pages(elbv2, "describe_target_groups", "TargetGroups")
    for group in shown["groups"]:
        arn = group["TargetGroupArn"]
        shown[arn] = [
            elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"],
            elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"],
            elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"],
        ]
    without: dict[str, Any] = _without_metadata(shown)
    return without


def describe_codebuild(codebuild: Any) -> dict[str, Any]:
    """Projects and builds."""
    projects, builds = pages(codebuild, "list_projects", "projects"), pages(codebuild, "list_builds", "ids")
    shown = {
        "projects": codebuild.batch_get_projects(names=projects)["projects"] if projects else [],
        "builds": codebuild.batch_get_builds(ids=builds)["builds"] if builds else [],
    }
    without: dict[str, Any] = _without_metadata(shown)
    return without


def describe_codepipeline(codepipeline: Any) -> dict[str, Any]:
    """Pipelines with state, executions and tags."""
    shown: dict[str, Any] = {}
    for pipeline in pages(codepipeline, "list_pipelines", "pipelines"):
        name = pipeline["name"]
        described = codepipeline.get_pipeline(name=name)
        shown[name] = [
            described,
            codepipeline.get_pipeline_state(name=name),
            pages(codepipeline, "list_pipeline_executions", "pipelineExecutionSummaries", pipelineName=name),
            codepipeline.list_tags_for_resource(resourceArn=described["metadata"]["pipelineArn"])["tags"],
        ]
    without: dict[str, Any] = _without_metadata(shown)
    return without


def describe_codeconnections(connections: Any) -> dict[str, Any]:
    """Connections and hosts, with tags."""
    shown = {
        "connections": connections.list_connections()["Connections"],
        "hosts": connections.list_hosts()["Hosts"],
    }
    shown["tags"] = [
        connections.list_tags_for_resource(ResourceArn=connection["ConnectionArn"])["Tags"]
        for connection in shown["connections"]
    ]
    without: dict[str, Any] = _without_metadata(shown)
    return without


def describe_events(events: Any) -> dict[str, Any]:
    """Buses, rules with targets and tags, connections and API destinations."""
    shown: dict[str, Any] = {"buses": events.list_event_buses()["EventBuses"]}
    for bus in shown["buses"]:
        for rule in pages(events, "list_rules", "Rules", EventBusName=bus["Name"]):
            shown[rule["Arn"]] = [
                rule,
                events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"],
                events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"],
            ]
    shown["connections"] = events.list_connections()["Connections"]
    shown["destinations"] = events.list_api_destinations()["ApiDestinations"]
    shown["archives"] = events.list_archives()["Archives"]
    without: dict[str, Any] = _without_metadata(shown)
    return without


def _attempt(call: Any, **arguments: Any) -> Any:
    """An answer, or the code of its refusal."""
    try:
        return call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]


DESCRIBE: dict[str, Callable[[Any], dict[str, Any]]] = {
    "ecs": describe_ecs,
    "application-autoscaling": describe_autoscaling,
    "ecr": describe_ecr,
    "elbv2": describe_elbv2,
    "codebuild": describe_codebuild,
    "codepipeline": describe_codepipeline,
    "codeconnections": describe_codeconnections,
    "events": describe_events,
}
