"""Deployments in the API's shape, and what a group's options mean to the engine."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pushproof.base.clock import Clock
from pushproof.engines.codedeploy import ROLLBACK_CAUSES, Plan, Routing

from .model import Options, Record

if TYPE_CHECKING:
    from types_boto3_codedeploy.type_defs import DeploymentInfoTypeDef, RevisionLocationTypeDef


def plan_of(options: Options, routing: Routing) -> Plan:
    """Return the engine's plan of a deployment. The hooks follow from its AppSpec file."""
    ready = options.blue_green.get("deploymentReadyOption", {})
    terminate = options.blue_green.get("terminateBlueInstancesOnDeploymentSuccess", {})
    alarms, rollback = options.alarms or {}, options.rollback or {}
    keeps = terminate.get("action") == "KEEP_ALIVE"
    causes = rollback.get("events", []) if rollback.get("enabled") else []
    return Plan(
        routing=routing,
        tests=bool(options.test),
        ready_minutes=ready.get("waitTimeInMinutes", 0) if ready.get("actionOnTimeout") == "STOP_DEPLOYMENT" else None,
        termination_minutes=None if keeps else terminate.get("terminationWaitTimeInMinutes", 0),
        rolls_back_on=frozenset(cause for cause in ROLLBACK_CAUSES if cause in causes),
        alarms=tuple(alarm.get("name", "") for alarm in alarms.get("alarms", [])) if alarms.get("enabled") else (),
        ignores_unread_alarms=bool(alarms.get("ignorePollAlarmFailure")),
    )


def revision_of(record: Record) -> RevisionLocationTypeDef:
    """Return an AppSpec file of what a deployment found, for a rollback of the first one of a group."""
    content = record.appspec.content() if record.appspec is not None else ""
    checksum = hashlib.sha256(content.encode()).hexdigest()
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": checksum}}


def deployment_shape(record: Record, clock: Clock) -> DeploymentInfoTypeDef:
    """Describe a deployment. https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html"""
    state, options = record.state, record.options
    active = state.status in ("InProgress", "Ready")
    shown: DeploymentInfoTypeDef = {
        "applicationName": record.application,
        "deploymentGroupName": record.group,
        "deploymentConfigName": options.config_name,
        "deploymentId": record.id,
        "revision": record.revision,
        "status": state.status,
        "createTime": clock.stamp(state.created_at),
        "deploymentOverview": {
            "Pending": int(state.status in ("Created", "Queued")),
            "InProgress": int(active),
            "Succeeded": int(state.status == "Succeeded"),
            "Failed": int(state.status in ("Failed", "Stopped")),
            "Skipped": 0,
            "Ready": int(state.status == "Ready"),
        },
        "creator": record.creator,
        "ignoreApplicationStopFailures": False,
        "updateOutdatedInstancesOnly": False,
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "instanceTerminationWaitTimeStarted": state.waits_for_termination,
        "blueGreenDeploymentConfiguration": options.blue_green,
        "loadBalancerInfo": options.balancer,
        "fileExistsBehavior": "DISALLOW",
        "deploymentStatusMessages": [],
        "computePlatform": "ECS",
    }
    if record.description:
        shown["description"] = record.description
    if record.previous is not None:
        shown["previousRevision"] = record.previous
    if options.rollback is not None:
        shown["autoRollbackConfiguration"] = options.rollback
    if record.override_alarms is not None:
        shown["overrideAlarmConfiguration"] = record.override_alarms
    if state.started_at is not None:
        shown["startTime"] = clock.stamp(state.started_at)
    if state.completed_at is not None:
        shown["completeTime"] = clock.stamp(state.completed_at)
    if state.problem is not None:
        # The engine's codes are CodeDeploy's.
        shown["errorInformation"] = {"code": state.problem.code, "message": state.problem.message}  # type: ignore[typeddict-item]
    if state.rolled_back_by:
        shown["rollbackInfo"] = {
            "rollbackDeploymentId": state.rolled_back_by,
            "rollbackMessage": record.rollback_message,
        }
    elif state.rolls_back:
        shown["rollbackInfo"] = {
            "rollbackTriggeringDeploymentId": state.rolls_back,
            "rollbackMessage": record.rollback_message,
        }
    return shown
