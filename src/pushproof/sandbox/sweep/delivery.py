"""Kinds that push, build and run. The sweep stops them before it removes anything, so that nothing new appears behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pushproof.aws.tags import tag_map
from pushproof.sandbox.sweep.resource import Account, Kind, Resource, epoch, gone_is_fine, pages, pages_where_offered

if TYPE_CHECKING:
    from botocore.client import BaseClient


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


# CodePipeline, CodeBuild, connections.


def _pipelines(account: Account) -> Iterator[Resource]:
    api = account.client("codepipeline")
    for pipeline in pages(api, "list_pipelines", "pipelines"):
        described = gone_is_fine(api.get_pipeline, name=pipeline["name"])
        if described is None:
            continue
        arn = described["metadata"]["pipelineArn"]
        answer = gone_is_fine(api.list_tags_for_resource, resourceArn=arn) or {}
        yield Resource(
            "codepipeline pipeline", pipeline["name"], name=pipeline["name"],
            tags=tag_map(answer.get("tags")), created_at=epoch(pipeline.get("created")),
        )  # fmt: skip


def _remove_pipeline(account: Account, resource: Resource) -> None:
    api = account.client("codepipeline")
    running = gone_is_fine(api.list_pipeline_executions, pipelineName=resource.id) or {}
    for execution in running.get("pipelineExecutionSummaries", []):
        if execution["status"] == "InProgress":
            try:
                api.stop_pipeline_execution(
                    pipelineName=resource.id,
                    pipelineExecutionId=execution["pipelineExecutionId"],
                    abandon=True,
                    reason="sweep",
                )
            except (
                api.exceptions.PipelineExecutionNotStoppableException,
                api.exceptions.DuplicatedStopRequestException,
            ):
                continue  # It ended by itself meanwhile.
    gone_is_fine(api.delete_pipeline, name=resource.id)


def _projects(account: Account) -> Iterator[Resource]:
    api = account.client("codebuild")
    for names in _batches(list(pages(api, "list_projects", "projects")), 100):
        for project in api.batch_get_projects(names=names)["projects"]:
            yield Resource(
                "codebuild project", project["name"], name=project["name"],
                tags=tag_map(project.get("tags")), created_at=epoch(project.get("created")),
            )  # fmt: skip


def _remove_project(account: Account, resource: Resource) -> None:
    api = account.client("codebuild")
    builds = gone_is_fine(api.list_builds_for_project, projectName=resource.id) or {}
    for ids in _batches((builds.get("ids") or [])[:100], 100):
        for build in api.batch_get_builds(ids=ids)["builds"]:
            if build["buildStatus"] == "IN_PROGRESS":
                gone_is_fine(api.stop_build, id=build["id"])
    gone_is_fine(api.delete_project, name=resource.id)


def _report_groups(account: Account) -> Iterator[Resource]:
    api = account.client("codebuild")
    for arns in _batches(list(pages_where_offered(api, "list_report_groups", "reportGroups")), 100):
        for group in api.batch_get_report_groups(reportGroupArns=arns)["reportGroups"]:
            yield Resource(
                "codebuild report-group", group["arn"], name=group["name"],
                tags=tag_map(group.get("tags")), created_at=epoch(group.get("created")),
            )  # fmt: skip


def _connections(account: Account) -> Iterator[Resource]:
    api = account.client("codestar-connections")
    for connection in pages(api, "list_connections", "Connections"):
        answer = gone_is_fine(api.list_tags_for_resource, ResourceArn=connection["ConnectionArn"]) or {}
        yield Resource(
            "codestar-connections connection", connection["ConnectionArn"], name=connection["ConnectionName"],
            tags=tag_map(answer.get("Tags")),
        )  # fmt: skip


# ECS.


def _clusters(account: Account) -> Iterator[Resource]:
    api = account.client("ecs")
    for arns in _batches(list(pages(api, "list_clusters", "clusterArns")), 100):
        for cluster in api.describe_clusters(clusters=arns, include=["TAGS"])["clusters"]:
            if cluster["status"] != "INACTIVE":
                yield Resource(
                    "ecs cluster", cluster["clusterArn"], name=cluster["clusterName"],
                    tags=tag_map(cluster.get("tags")), going=cluster["status"] == "DEPROVISIONING",
                )  # fmt: skip


def _services(account: Account) -> Iterator[Resource]:
    api = account.client("ecs")
    for cluster in pages(api, "list_clusters", "clusterArns"):
        for arns in _batches(list(gone_pages(api, "list_services", "serviceArns", cluster=cluster)), 10):
            described = gone_is_fine(api.describe_services, cluster=cluster, services=arns, include=["TAGS"]) or {}
            for service in described.get("services", []):
                if service["status"] != "INACTIVE":
                    yield Resource(
                        "ecs service", service["serviceArn"], name=service["serviceName"],
                        tags=tag_map(service.get("tags")), part_of=("ecs cluster", cluster),
                        going=service["status"] == "DRAINING",
                    )  # fmt: skip


def _remove_service(account: Account, resource: Resource) -> None:
    assert resource.part_of is not None
    gone_is_fine(account.client("ecs").delete_service, cluster=resource.part_of[1], service=resource.id, force=True)


def _tasks(account: Account) -> Iterator[Resource]:
    api = account.client("ecs")
    for cluster in pages(api, "list_clusters", "clusterArns"):
        for status in ("RUNNING", "STOPPED"):
            for arns in _batches(
                list(gone_pages(api, "list_tasks", "taskArns", cluster=cluster, desiredStatus=status)), 100
            ):
                described = gone_is_fine(api.describe_tasks, cluster=cluster, tasks=arns, include=["TAGS"]) or {}
                for task in described.get("tasks", []):
                    if task["lastStatus"] != "STOPPED":
                        yield Resource(
                            "ecs task", task["taskArn"], tags=tag_map(task.get("tags")),
                            part_of=("ecs cluster", cluster), going=task["desiredStatus"] == "STOPPED",
                        )  # fmt: skip


def _remove_task(account: Account, resource: Resource) -> None:
    assert resource.part_of is not None
    gone_is_fine(account.client("ecs").stop_task, cluster=resource.part_of[1], task=resource.id, reason="sweep")


def gone_pages(api: BaseClient, operation: str, key: str, **arguments: object) -> Iterator[Any]:
    """Return the pages of a listing; nothing when its parent resource no longer exists."""
    from botocore.exceptions import ClientError

    from pushproof.sandbox.sweep.resource import is_gone

    try:
        yield from list(pages(api, operation, key, **arguments))
    except ClientError as error:
        if not is_gone(error):
            raise


def _task_definitions(account: Account) -> Iterator[Resource]:
    """Return the revisions, inactive ones included.

    A revision that AWS is deleting counts as gone: nothing more can be done about it.
    """
    api = account.client("ecs")
    for status in ("ACTIVE", "INACTIVE"):
        for family in pages(api, "list_task_definition_families", "families", status=status):
            arns = [
                arn
                for arn in pages(api, "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status=status)
                if arn.rpartition("/")[2].rpartition(":")[0] == family
            ]
            if not arns:
                continue
            # A family is one resource to its owner: the tags of its newest revision count for all revisions.
            described = gone_is_fine(api.describe_task_definition, taskDefinition=arns[-1], include=["TAGS"]) or {}
            tags = tag_map(described.get("tags"))
            for arn in arns:
                yield Resource("ecs task-definition", arn, name=arn.rpartition("/")[2], tags=tags)


def _remove_task_definition(account: Account, resource: Resource) -> None:
    api = account.client("ecs")
    gone_is_fine(api.deregister_task_definition, taskDefinition=resource.id)
    answer = gone_is_fine(api.delete_task_definitions, taskDefinitions=[resource.id])
    for failure in (answer or {}).get("failures") or []:
        raise RuntimeError(f"{resource.id}: {failure.get('reason')} {failure.get('detail', '')}".strip())


# ECR.


def _repositories(account: Account) -> Iterator[Resource]:
    api = account.client("ecr")
    for repository in pages(api, "describe_repositories", "repositories"):
        answer = gone_is_fine(api.list_tags_for_resource, resourceArn=repository["repositoryArn"]) or {}
        yield Resource(
            "ecr repository", repository["repositoryName"], name=repository["repositoryName"],
            tags=tag_map(answer.get("tags")), created_at=epoch(repository.get("createdAt")),
        )  # fmt: skip


# Load balancers.


def _load_balancers(account: Account) -> Iterator[Resource]:
    yield from _balancing(account, "elbv2 load-balancer", "describe_load_balancers", "LoadBalancers", "LoadBalancer")


def _target_groups(account: Account) -> Iterator[Resource]:
    yield from _balancing(account, "elbv2 target-group", "describe_target_groups", "TargetGroups", "TargetGroup")


def _balancing(account: Account, kind: str, operation: str, key: str, noun: str) -> Iterator[Resource]:
    api = account.client("elbv2")
    for items in _batches(list(pages(api, operation, key)), 20):
        arns = [item[f"{noun}Arn"] for item in items]
        described = gone_is_fine(api.describe_tags, ResourceArns=arns)
        if described is None:  # One of them went meanwhile.
            described = {"TagDescriptions": [
                d for arn in arns for d in (gone_is_fine(api.describe_tags, ResourceArns=[arn]) or {}).get("TagDescriptions", [])
            ]}  # fmt: skip
        tags = {d["ResourceArn"]: tag_map(d.get("Tags")) for d in described["TagDescriptions"]}
        for item in items:
            arn = item[f"{noun}Arn"]
            yield Resource(
                kind, arn, name=item[f"{noun}Name"], tags=tags.get(arn, {}), created_at=epoch(item.get("CreatedTime"))
            )


def _remove_load_balancer(account: Account, resource: Resource) -> None:
    api = account.client("elbv2")
    gone_is_fine(
        api.modify_load_balancer_attributes,
        LoadBalancerArn=resource.id,
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
    )
    gone_is_fine(api.delete_load_balancer, LoadBalancerArn=resource.id)


KINDS = (
    Kind("codepipeline pipeline", _pipelines, _remove_pipeline),
    Kind("codebuild project", _projects, _remove_project),
    Kind("codebuild report-group", _report_groups,
         lambda account, item: gone_is_fine(account.client("codebuild").delete_report_group, arn=item.id, deleteReports=True)),
    Kind("ecs service", _services, _remove_service),
    Kind("ecs task", _tasks, _remove_task),
    Kind("ecs cluster", _clusters,
         lambda account, resource: gone_is_fine(account.client("ecs").delete_cluster, cluster=resource.id)),
    Kind("ecs task-definition", _task_definitions, _remove_task_definition),
    Kind("elbv2 load-balancer", _load_balancers, _remove_load_balancer),
    Kind("elbv2 target-group", _target_groups,
         lambda account, resource: gone_is_fine(account.client("elbv2").delete_target_group, TargetGroupArn=resource.id)),
    Kind("ecr repository", _repositories,
         lambda account, resource: gone_is_fine(account.client("ecr").delete_repository, repositoryName=resource.id, force=True)),
    Kind("codestar-connections connection", _connections,
         lambda account, item: gone_is_fine(account.client("codestar-connections").delete_connection, ConnectionArn=item.id)),
)  # fmt: skip
