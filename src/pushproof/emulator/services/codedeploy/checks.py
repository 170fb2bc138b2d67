"""Refusals of deployment groups, as AWS words them where a user recorded its words.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-groups-create-ecs.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-ecs.html
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.codedeploy import ROLLBACK_CAUSES, Routing

from .model import Options

if TYPE_CHECKING:
    from types_boto3_codedeploy.type_defs import (
        AlarmConfigurationOutputTypeDef,
        AutoRollbackConfigurationOutputTypeDef,
        DeploymentStyleTypeDef,
    )

    from pushproof.emulator.kernel.shapes.codedeploy import CreateDeploymentGroupRequest, UpdateDeploymentGroupRequest
    from pushproof.emulator.kernel.site import Site

PRINCIPAL = "codedeploy.amazonaws.com"
DEFAULT_CONFIG = "CodeDeployDefault.ECSAllAtOnce"
_ECS = "For ECS deployment group,"
_MOST_ALARMS = 10
_MOST_MINUTES = 2880
_INSTANCES = (
    "ec2TagFilters",
    "ec2TagSet",
    "onPremisesInstanceTagFilters",
    "onPremisesTagSet",
    "autoScalingGroups",
    "ec2DeploymentOptions",
)


def check_unsupported(request: CreateDeploymentGroupRequest | UpdateDeploymentGroupRequest, *, created: bool) -> None:
    """Refuse what a group of the compute platform ECS cannot have, and what a new one lacks."""
    for member in _INSTANCES:
        if request.get(member):
            raise AwsError("InvalidInputException", f"{_ECS} {member} can not be specified")
    style: DeploymentStyleTypeDef | None = request.get("deploymentStyle")
    if created or style is not None:
        chosen = style or {}
        expected = ("BLUE_GREEN", "WITH_TRAFFIC_CONTROL")
        if (chosen.get("deploymentType"), chosen.get("deploymentOption")) != expected:
            raise AwsError(
                "InvalidDeploymentStyleException",
                "For ECS deployment, the deployment type must be BLUE_GREEN, and deployment option must be "
                "WITH_TRAFFIC_CONTROL.",
            )
    if not created:
        return
    if not request.get("ecsServices"):
        raise AwsError("InvalidECSServiceException", f"{_ECS} ecsServices must be specified")
    if not request.get("loadBalancerInfo"):
        raise AwsError("InvalidLoadBalancerInfoException", f"{_ECS} loadBalancerInfo must be specified")
    if not request.get("blueGreenDeploymentConfiguration"):
        raise AwsError(
            "InvalidBlueGreenDeploymentConfigurationException",
            f"{_ECS} blueGreenDeploymentConfiguration must be specified",
        )


def options_of(request: CreateDeploymentGroupRequest | UpdateDeploymentGroupRequest, before: Options | None) -> Options:
    """Return the options of a group after a request; what it leaves out stays."""
    services = request.get("ecsServices")
    if services is not None and len(services) != 1:
        raise AwsError("InvalidECSServiceException", f"{_ECS} exactly one ECS service must be specified")
    options = before or Options("", DEFAULT_CONFIG, {}, {}, {})
    sent = copy.deepcopy(request)
    if sent.get("serviceRoleArn"):
        options = replace(options, role_arn=sent.get("serviceRoleArn", ""))
    if sent.get("deploymentConfigName"):
        options = replace(options, config_name=sent.get("deploymentConfigName", ""))
    if services:
        options = replace(options, service={"clusterName": "default", **services[0]})
    if sent.get("loadBalancerInfo"):
        options = replace(options, balancer=sent.get("loadBalancerInfo", {}))
    if sent.get("blueGreenDeploymentConfiguration"):
        options = replace(options, blue_green=sent.get("blueGreenDeploymentConfiguration", {}))
    if "alarmConfiguration" in sent:
        options = replace(options, alarms=sent["alarmConfiguration"])
    if "autoRollbackConfiguration" in sent:
        options = replace(options, rollback=sent["autoRollbackConfiguration"])
    if "triggerConfigurations" in sent:
        options = replace(options, triggers=tuple(sent["triggerConfigurations"]))
    if sent.get("outdatedInstancesStrategy"):
        options = replace(options, outdated=sent.get("outdatedInstancesStrategy", "UPDATE"))
    return replace(options, termination_hook=bool(sent.get("terminationHookEnabled", options.termination_hook)))


def check_options(options: Options, routing: Routing) -> None:
    """Refuse options that contradict each other or the documented limits."""
    _check_balancer(options, routing)
    _check_blue_green(options)
    check_alarms(options.alarms)
    check_rollback(options.rollback)
    names = [trigger.get("triggerName") for trigger in options.triggers]
    if len(names) > 10:
        raise AwsError("TriggerTargetsLimitExceededException", "The maximum allowed number of triggers was exceeded.")
    if len(set(names)) != len(names) or not all(
        trigger.get("triggerName") and trigger.get("triggerTargetArn") and trigger.get("triggerEvents")
        for trigger in options.triggers
    ):
        raise AwsError("InvalidTriggerConfigException", "The trigger was specified in an invalid format.")


def _check_balancer(options: Options, routing: Routing) -> None:
    balancer = options.balancer
    if balancer.get("elbInfoList"):
        raise AwsError("InvalidLoadBalancerInfoException", f"{_ECS} loadBalancerInfo must not contain elbInfo list")
    if balancer.get("targetGroupInfoList"):
        raise AwsError(
            "InvalidLoadBalancerInfoException", f"{_ECS} loadBalancerInfo must not contain targetGroupInfo list"
        )
    pairs = balancer.get("targetGroupPairInfoList") or []
    if len(pairs) != 1:
        raise AwsError(
            "InvalidTargetGroupPairException", f"{_ECS} loadBalancerInfo must contain exactly one target group pair"
        )
    if len(set(options.groups)) != 2 or not all(options.groups):
        raise AwsError(
            "InvalidTargetGroupPairException", "A target group pair must name exactly two different target groups."
        )
    pair = pairs[0]
    for name, route in (
        ("prodTrafficRoute", pair.get("prodTrafficRoute")),
        ("testTrafficRoute", pair.get("testTrafficRoute")),
    ):
        listeners = (route or {}).get("listenerArns") or []
        if len(listeners) > 1 or (name == "prodTrafficRoute" and not listeners):
            raise AwsError("InvalidTargetGroupPairException", f"The {name} must name exactly one listener.")
    if options.production == options.test:
        raise AwsError(
            "InvalidTargetGroupPairException",
            "The listeners of prodTrafficRoute and testTrafficRoute must be different.",
        )
    if ":listener/net/" in options.production and routing.type != "AllAtOnce":
        raise AwsError(
            "InvalidTrafficRoutingConfigurationException",
            "Only ALB supports gradual traffic routing, use AllAtOnce Traffic routing instead when you create/update "
            "Deployment group.",
        )


def _check_blue_green(options: Options) -> None:
    terminate = options.blue_green.get("terminateBlueInstancesOnDeploymentSuccess", {})
    ready = options.blue_green.get("deploymentReadyOption", {})
    for name, minutes in (
        ("terminationWaitTimeInMinutes", terminate.get("terminationWaitTimeInMinutes", 0)),
        ("waitTimeInMinutes", ready.get("waitTimeInMinutes", 0)),
    ):
        if not 0 <= minutes <= _MOST_MINUTES:
            raise AwsError(
                "InvalidBlueGreenDeploymentConfigurationException", f"{name} must be between 0 and {_MOST_MINUTES}."
            )
    if ready.get("actionOnTimeout") == "CONTINUE_DEPLOYMENT" and ready.get("waitTimeInMinutes"):
        raise AwsError(
            "InvalidBlueGreenDeploymentConfigurationException",
            "waitTimeInMinutes applies only to the STOP_DEPLOYMENT option for actionOnTimeout.",
        )
    if options.blue_green.get("greenFleetProvisioningOption"):
        raise AwsError(
            "InvalidBlueGreenDeploymentConfigurationException",
            f"{_ECS} greenFleetProvisioningOption can not be specified",
        )


def check_alarms(configuration: AlarmConfigurationOutputTypeDef | None) -> None:
    """Refuse a list of alarms that no deployment could watch."""
    alarms = (configuration or {}).get("alarms") or []
    names = [alarm.get("name") or "" for alarm in alarms]
    if len(names) > _MOST_ALARMS:
        raise AwsError(
            "AlarmsLimitExceededException", "The maximum number of alarms for a deployment group (10) was exceeded."
        )
    if not all(0 < len(name) <= 255 for name in names) or len(set(names)) != len(names):
        raise AwsError("InvalidAlarmConfigException", "The format of the alarm configuration is invalid.")
    if (configuration or {}).get("enabled") and not names:
        raise AwsError(
            "InvalidAlarmConfigException", "The alarm configuration is enabled, but the alarm list is empty."
        )


def check_rollback(configuration: AutoRollbackConfigurationOutputTypeDef | None) -> None:
    """Refuse automatic rollback without a cause."""
    events = (configuration or {}).get("events") or []
    wrong = [event for event in events if event not in ROLLBACK_CAUSES]
    if wrong or ((configuration or {}).get("enabled") and not events):
        raise AwsError(
            "InvalidAutoRollbackConfigException",
            "The automatic rollback configuration was specified in an invalid format. Automatic rollback is enabled, but an "
            "invalid triggering event type or no event types were listed.",
        )


def check_service(site: Site, region: str, options: Options) -> None:
    """Look at the ECS service with the group's role, as CodeDeploy does when a group is made."""
    cluster, name = options.service.get("clusterName", "default"), options.service.get("serviceName", "")
    try:
        credentials = site.assume(options.role_arn, PRINCIPAL, "codedeploy")
    except AwsError as error:
        raise AwsError("InvalidRoleException", "Cannot assume role provided.") from error
    try:
        answer = site.client("ecs", region=region, credentials=credentials).describe_services(
            cluster=cluster, services=[name]
        )
    except ClientError as error:
        cause = error.response["Error"]["Message"]
        raise AwsError(
            "InvalidECSServiceException",
            f"Could not load ECS service information for cluster: {cluster}, service: {name}. Cause: {cause}",
        ) from error
    services = [service for service in answer["services"] if service["status"] == "ACTIVE"]
    if not services:
        raise AwsError(
            "InvalidECSServiceException",
            f"Could not load ECS service information for cluster: {cluster}, service: {name}. Cause: Service not found.",
        )
    if services[0].get("deploymentController", {}).get("type") != "CODE_DEPLOY":
        raise AwsError(
            "InvalidECSServiceException",
            "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.",
        )
