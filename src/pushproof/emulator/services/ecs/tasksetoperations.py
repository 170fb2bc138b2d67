"""Operations on task sets, as CodeDeploy and its users need them.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateTaskSet.html and the pages beside it
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from pushproof.aws.arns import last
from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError

from .amounts import check_tags, check_token, invalid, one_of
from .base import missing
from .capacity import BOTH_NAMED
from .model import EcsService, Region, ServiceRevision, TaskDefinition, TaskSet
from .services import ServiceOperations
from .tasksetshapes import task_set_shape

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import FailureTypeDef, ScaleTypeDef, TaskSetTypeDef

    from pushproof.emulator.kernel.shapes.ecs import (
        CreateTaskSetAnswer,
        CreateTaskSetRequest,
        DeleteTaskSetAnswer,
        DeleteTaskSetRequest,
        DescribeTaskSetsAnswer,
        DescribeTaskSetsRequest,
        UpdateServicePrimaryTaskSetAnswer,
        UpdateServicePrimaryTaskSetRequest,
        UpdateTaskSetAnswer,
        UpdateTaskSetRequest,
    )

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
_MOST_TASK_SETS = 5


class TaskSetOperations(ServiceOperations):
    """Operations on the task sets of services whose deployments ECS does not make."""

    def create_task_set(self, context: RequestContext, request: CreateTaskSetRequest) -> CreateTaskSetAnswer:
        region, service = self._controlled(context, request["cluster"], request["service"])
        token = request.get("clientToken") or ""
        check_token(token)
        same = next((item for item in service.task_sets if token and item.client_token == token), None)
        if same is not None:
            return {"taskSet": task_set_shape(service, same, self.site.clock, tags=True)}
        if len(service.task_sets) >= _MOST_TASK_SETS:
            raise invalid(f"Service {service.name} has reached its limit of {_MOST_TASK_SETS} task sets.")
        if request.get("launchType") and request.get("capacityProviderStrategy"):
            raise invalid(BOTH_NAMED)
        check_tags(request.get("tags"))
        scale = _scale(request.get("scale"))
        definition = self.find_definition(region, request["taskDefinition"])
        revised = self._revised({"launchType": request.get("launchType")}, request)
        if not revised["launchType"] and not revised.get("capacityProviderStrategy"):
            revised["capacityProviderStrategy"] = copy.deepcopy(service.cluster.strategy)
        if not revised["launchType"]:
            revised["launchType"] = "FARGATE" if revised.get("capacityProviderStrategy") else "EC2"
        # The grace period belongs to the service.
        own = {**service.parameters, "healthCheckGracePeriodSeconds": None}
        self._check(context, service.cluster, definition, {**own, **revised}, attached=False)
        self._check_passing(context, definition)
        revision = ServiceRevision(definition, revised)
        task_set = self.task_sets.begin(region, service, revision, scale)
        task_set.external_id = request.get("externalId") or ""
        task_set.started_by = service.controller if service.controller == "CODE_DEPLOY" else ""
        task_set.client_token = token
        task_set.tags = tag_map(request.get("tags"))
        return {"taskSet": task_set_shape(service, task_set, self.site.clock, tags=True)}

    def update_task_set(self, context: RequestContext, request: UpdateTaskSetRequest) -> UpdateTaskSetAnswer:
        region, service = self._controlled(context, request["cluster"], request["service"])
        task_set = self._task_set(service, request["taskSet"])
        self.task_sets.scale(region, service, task_set, _scale(request["scale"]))
        return {"taskSet": task_set_shape(service, task_set, self.site.clock, tags=True)}

    def update_service_primary_task_set(
        self, context: RequestContext, request: UpdateServicePrimaryTaskSetRequest
    ) -> UpdateServicePrimaryTaskSetAnswer:
        _, service = self._controlled(context, request["cluster"], request["service"])
        task_set = self._task_set(service, request["primaryTaskSet"])
        self.task_sets.promote(service, task_set)
        return {"taskSet": task_set_shape(service, task_set, self.site.clock, tags=True)}

    def delete_task_set(self, context: RequestContext, request: DeleteTaskSetRequest) -> DeleteTaskSetAnswer:
        region, service = self._controlled(context, request["cluster"], request["service"])
        task_set = self._task_set(service, request["taskSet"])
        if task_set.status == "PRIMARY":
            raise invalid("The primary task set cannot be deleted.")
        if task_set.scale > 0 and not request.get("force"):
            raise invalid("The task set cannot be stopped while it is scaled above 0.")
        self.task_sets.end(region, task_set)
        return {"taskSet": task_set_shape(service, task_set, self.site.clock, tags=True)}

    def describe_task_sets(self, context: RequestContext, request: DescribeTaskSetsRequest) -> DescribeTaskSetsAnswer:
        region, service = self._controlled(context, request["cluster"], request["service"], active=False)
        tags = "TAGS" in (request.get("include") or [])
        task_sets: list[TaskSetTypeDef] = []
        failures: list[FailureTypeDef] = []
        for reference in request.get("taskSets") or [item.arn for item in service.task_sets]:
            task_set = _named(service, reference)
            if task_set is None:
                path = f"task-set/{service.cluster.name}/{service.name}/ecs-svc/{last(reference)}"
                failures.append(missing(region.arn(path)))
            else:
                task_sets.append(task_set_shape(service, task_set, self.site.clock, tags=tags))
        return {"taskSets": task_sets, "failures": failures}

    def _check_passing(self, context: RequestContext, definition: TaskDefinition) -> None:
        """Refuse a caller who may not pass the roles of the tasks.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/codedeploy_IAM_role.html
        """
        to = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
        for role in (definition.document.get("executionRoleArn"), definition.document.get("taskRoleArn")):
            if not role:
                continue
            try:
                self.site.permissions.require(context.principal, "iam:PassRole", role, to, region=context.region)
            except AwsError as error:
                raise AwsError("AccessDeniedException", error.message) from error

    def _controlled(
        self, context: RequestContext, cluster: str, name: str, *, active: bool = True
    ) -> tuple[Region, EcsService]:
        """Return a service that may have task sets. Raises AWS's errors."""
        region = self.region(context)
        service = self.find_service(region, self.find_cluster(region, cluster), name)
        if active and service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        if service.controller == "ECS":
            raise invalid(
                "Amazon ECS service must use the EXTERNAL or CODE_DEPLOY deployment controller type to manage task sets."
            )
        return region, service

    def _task_set(self, service: EcsService, reference: str) -> TaskSet:
        task_set = _named(service, reference)
        if task_set is None:
            raise AwsError("TaskSetNotFoundException", "TaskSet not found.")
        if task_set.status == "DRAINING":
            raise invalid("The task set is draining.")
        return task_set


def _named(service: EcsService, reference: str) -> TaskSet | None:
    """Return a task set by its id, the number in it, or its ARN."""
    return next((item for item in service.task_sets if last(item.id) == last(reference)), None)


def _scale(scale: ScaleTypeDef | None) -> float:
    members: ScaleTypeDef = scale or {}
    one_of("scale unit", members.get("unit"), ("PERCENT",))
    value = float(members.get("value", 100.0 if scale is None else 0.0))
    if not 0 <= value <= 100:
        raise invalid("Scale value must be between 0.0 and 100.0.")
    return value
