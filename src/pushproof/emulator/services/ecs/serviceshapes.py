"""Services and their deployments in the API's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.base.clock import Clock
from pushproof.engines.deployment import Deployment, listed

from .configurations import shown_configuration
from .connecting import MEMBER, connect_resources
from .model import EcsService, tag_list
from .shapes import add_compute
from .tasksetshapes import task_set_shape

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef


def service_shape(service: EcsService, clock: Clock, *, tags: bool = False) -> ServiceTypeDef:
    """Describe a service. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html"""
    state, parameters = service.state, {**service.parameters, **service.revision.parameters}
    inactive = service.status == "INACTIVE"
    shown: ServiceTypeDef = {
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster.arn,
        "loadBalancers": parameters.get("loadBalancers") or [],
        "serviceRegistries": parameters.get("serviceRegistries") or [],
        "status": service.status,
        "desiredCount": state.desired_count,
        "runningCount": service.running_count,
        "pendingCount": service.pending_count,
        "taskDefinition": service.definition.arn,
        "deploymentConfiguration": shown_configuration(parameters.get("deploymentConfiguration")),
        "deployments": []
        if inactive or service.controller != "ECS"
        else [deployment_shape(service, deployment, clock) for deployment in listed(state)],
        "events": [
            {"id": identifier, "createdAt": clock.stamp(event.at), "message": event.message}
            for identifier, event in service.events
        ],
        "createdAt": clock.stamp(service.created_at),
        "createdBy": service.created_by,
        "placementConstraints": parameters.get("placementConstraints") or [],
        "placementStrategy": parameters.get("placementStrategy") or [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": service.controller},
        "enableECSManagedTags": bool(parameters.get("enableECSManagedTags", False)),
        "propagateTags": parameters.get("propagateTags") or "NONE",
        "enableExecuteCommand": bool(parameters.get("enableExecuteCommand", False)),
        "availabilityZoneRebalancing": parameters.get("availabilityZoneRebalancing") or "ENABLED",
        "roleArn": parameters["roleArn"],
        "healthCheckGracePeriodSeconds": int(state.grace_seconds),
    }
    add_compute(shown, parameters)
    if service.task_sets and not inactive:
        shown["taskSets"] = [task_set_shape(service, item, clock) for item in service.task_sets]
    if not parameters.get("loadBalancers") and "healthCheckGracePeriodSeconds" not in parameters:
        del shown["healthCheckGracePeriodSeconds"]
    if state.records and not inactive:
        current = state.record
        if not current.ended:
            shown["currentServiceDeployment"] = current.arn
        shown["currentServiceRevisions"] = [
            {
                "arn": deployment.revision.arn,
                "requestedTaskCount": state.desired_count if deployment is state.primary else 0,
                "runningTaskCount": deployment.running_count,
                "pendingTaskCount": deployment.pending_count,
            }
            for deployment in listed(state)
        ]
    if tags:
        shown["tags"] = tag_list(service.tags)
    return shown


def deployment_shape(service: EcsService, deployment: Deployment, clock: Clock) -> DeploymentTypeDef:
    state = service.state
    primary = deployment is state.primary
    snapshot = service.revisions[deployment.revision.arn]
    shown: DeploymentTypeDef = {
        "id": deployment.id,
        "status": deployment.status,
        "taskDefinition": deployment.revision.task_definition,
        "desiredCount": state.desired_count if primary else min(deployment.active, state.source_cap),
        "pendingCount": deployment.pending_count,
        "runningCount": deployment.running_count,
        "failedTasks": deployment.failed_tasks,
        "createdAt": clock.stamp(deployment.created_at),
        "updatedAt": clock.stamp(deployment.updated_at),
        "rolloutState": deployment.rollout_state,
        "rolloutStateReason": deployment.rollout_state_reason,
    }
    if snapshot.parameters.get(MEMBER):
        shown["serviceConnectConfiguration"] = snapshot.parameters[MEMBER]
        shown["serviceConnectResources"] = connect_resources(service, snapshot.parameters)
    add_compute(shown, snapshot.parameters)
    return shown
