"""Task sets in the API's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.base.clock import Clock

from .model import EcsService, TaskSet, tag_list
from .shapes import add_compute
from .tasksets import share

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import TaskSetTypeDef


def task_set_shape(service: EcsService, task_set: TaskSet, clock: Clock, *, tags: bool = False) -> TaskSetTypeDef:
    """Describe a task set. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html"""
    state, revision = task_set.part.state, task_set.part.revision
    parameters = revision.parameters
    shown: TaskSetTypeDef = {
        "id": task_set.id,
        "taskSetArn": task_set.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "status": task_set.status,
        "taskDefinition": revision.definition.arn,
        "computedDesiredCount": share(service.state.desired_count, task_set.scale),
        "pendingCount": state.pending_count,
        "runningCount": state.running_count,
        "createdAt": clock.stamp(task_set.created_at),
        "updatedAt": clock.stamp(task_set.updated_at),
        "loadBalancers": parameters.get("loadBalancers") or [],
        "serviceRegistries": parameters.get("serviceRegistries") or [],
        "scale": {"value": task_set.scale, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE" if task_set.steady else "STABILIZING",
        "stabilityStatusAt": clock.stamp(state.primary.updated_at),
        "tags": tag_list(task_set.tags) if tags else [],
    }
    add_compute(shown, parameters)
    if task_set.external_id:
        shown["externalId"] = task_set.external_id
    if task_set.started_by:
        shown["startedBy"] = task_set.started_by
    return shown
