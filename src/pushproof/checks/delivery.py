"""A delivery as it exists: the names in a pipeline's permissions, read from AWS and not from Terraform variables."""

from __future__ import annotations

from typing import TypedDict

from pushproof.checks.check import Clients
from pushproof.checks.permissions import Pipeline


class _Names(TypedDict, total=False):
    artifacts_bucket: str
    connection_arn: str
    approval_topic_arn: str
    source_bucket: str
    build_project: str
    build_role: str
    build_log_group: str
    repository: str
    cache_repository: str
    cluster: str
    service: str
    pipeline_role: str
    task_family: str
    task_role_arn: str
    execution_role_arn: str
    task_log_group: str
    secret_arns: tuple[str, ...]


def read_delivery(aws: Clients, pipeline: str) -> Pipeline:
    """The delivery of a pipeline: its store, connection, build project, service, roles, secrets and log groups, by their names.

    Raises LookupError if there is no such pipeline.
    """
    pipelines = aws("codepipeline")
    try:
        answer = pipelines.get_pipeline(name=pipeline)
    except pipelines.exceptions.PipelineNotFoundException:
        raise LookupError(f"there is no pipeline {pipeline}; check the name, the account and the region") from None
    described, arn = answer["pipeline"], answer["metadata"]["pipelineArn"]
    actions = [action for stage in described["stages"] for action in stage["actions"]]
    configurations = [action.get("configuration", {}) for action in actions]
    names: _Names = {
        "artifacts_bucket": described.get("artifactStore", {}).get("location", ""),
        "connection_arn": _first(configurations, "ConnectionArn"),
        "approval_topic_arn": _first(configurations, "NotificationArn"),
        "source_bucket": _first(configurations, "S3Bucket"),
        "build_project": _first(configurations, "ProjectName"),
        "cluster": _first(configurations, "ClusterName"),
        "service": _first(configurations, "ServiceName"),
        "pipeline_role": described["roleArn"].rpartition("/")[2],
    }
    if names["build_project"]:
        names |= _project(aws, names["build_project"])
    if names["service"]:
        names |= _tasks(aws, names["cluster"], names["service"])
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Pipeline(region, account, partition=partition, **names)


def _project(aws: Clients, name: str) -> _Names:
    projects = aws("codebuild").batch_get_projects(names=[name])["projects"]
    if not projects:
        return {}
    project = projects[0]
    variables = {v["name"]: v["value"] for v in project["environment"].get("environmentVariables", [])}
    logs = project.get("logsConfig", {}).get("cloudWatchLogs", {})
    # By the names that people give these variables; without them there is nothing to ask about.
    caches = [value for key, value in variables.items() if "CACHE" in key and "REPO" in key]
    releases = [value for key, value in variables.items() if "REPO" in key and "CACHE" not in key]
    return {
        "build_role": project["serviceRole"].rpartition("/")[2],
        "build_log_group": logs.get("groupName") or f"/aws/codebuild/{name}",
        "repository": releases[0].rpartition("amazonaws.com/")[2] if releases else "",
        "cache_repository": caches[0].rpartition("amazonaws.com/")[2] if caches else "",
    }


def _tasks(aws: Clients, cluster: str, service: str) -> _Names:
    ecs = aws("ecs")
    services = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if not services:
        return {}
    definition = ecs.describe_task_definition(taskDefinition=services[0]["taskDefinition"])["taskDefinition"]
    containers = definition["containerDefinitions"]
    options = [c.get("logConfiguration", {}).get("options", {}) for c in containers]
    secrets = [secret["valueFrom"] for c in containers for secret in c.get("secrets", [])]
    return {
        "task_family": definition["family"],
        "task_role_arn": definition.get("taskRoleArn", ""),
        "execution_role_arn": definition.get("executionRoleArn", ""),
        "task_log_group": next((o["awslogs-group"] for o in options if "awslogs-group" in o), ""),
        "secret_arns": tuple(":".join(arn.split(":")[:7]) for arn in secrets if ":secretsmanager:" in arn),
    }


def _first(configurations: list[dict[str, str]], key: str) -> str:
    return next((configuration[key] for configuration in configurations if key in configuration), "")
