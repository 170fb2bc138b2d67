"""The only target of an ECS deployment: the service, with its lifecycle events and task sets.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ECSTarget.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pushproof.aws.arns import arn_of, resource_of
from pushproof.base.clock import Clock
from pushproof.engines.codedeploy import LifecycleEvent

from .model import Record

if TYPE_CHECKING:
    from types_boto3_codedeploy.literals import TargetStatusType
    from types_boto3_codedeploy.type_defs import DeploymentTargetTypeDef, ECSTaskSetTypeDef, LifecycleEventTypeDef
    from types_boto3_ecs.type_defs import TaskSetTypeDef

_STATUS: dict[str, TargetStatusType] = {
    "Created": "Pending",
    "Queued": "Pending",
    "InProgress": "InProgress",
    "Ready": "Ready",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Stopped": "Failed",
}


def seen(record: Record, task_sets: Iterable[TaskSetTypeDef]) -> None:
    """Remember what ECS shows of the task sets, with their traffic. Those of the deployment stay when they are gone."""
    state = record.state
    share = state.production if state.production is not None else 0
    for item in task_sets:
        identifier = item.get("id", "")
        if state.original and identifier not in (state.original, state.replacement):
            continue
        green = identifier == state.replacement
        groups = [balancer.get("targetGroupArn", "") for balancer in item.get("loadBalancers", [])]
        record.seen[identifier] = {
            "identifer": identifier,
            "desiredCount": item.get("computedDesiredCount", 0),
            "pendingCount": item.get("pendingCount", 0),
            "runningCount": item.get("runningCount", 0),
            "status": item.get("status", ""),
            "trafficWeight": float(share if green else 100 - share),
            "targetGroup": {"name": resource_of(groups[0]).split("/")[1] if groups else ""},
            "taskSetLabel": "Green" if green else "Blue",
        }


def target_shape(record: Record, clock: Clock, account_id: str) -> DeploymentTargetTypeDef:
    """Describe the target of a deployment."""
    state, service = record.state, record.options.service
    path = f"service/{service.get('clusterName')}/{service.get('serviceName')}"
    return {
        "deploymentTargetType": "ECSTarget",
        "ecsTarget": {
            "deploymentId": record.id,
            "targetId": record.target_id,
            "targetArn": arn_of("ecs", path, region=record.region, account=account_id),
            "lastUpdatedAt": clock.stamp(state.updated_at),
            "lifecycleEvents": [_event(event, clock) for event in state.events],
            "status": _STATUS[state.status],
            "taskSetsInfo": [_current(record, item) for item in record.seen.values()],
        },
    }


def _current(record: Record, item: ECSTaskSetTypeDef) -> ECSTaskSetTypeDef:
    """Return a task set with the traffic that it has now."""
    share = record.state.production or 0
    green = item.get("identifer") == record.state.replacement
    shown = item.copy()
    shown["trafficWeight"] = float(share if green else 100 - share)
    return shown


def _event(event: LifecycleEvent, clock: Clock) -> LifecycleEventTypeDef:
    shown: LifecycleEventTypeDef = {"lifecycleEventName": event.name, "status": event.status}
    if event.started_at is not None:
        shown["startTime"] = clock.stamp(event.started_at)
    if event.ended_at is not None:
        shown["endTime"] = clock.stamp(event.ended_at)
    if event.reason:
        shown["diagnostics"] = {"errorCode": "UnknownError", "scriptName": "", "message": event.reason, "logTail": ""}
    return shown
