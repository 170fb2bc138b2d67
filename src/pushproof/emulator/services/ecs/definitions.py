"""Task definitions: registration with the members that AWS fills in, deregistration, deletion."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, cast

from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.imagedefinitions import REGISTERED

from .amounts import check_tags
from .base import EcsBase, missing, page
from .fargate import fargate_problems
from .model import TaskDefinition, tag_list
from .registration import problems
from .sizes import cpu_units, mebibytes

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        AttributeTypeDef,
        ContainerDefinitionOutputTypeDef,
        FailureTypeDef,
        TaskDefinitionTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ecs import (
        DeleteTaskDefinitionsAnswer,
        DeleteTaskDefinitionsRequest,
        DeregisterTaskDefinitionAnswer,
        DeregisterTaskDefinitionRequest,
        DescribeTaskDefinitionAnswer,
        DescribeTaskDefinitionRequest,
        ListTaskDefinitionFamiliesAnswer,
        ListTaskDefinitionFamiliesRequest,
        ListTaskDefinitionsAnswer,
        ListTaskDefinitionsRequest,
        RegisterTaskDefinitionAnswer,
        RegisterTaskDefinitionRequest,
    )


class DefinitionOperations(EcsBase):
    """Operations on task definitions. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html"""

    def register_task_definition(
        self, context: RequestContext, request: RegisterTaskDefinitionRequest
    ) -> RegisterTaskDefinitionAnswer:
        region = self.region(context)
        family = request["family"]
        for words in problems(request):
            raise AwsError("ClientException", words)
        check_tags(request.get("tags"))
        document = _normalised(request)
        document["registeredBy"] = context.principal.arn
        revisions = region.families.setdefault(family, [])
        revision = revisions[-1].revision + 1 if revisions else 1
        definition = TaskDefinition(
            arn=region.arn(f"task-definition/{family}:{revision}"),
            family=family,
            revision=revision,
            document=document,
            registered_at=self.site.clock.now(),
            tags=tag_map(request.get("tags")),
        )
        revisions.append(definition)
        return {"taskDefinition": definition.describe(self.site.clock), "tags": tag_list(definition.tags)}

    def describe_task_definition(
        self, context: RequestContext, request: DescribeTaskDefinitionRequest
    ) -> DescribeTaskDefinitionAnswer:
        region = self.region(context)
        try:
            definition = self.find_definition(region, request["taskDefinition"], active=False)
        except AwsError:
            raise AwsError("ClientException", "Unable to describe task definition.") from None
        tags = tag_list(definition.tags) if "TAGS" in (request.get("include") or []) else []
        return {"taskDefinition": definition.describe(self.site.clock), "tags": tags}

    def deregister_task_definition(
        self, context: RequestContext, request: DeregisterTaskDefinitionRequest
    ) -> DeregisterTaskDefinitionAnswer:
        reference = request["taskDefinition"]
        if ":" not in reference.rsplit("/", 1)[-1]:
            raise AwsError("ClientException", "Task definition must specify a revision.")
        try:
            definition = self.find_definition(self.region(context), reference, active=False)
        except AwsError:
            raise AwsError("ClientException", "Unable to describe task definition.") from None
        if definition.status == "ACTIVE":
            definition.status = "INACTIVE"
            definition.deregistered_at = self.site.clock.now()
        return {"taskDefinition": definition.describe(self.site.clock)}

    def delete_task_definitions(
        self, context: RequestContext, request: DeleteTaskDefinitionsRequest
    ) -> DeleteTaskDefinitionsAnswer:
        region = self.region(context)
        deleted: list[TaskDefinitionTypeDef] = []
        failures: list[FailureTypeDef] = []
        for reference in request["taskDefinitions"]:
            try:
                definition = self.find_definition(region, reference, active=False)
            except AwsError:
                failures.append(missing(reference))
                continue
            if definition.status == "ACTIVE":
                failures.append(
                    {
                        "arn": definition.arn,
                        "reason": "TASK_DEFINITION_IS_ACTIVE",
                        "detail": "The specified task definition is still in ACTIVE status. Please deregister the target "
                        "and try again.",
                    }
                )
                continue
            definition.status = "DELETE_IN_PROGRESS"
            definition.delete_requested_at = self.site.clock.now()
            deleted.append(definition.describe(self.site.clock))
            revisions = region.families[definition.family]
            in_use = any(task.definition is definition for task in region.tasks.values())
            # The family keeps counting from its last revision, even after that revision is gone.
            if not in_use and definition is not revisions[-1]:
                revisions.remove(definition)
        return {"taskDefinitions": deleted, "failures": failures}

    def list_task_definitions(
        self, context: RequestContext, request: ListTaskDefinitionsRequest
    ) -> ListTaskDefinitionsAnswer:
        status = request.get("status") or "ACTIVE"
        prefix = request.get("familyPrefix")
        arns = [
            revision.arn
            for family, revisions in sorted(self.region(context).families.items())
            if prefix in (None, "", family)
            for revision in revisions
            if revision.status == status
        ]
        if request.get("sort") == "DESC":
            arns.reverse()
        shown, rest = page(arns, request)
        return {"taskDefinitionArns": shown, **rest}

    def list_task_definition_families(
        self, context: RequestContext, request: ListTaskDefinitionFamiliesRequest
    ) -> ListTaskDefinitionFamiliesAnswer:
        status = request.get("status") or "ACTIVE"
        prefix = request.get("familyPrefix") or ""

        def shown(revisions: list[TaskDefinition]) -> bool:
            active = any(revision.status == "ACTIVE" for revision in revisions)
            return status == "ALL" or active == (status == "ACTIVE")

        names = [
            family
            for family, revisions in sorted(self.region(context).families.items())
            if family.startswith(prefix) and shown(revisions)
        ]
        listed, rest = page(names, request)
        return {"families": listed, **rest}


_REWRITTEN = ("family", "containerDefinitions", "volumes", "placementConstraints")
_KEPT = tuple(member for member in REGISTERED if member not in _REWRITTEN)


def _normalised(request: RegisterTaskDefinitionRequest) -> TaskDefinitionTypeDef:
    kept = {name: copy.deepcopy(value) for name, value in request.items() if name in _KEPT and value is not None}
    # Members of a task definition have the same names as in the request.
    document = cast("TaskDefinitionTypeDef", kept)
    awsvpc = request.get("networkMode") == "awsvpc"
    document["containerDefinitions"] = [
        _container(definition, awsvpc) for definition in request["containerDefinitions"]
    ]
    document["volumes"] = copy.deepcopy(request.get("volumes") or [])
    document["placementConstraints"] = copy.deepcopy(request.get("placementConstraints") or [])
    if (units := cpu_units(request.get("cpu"))) is not None:
        document["cpu"] = str(units)
    if (size := mebibytes(request.get("memory"))) is not None:
        document["memory"] = str(size)
    runs = next(fargate_problems(request, request["containerDefinitions"]), None) is None
    document["compatibilities"] = ["EC2", "FARGATE"] if runs else ["EC2"]
    document["requiresAttributes"] = _attributes(document)
    return document


def _container(written: ContainerDefinitionOutputTypeDef, awsvpc: bool) -> ContainerDefinitionOutputTypeDef:
    """Return a container definition with the members that AWS fills in."""
    container = copy.deepcopy(written)
    container.setdefault("cpu", 0)
    container.setdefault("essential", True)
    container.setdefault("environment", [])
    container.setdefault("mountPoints", [])
    container.setdefault("volumesFrom", [])
    container.setdefault("systemControls", [])
    for mapping in container.setdefault("portMappings", []):
        mapping.setdefault("protocol", "tcp")
        if "containerPort" in mapping:
            mapping.setdefault("hostPort", mapping["containerPort"] if awsvpc else 0)
    check = container.get("healthCheck")
    if check:
        check.setdefault("interval", 30)
        check.setdefault("timeout", 5)
        check.setdefault("retries", 3)
    return container


def _attributes(document: TaskDefinitionTypeDef) -> list[AttributeTypeDef]:
    names = set()
    if document.get("networkMode") == "awsvpc":
        names |= {"ecs.capability.task-eni", "com.amazonaws.ecs.capability.docker-remote-api.1.18"}
    if document.get("taskRoleArn"):
        names.add("com.amazonaws.ecs.capability.task-iam-role")
    if document.get("executionRoleArn"):
        names.add("ecs.capability.execution-role-awslogs")
    for container in document["containerDefinitions"]:
        if "logConfiguration" in container and container["logConfiguration"]["logDriver"] == "awslogs":
            names.add("com.amazonaws.ecs.capability.logging-driver.awslogs")
        if container.get("secrets"):
            names.add("ecs.capability.secrets.asm.environment-variables")
        if container.get("healthCheck"):
            names.add("ecs.capability.container-health-check")
        if ".dkr.ecr." in container["image"]:
            names |= {"com.amazonaws.ecs.capability.ecr-auth", "ecs.capability.execution-role-ecr-pull"}
    return [{"name": name} for name in sorted(names)]
