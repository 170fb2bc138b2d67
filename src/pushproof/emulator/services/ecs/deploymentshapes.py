"""Service deployments and revisions in the API's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.base.clock import Clock
from pushproof.engines.deployment import ALL, HookRun, Revision, Rollout, ServiceDeployment, percent

from .configurations import shown_configuration
from .model import EcsService

if TYPE_CHECKING:
    from types_boto3_ecs.literals import ServiceDeploymentLifecycleStageType
    from types_boto3_ecs.type_defs import (
        DeploymentLifecycleHookDetailTypeDef,
        ResolvedConfigurationTypeDef,
        ServiceDeploymentBriefTypeDef,
        ServiceDeploymentTypeDef,
        ServiceRevisionSummaryTypeDef,
    )


def service_deployment_shape(service: EcsService, record: ServiceDeployment, clock: Clock) -> ServiceDeploymentTypeDef:
    """Describe a deployment. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html"""
    state = service.state
    counts = {deployment.revision.arn: deployment for deployment in state.deployments}

    def revision(arn: str, requested: int) -> ServiceRevisionSummaryTypeDef:
        deployment = counts.get(arn)
        return {
            "arn": arn,
            "requestedTaskCount": requested,
            "runningTaskCount": deployment.running_count if deployment else 0,
            "pendingTaskCount": deployment.pending_count if deployment else 0,
        }

    shown: ServiceDeploymentTypeDef = {
        "serviceDeploymentArn": record.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "sourceServiceRevisions": [revision(arn, 0) for arn in record.source_revision_arns],
        "targetServiceRevision": revision(record.target_revision_arn, state.desired_count),
        "status": record.status,
        "deploymentConfiguration": shown_configuration(
            service.revisions[record.target_revision_arn].deployment_configuration
        ),
        "deploymentCircuitBreaker": {
            "status": record.breaker_status,
            "failureCount": record.failure_count,
            "threshold": record.threshold,
        },
        "alarms": {
            "status": record.alarm_status,
            "alarmNames": list(record.alarm_names),
            "triggeredAlarmNames": list(record.triggered_alarms),
        },
    }
    if record.status_reason:
        shown["statusReason"] = record.status_reason
    shown["createdAt"] = clock.stamp(record.created_at)
    shown["updatedAt"] = clock.stamp(record.updated_at)
    if record.started_at is not None:
        shown["startedAt"] = clock.stamp(record.started_at)
    if record.finished_at is not None:
        shown["finishedAt"] = clock.stamp(record.finished_at)
    if record.stopped_at is not None:
        shown["stoppedAt"] = clock.stamp(record.stopped_at)
    if record.rollout is not None:
        _add_rollout(shown, record.rollout, clock)
    if record.rollback is not None:
        shown["rollback"] = {
            "reason": record.rollback.reason,
            "startedAt": clock.stamp(record.rollback.started_at),
            "serviceRevisionArn": record.rollback.revision_arn,
        }
    return shown


def brief_shape(shown: ServiceDeploymentTypeDef) -> ServiceDeploymentBriefTypeDef:
    """Describe a deployment in short, as lists do."""
    brief: ServiceDeploymentBriefTypeDef = {
        "serviceDeploymentArn": shown["serviceDeploymentArn"],
        "serviceArn": shown["serviceArn"],
        "clusterArn": shown["clusterArn"],
        "status": shown["status"],
        "createdAt": shown["createdAt"],
        "targetServiceRevisionArn": shown["targetServiceRevision"]["arn"],
    }
    if "statusReason" in shown:
        brief["statusReason"] = shown["statusReason"]
    if "startedAt" in shown:
        brief["startedAt"] = shown["startedAt"]
    if "finishedAt" in shown:
        brief["finishedAt"] = shown["finishedAt"]
    return brief


def resolved_configuration(revision: Revision) -> ResolvedConfigurationTypeDef | None:
    """Return the target groups that a revision really uses; None if it has no choice."""
    pairs = [balancer for balancer in revision.load_balancers if balancer.alternate_target_group_arn]
    if not pairs:
        return None
    return {
        "loadBalancers": [
            {"targetGroupArn": balancer.group, "productionListenerRule": balancer.production_rule} for balancer in pairs
        ]
    }


def _add_rollout(shown: ServiceDeploymentTypeDef, rollout: Rollout, clock: Clock) -> None:
    """Add stage, hooks and weights of a deployment that shifts traffic."""
    shown["lifecycleStage"] = _stage(rollout)
    if rollout.hooks:
        shown["lifecycleHookDetails"] = [_hook(run, clock) for run in rollout.hooks]
    for summary in (shown["targetServiceRevision"], *shown["sourceServiceRevisions"]):
        new, served = summary["arn"] == rollout.target_arn, summary["arn"] == rollout.source_arn
        if new or served:
            summary["requestedProductionTrafficWeight"] = percent(
                rollout.production if new else ALL - rollout.production
            )
            summary["requestedTestTrafficWeight"] = percent(rollout.test if new else ALL - rollout.test)


def _stage(rollout: Rollout) -> ServiceDeploymentLifecycleStageType:
    """Return the stage that a deployment is in, or was in last.

    The model has no PRE_PRODUCTION_TRAFFIC_SHIFT among the stages, although hooks have it: it is shown as the shift that follows.
    """
    stage = rollout.stage or rollout.moments[-1].stage
    return "PRODUCTION_TRAFFIC_SHIFT" if stage == "PRE_PRODUCTION_TRAFFIC_SHIFT" else stage


def _hook(run: HookRun, clock: Clock) -> DeploymentLifecycleHookDetailTypeDef:
    shown: DeploymentLifecycleHookDetailTypeDef = {
        "hookId": run.id,
        "targetType": run.target_type,
        "status": run.status,
        "expiresAt": clock.stamp(run.expires_at),
        "timeoutAction": run.timeout_action,
    }
    if run.target_arn:
        shown["targetArn"] = run.target_arn
    return shown
