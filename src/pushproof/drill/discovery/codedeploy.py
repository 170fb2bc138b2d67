"""Discovery of deployments by CodeDeploy: the service of a deploy action, its deployment group, and what guards it.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECSbluegreen.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import Breaker, CodeDeployGroup, Guard

if TYPE_CHECKING:
    from types_boto3_codedeploy.client import CodeDeployClient
    from types_boto3_codedeploy.type_defs import DeploymentGroupInfoTypeDef, DeploymentInfoTypeDef

    from pushproof.drill.discovery.pipelines import Action
    from pushproof.drill.discovery.shapes import Clients, Pipeline

PROVIDER, CONTROLLER = "CodeDeployToECS", "CODE_DEPLOY"
#: AWS's word for how the traffic moves, and the drill's.
_STRATEGIES = {"AllAtOnce": "blue-green", "TimeBasedCanary": "canary", "TimeBasedLinear": "linear"}
_HOOKS = re.compile(r"^[\s\"']*Hooks[\"']?\s*:", re.MULTILINE)
#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html
_MOST_DESCRIBED = 25
#: Events before users meet the replacement.
_EARLY = re.compile(r"BeforeInstall|AfterInstall|AfterAllowTestTraffic|BeforeAllowTraffic")


def with_services(clients: Clients, pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose CodeDeployToECS actions name the cluster and the service, as ECS's own deploy action does.

    Raises BadInput for a deployment group that does not exist.
    """
    for stage in pipeline["stages"]:
        for action in stage["actions"]:
            if action["actionTypeId"]["provider"] != PROVIDER:
                continue
            configuration = action.get("configuration", {})
            info = _group(clients("codedeploy"), configuration, str(pipeline["name"]))
            services = info.get("ecsServices", [])
            if services:
                configuration["ClusterName"] = services[0].get("clusterName", "default")
                configuration["ServiceName"] = services[0].get("serviceName", "")
    return pipeline


def codedeploy_group(clients: Clients, deployment: Action) -> CodeDeployGroup:
    """Return the deployment group of a deploy action; an empty one where ECS deploys. Raises BadInput."""
    if deployment.provider != PROVIDER:
        return CodeDeployGroup()
    info = _group(clients("codedeploy"), deployment.configuration, deployment.pipeline)
    pairs = info.get("loadBalancerInfo", {}).get("targetGroupPairInfoList", [])
    names = [group.get("name", "") for pair in pairs for group in pair.get("targetGroups", [])]
    listeners = [arn for pair in pairs for arn in pair.get("prodTrafficRoute", {}).get("listenerArns", [])]
    if len(names) != 2 or not listeners:
        raise BadInput(
            f"deployment group {info.get('deploymentGroupName')} has {len(names)} target groups and {len(listeners)} production "
            "listeners; expected two and one (load_balancer_info of the aws_codedeploy_deployment_group)"
        )
    found = clients("elbv2").describe_target_groups(Names=names)["TargetGroups"]
    return CodeDeployGroup(
        application=info.get("applicationName", ""),
        name=info.get("deploymentGroupName", ""),
        listener=listeners[0],
        target_groups=tuple(group["TargetGroupArn"] for group in found),
        configuration=info.get("deploymentConfigName", ""),
    )


def guards(codedeploy: CodeDeployClient, group: CodeDeployGroup) -> tuple[Breaker, Guard]:
    """Return what rolls deployments of a group back, and how they move the traffic, as the group and its last revision show it."""
    info = codedeploy.get_deployment_group(applicationName=group.application, deploymentGroupName=group.name)[
        "deploymentGroupInfo"
    ]
    automatic, alarms = info.get("autoRollbackConfiguration", {}), info.get("alarmConfiguration", {})
    causes = automatic.get("events", []) if automatic.get("enabled") else []
    described = codedeploy.get_deployment_config(deploymentConfigName=group.configuration)["deploymentConfigInfo"]
    routing = described.get("trafficRoutingConfig", {})
    canary, linear = routing.get("timeBasedCanary", {}), routing.get("timeBasedLinear", {})
    steps = "all at once"
    if canary:
        steps = f"{canary.get('canaryPercentage')} % for {canary.get('canaryInterval')} minutes, then all"
    elif linear:
        steps = f"{linear.get('linearPercentage')} % more every {linear.get('linearInterval')} minutes"
    contents = [
        each.get("revision", {}).get("appSpecContent", {}).get("content", "")
        for each in deployments_of(codedeploy, group)
        if each.get("status") == "Succeeded"
    ]
    return (
        Breaker(
            enabled="DEPLOYMENT_FAILURE" in causes,
            rollback="DEPLOYMENT_FAILURE" in causes,
            alarms=bool(alarms.get("enabled")) and "DEPLOYMENT_STOP_ON_ALARM" in causes,
        ),
        Guard(
            strategy=_STRATEGIES.get(str(routing.get("type", "AllAtOnce")), "blue-green"),
            hooks=any(_HOOKS.search(text) and _EARLY.search(text) for text in contents),
            steps=steps,
        ),
    )


def deployments_of(codedeploy: CodeDeployClient, group: CodeDeployGroup) -> list[DeploymentInfoTypeDef]:
    """Return the newest deployments of a group, as many as one call describes."""
    listed = codedeploy.list_deployments(applicationName=group.application, deploymentGroupName=group.name)
    names = listed["deployments"][:_MOST_DESCRIBED]
    return codedeploy.batch_get_deployments(deploymentIds=names)["deploymentsInfo"] if names else []


def _group(codedeploy: CodeDeployClient, configuration: Mapping[str, str], pipeline: str) -> DeploymentGroupInfoTypeDef:
    application, name = configuration.get("ApplicationName", ""), configuration.get("DeploymentGroupName", "")
    try:
        return codedeploy.get_deployment_group(applicationName=application, deploymentGroupName=name)[
            "deploymentGroupInfo"
        ]
    except (
        codedeploy.exceptions.ApplicationDoesNotExistException,
        codedeploy.exceptions.DeploymentGroupDoesNotExistException,
    ):
        raise BadInput(
            f"pipeline {pipeline} deploys with deployment group {application}/{name}, which does not exist: correct "
            "ApplicationName and DeploymentGroupName of its deploy action"
        ) from None
