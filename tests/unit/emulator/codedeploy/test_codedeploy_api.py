"""Applications, deployment groups, configurations and tags, with AWS's refusals.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.emulator.codedeploy.bluegreen import BlueGreen

Refused = Callable[[Callable[[], Any]], tuple[str, str]]


def test_a_group_is_read_as_it_was_made(blue_green: BlueGreen) -> None:
    """GetDeploymentGroup shows every member of the request, and AWS's defaults."""
    blue_green.group(test=True, tags=[{"Key": "team", "Value": "web"}])
    shown = blue_green.codedeploy.get_deployment_group(applicationName="app", deploymentGroupName="main")
    info = shown["deploymentGroupInfo"]
    sent = blue_green.members(test=True)
    assert {name: info[name] for name in sent} == sent
    assert (info["deploymentConfigName"], info["computePlatform"], info["outdatedInstancesStrategy"]) == (
        "CodeDeployDefault.ECSAllAtOnce",
        "ECS",
        "UPDATE",
    )
    arn = "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:app/main"
    assert blue_green.codedeploy.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "web"}]
    blue_green.codedeploy.tag_resource(ResourceArn=arn, Tags=[{"Key": "more", "Value": "x"}])
    blue_green.codedeploy.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert blue_green.codedeploy.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "more", "Value": "x"}]


_STYLE = (
    "For ECS deployment, the deployment type must be BLUE_GREEN, and deployment option must be WITH_TRAFFIC_CONTROL."
)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"deploymentStyle": None}, "InvalidDeploymentStyleException", _STYLE),
        ({"deploymentStyle": {"deploymentType": "IN_PLACE"}}, "InvalidDeploymentStyleException", _STYLE),
        (
            {"loadBalancerInfo": None},
            "InvalidLoadBalancerInfoException",
            "For ECS deployment group, loadBalancerInfo must be specified",
        ),
        (
            {"loadBalancerInfo": {"elbInfoList": [{"name": "x"}]}},
            "InvalidLoadBalancerInfoException",
            "For ECS deployment group, loadBalancerInfo must not contain elbInfo list",
        ),
        (
            {"blueGreenDeploymentConfiguration": None},
            "InvalidBlueGreenDeploymentConfigurationException",
            "For ECS deployment group, blueGreenDeploymentConfiguration must be specified",
        ),
        (
            {"ecsServices": None},
            "InvalidECSServiceException",
            "For ECS deployment group, ecsServices must be specified",
        ),
        (
            {"autoScalingGroups": ["x"]},
            "InvalidInputException",
            "For ECS deployment group, autoScalingGroups can not be specified",
        ),
        ({"ecsServices": [{"clusterName": "main", "serviceName": "none"}]}, "InvalidECSServiceException", None),
        ({"deploymentConfigName": "none"}, "DeploymentConfigDoesNotExistException", None),
        ({"deploymentConfigName": "CodeDeployDefault.OneAtATime"}, "InvalidDeploymentConfigNameException", None),
        ({"autoRollbackConfiguration": {"enabled": True, "events": []}}, "InvalidAutoRollbackConfigException", None),
        ({"alarmConfiguration": {"enabled": True, "alarms": []}}, "InvalidAlarmConfigException", None),
        (
            {"alarmConfiguration": {"alarms": [{"name": f"a{number}"} for number in range(11)]}},
            "AlarmsLimitExceededException",
            None,
        ),
        (
            {
                "blueGreenDeploymentConfiguration": {
                    "terminateBlueInstancesOnDeploymentSuccess": {"terminationWaitTimeInMinutes": 2881}
                }
            },
            "InvalidBlueGreenDeploymentConfigurationException",
            None,
        ),
    ],
)
def test_a_group_that_no_deployment_could_go_by_is_refused(
    blue_green: BlueGreen, code: Refused, changes: dict[str, Any], error: str, words: str | None
) -> None:
    """Refusals have AWS's codes, and its recorded words; nothing is stored."""
    refusal = code(lambda: blue_green.group(**changes))
    assert refusal[0] == error
    assert words is None or refusal[1] == words
    assert blue_green.codedeploy.list_deployment_groups(applicationName="app")["deploymentGroups"] == []


def test_the_service_has_to_be_one_of_codedeploy(blue_green: BlueGreen, code: Refused) -> None:
    """A service whose deployments ECS makes is refused in AWS's words."""
    blue_green.ecs.create_service(
        cluster="main",
        serviceName="plain",
        taskDefinition="app",
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=blue_green.stack.network,
    )
    service = [{"clusterName": "main", "serviceName": "plain"}]
    assert code(lambda: blue_green.group(ecsServices=service)) == (
        "InvalidECSServiceException",
        "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.",
    )


def test_a_service_belongs_to_one_group(blue_green: BlueGreen, code: Refused) -> None:
    """A second group for the same service is refused."""
    blue_green.group()
    refusal = code(lambda: blue_green.group(deploymentGroupName="other"))
    assert refusal[0] == "ECSServiceMappingLimitExceededException"


def test_a_group_is_updated_and_renamed(blue_green: BlueGreen) -> None:
    """A member that a request leaves out stays; its deployments go with the new name."""
    blue_green.group()
    identifier = blue_green.deploy()
    blue_green.codedeploy.update_deployment_group(
        applicationName="app",
        currentDeploymentGroupName="main",
        newDeploymentGroupName="blue-green",
        deploymentConfigName="CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
    )
    info = blue_green.codedeploy.get_deployment_group(applicationName="app", deploymentGroupName="blue-green")
    shown = info["deploymentGroupInfo"]
    assert shown["deploymentConfigName"] == "CodeDeployDefault.ECSLinear10PercentEvery1Minutes"
    assert shown["serviceRoleArn"] == blue_green.role
    assert blue_green.end(identifier)["deploymentGroupName"] == "blue-green"


def test_other_platforms_are_refused_by_name(blue_green: BlueGreen, code: Refused) -> None:
    """EC2 and Lambda are not emulated, and the refusal says so; CodeDeploy's default is Server."""
    for platform in ({}, {"computePlatform": "Server"}, {"computePlatform": "Lambda"}):
        name = platform.get("computePlatform", "Server")
        refusal = code(lambda p=platform: blue_green.codedeploy.create_application(applicationName="other", **p))
        assert refusal[0] == "InvalidComputePlatformException"
        assert f"the compute platform {name} is not emulated" in refusal[1]


def test_own_configurations(blue_green: BlueGreen, code: Refused) -> None:
    """A configuration is kept, shown, used and deleted, as long as no group uses it."""
    api = blue_green.codedeploy
    routing = {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 25, "linearInterval": 2}}
    api.create_deployment_config(deploymentConfigName="quarters", computePlatform="ECS", trafficRoutingConfig=routing)
    shown = api.get_deployment_config(deploymentConfigName="quarters")["deploymentConfigInfo"]
    assert (shown["trafficRoutingConfig"], shown["computePlatform"]) == (routing, "ECS")
    assert "quarters" in api.list_deployment_configs()["deploymentConfigsList"]
    blue_green.group(deploymentConfigName="quarters")
    in_use = code(lambda: api.delete_deployment_config(deploymentConfigName="quarters"))
    assert in_use[0] == "DeploymentConfigInUseException"
    api.delete_deployment_group(applicationName="app", deploymentGroupName="main")
    api.delete_deployment_config(deploymentConfigName="quarters")
    gone = code(lambda: api.get_deployment_config(deploymentConfigName="quarters"))
    assert gone[0] == "DeploymentConfigDoesNotExistException"
    wrong = {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 100, "canaryInterval": 1}}
    refusal = code(
        lambda: api.create_deployment_config(
            deploymentConfigName="wrong", computePlatform="ECS", trafficRoutingConfig=wrong
        )
    )
    assert refusal[0] == "InvalidTrafficRoutingConfigurationException"


def test_what_does_not_exist_is_refused(blue_green: BlueGreen, code: Refused) -> None:
    """Look-ups have CodeDeploy's codes; deleting what is gone is no error."""
    api = blue_green.codedeploy
    assert code(lambda: api.get_application(applicationName="none")) == (
        "ApplicationDoesNotExistException",
        "No application found for name: none",
    )
    missing = code(lambda: api.get_deployment_group(applicationName="app", deploymentGroupName="none"))
    assert missing == ("DeploymentGroupDoesNotExistException", "No Deployment Group found for name: none")
    assert code(lambda: api.get_deployment(deploymentId="d-AAAAAAAAA"))[0] == "DeploymentDoesNotExistException"
    assert code(lambda: api.get_deployment(deploymentId="x"))[0] == "InvalidDeploymentIdException"
    api.delete_deployment_group(applicationName="app", deploymentGroupName="none")
    api.delete_application(applicationName="none")
    api.delete_application(applicationName="app")
    assert api.list_applications()["applications"] == []
