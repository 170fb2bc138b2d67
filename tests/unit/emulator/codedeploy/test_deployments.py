"""Blue/green deployments through the API: real task sets, real weights, real requests, roles, hooks, alarms, events.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.emulator.codedeploy.bluegreen import POLICY, BlueGreen

from pushproof.emulator.kernel.context import Credentials

Refused = Callable[[Callable[[], Any]], tuple[str, str]]


def test_a_deployment_replaces_the_task_set(blue_green: BlueGreen) -> None:
    """Production stays on blue until green is steady, then moves at once; blue goes after the wait."""
    blue_green.group()
    identifier = blue_green.deploy()
    assert blue_green.shown(identifier)["status"] == "Created"
    blue_green.at(identifier, "Install")
    assert blue_green.requests() == {("app:1", 200): 100}
    blue_green.at(identifier, "AfterAllowTraffic", "Succeeded")
    assert blue_green.requests() == {("app:2", 200): 100}
    assert blue_green.sets() == ["PRIMARY app:2", "ACTIVE app:1"]
    shown = blue_green.shown(identifier)
    assert (shown["status"], shown["instanceTerminationWaitTimeStarted"]) == ("InProgress", True)
    shown = blue_green.end(identifier)
    assert (shown["status"], shown["creator"], shown["deploymentConfigName"]) == (
        "Succeeded",
        "user",
        "CodeDeployDefault.ECSAllAtOnce",
    )
    blue_green.stack.until(lambda: blue_green.sets() == ["PRIMARY app:2"])
    assert blue_green.forward() == {blue_green.green: 1}
    target = blue_green.target(identifier)
    assert [event["lifecycleEventName"] for event in target["lifecycleEvents"]] == [
        "BeforeInstall",
        "Install",
        "AfterInstall",
        "BeforeAllowTraffic",
        "AllowTraffic",
        "AfterAllowTraffic",
    ]
    assert {event["status"] for event in target["lifecycleEvents"]} == {"Succeeded"}
    assert [
        (item["taskSetLabel"], item["trafficWeight"], item["targetGroup"]["name"]) for item in target["taskSetsInfo"]
    ] == [
        ("Blue", 0.0, "blue"),
        ("Green", 100.0, "green"),
    ]
    # The groups take turns.
    again = blue_green.deploy("app:v1")
    assert blue_green.end(again)["status"] == "Succeeded"
    assert blue_green.forward() == {blue_green.blue: 1}
    assert blue_green.requests() == {("app:3", 200): 100}
    group = blue_green.codedeploy.get_deployment_group(applicationName="app", deploymentGroupName="main")
    assert group["deploymentGroupInfo"]["lastSuccessfulDeployment"]["deploymentId"] == again
    assert blue_green.codedeploy.list_deployments()["deployments"] == [again, identifier]


def test_the_bus_carries_what_becomes_of_a_deployment(blue_green: BlueGreen) -> None:
    """State changes have AWS's detail type, resources and states."""
    blue_green.group()
    identifier = blue_green.deploy()
    blue_green.end(identifier)
    announced = blue_green.stack.announced("CodeDeploy Deployment State-change Notification")
    assert [detail["state"] for detail in announced] == ["START", "SUCCESS"]
    assert announced[0] == {
        "instanceGroupId": announced[0]["instanceGroupId"],
        "region": "eu-west-1",
        "application": "app",
        "deploymentId": identifier,
        "state": "START",
        "deploymentGroup": "main",
    }
    envelopes = [
        event.envelope for event in blue_green.world.bus.history if event.envelope["source"] == "aws.codedeploy"
    ]
    assert envelopes[0]["resources"] == [
        "arn:aws:codedeploy:eu-west-1:123456789012:application:app",
        "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:app/main",
    ]


def test_a_canary_gets_its_share_of_requests(blue_green: BlueGreen) -> None:
    """Ten requests of a hundred go to green for five minutes."""
    blue_green.group(deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes")
    identifier = blue_green.deploy()
    blue_green.stack.until(lambda: blue_green.forward().get(blue_green.green) == 10)
    assert blue_green.requests() == {("app:1", 200): 90, ("app:2", 200): 10}
    assert [item["trafficWeight"] for item in blue_green.target(identifier)["taskSetsInfo"]] == [90.0, 10.0]
    blue_green.stack.advance(290)
    assert blue_green.forward() == {blue_green.blue: 90, blue_green.green: 10}
    blue_green.stack.advance(15)
    assert blue_green.forward() == {blue_green.blue: 0, blue_green.green: 100}
    assert blue_green.end(identifier)["status"] == "Succeeded"


def test_test_traffic_moves_before_production(blue_green: BlueGreen) -> None:
    """Between both, a hook sees green on the test listener alone."""
    blue_green.group(test=True)
    seen: list[Any] = []

    def function(event: Any) -> None:
        seen.append((blue_green.requests(10), blue_green.requests(10, port=8080)))
        blue_green.world.client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status="Succeeded",
        )

    blue_green.world.functions.register("check", function)
    identifier = blue_green.deploy(hooks={"AfterAllowTestTraffic": "check"})
    assert blue_green.end(identifier)["status"] == "Succeeded"
    assert seen == [({("app:1", 200): 10}, {("app:2", 200): 10})]


@pytest.mark.parametrize(
    "event", ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"]
)
def test_a_failing_hook_rolls_back(blue_green: BlueGreen, event: str) -> None:
    """The deployment fails with AWS's text, a deployment of codeDeployRollback follows, and the old revision serves alone."""
    blue_green.group(test=True)
    ran = blue_green.report("Failed")
    identifier = blue_green.deploy(hooks={event: "check"})
    shown = blue_green.end(identifier)
    assert ran == [event]
    assert (shown["status"], shown["errorInformation"]) == (
        "Failed",
        {
            "code": "HOOK_EXECUTION_FAILURE",
            "message": "The deployment failed because one or more of the lifecycle event validation functions failed.",
        },
    )
    back = blue_green.shown(shown["rollbackInfo"]["rollbackDeploymentId"])
    assert (back["status"], back["creator"]) == ("Succeeded", "codeDeployRollback")
    assert back["rollbackInfo"]["rollbackTriggeringDeploymentId"] == identifier
    blue_green.stack.until(lambda: blue_green.sets() == ["PRIMARY app:1"])
    for port in (80, 8080):
        assert blue_green.requests(port=port) == {("app:1", 200): 100}


def test_a_bad_image_rolls_back_after_an_hour(blue_green: BlueGreen) -> None:
    """Tasks that stop never become steady: Install times out, and not one request has met the new revision."""
    blue_green.stack.runtime.add_image("app:bad", {"exit-after": 1})
    blue_green.group()
    identifier = blue_green.deploy("app:bad")
    shown = blue_green.end(identifier)
    assert shown["errorInformation"] == {
        "code": "TIMEOUT",
        "message": "The deployment timed out while waiting for the replacement task set to become healthy. This time out period "
        "is 60 minutes.",
    }
    assert blue_green.requests() == {("app:1", 200): 100}
    blue_green.stack.until(lambda: blue_green.sets() == ["PRIMARY app:1"])


def test_an_alarm_takes_a_canary_back(blue_green: BlueGreen) -> None:
    """Errors of the canary's share raise the alarm, the deployment stops, and production is blue again."""
    blue_green.stack.runtime.add_image("app:bad", {"healthy-after": 5, "broken-path": "/orders"})
    blue_green.world.administrator("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_Target_5XX_Count",
        Dimensions=[
            {"Name": "LoadBalancer", "Value": blue_green.shifts.balancer.partition("loadbalancer/")[2]},
            {"Name": "TargetGroup", "Value": blue_green.green.rsplit(":", 1)[-1]},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    blue_green.group(
        deploymentConfigName="CodeDeployDefault.ECSCanary10Percent15Minutes",
        alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]},
    )
    identifier = blue_green.deploy("app:bad")
    blue_green.stack.until(lambda: blue_green.forward().get(blue_green.green) == 10)
    assert blue_green.requests(path="/orders") == {("app:1", 200): 90, ("app:2", 500): 10}
    shown = blue_green.end(identifier)
    assert (shown["status"], shown["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert shown["errorInformation"]["message"].endswith("Activated alarms: <errors>")
    assert blue_green.forward() == {blue_green.blue: 1}
    assert blue_green.requests(path="/orders") == {("app:1", 200): 100}


def test_a_group_waits_until_somebody_continues(blue_green: BlueGreen, code: Refused) -> None:
    """A deployment with STOP_DEPLOYMENT is Ready until ContinueDeployment, or Stopped after its wait."""
    blue_green.group(
        blueGreenDeploymentConfiguration={
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 60},
            "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 30},
        }
    )
    identifier = blue_green.deploy()
    early = code(lambda: blue_green.codedeploy.continue_deployment(deploymentId=identifier))
    assert early[0] == "DeploymentIsNotInReadyStateException"
    blue_green.stack.until(lambda: blue_green.shown(identifier)["status"] == "Ready")
    assert blue_green.requests() == {("app:1", 200): 100}
    blue_green.codedeploy.continue_deployment(deploymentId=identifier, deploymentWaitType="READY_WAIT")
    blue_green.at(identifier, "AfterAllowTraffic", "Succeeded")
    blue_green.codedeploy.continue_deployment(deploymentId=identifier, deploymentWaitType="TERMINATION_WAIT")
    before = blue_green.world.clock.now()
    assert blue_green.end(identifier)["status"] == "Succeeded"
    assert blue_green.world.clock.now() - before < 60
    late = blue_green.deploy("app:v1")
    shown = blue_green.end(late)
    assert (shown["status"], shown["errorInformation"]["message"]) == (
        "Stopped",
        "The deployment timed out while waiting for a notification to continue. This time out period is 30 minutes.",
    )


def test_a_stop_takes_the_canary_back(blue_green: BlueGreen, code: Refused) -> None:
    """StopDeployment with autoRollbackEnabled returns production to blue; a second one is refused."""
    blue_green.group(
        deploymentConfigName="CodeDeployDefault.ECSLinear10PercentEvery3Minutes", autoRollbackConfiguration=None
    )
    identifier = blue_green.deploy()
    blue_green.stack.until(lambda: blue_green.forward().get(blue_green.green) == 30)
    answer = blue_green.codedeploy.stop_deployment(deploymentId=identifier, autoRollbackEnabled=True)
    assert answer["status"] == "Succeeded"
    assert blue_green.end(identifier)["status"] == "Stopped"
    assert blue_green.forward() == {blue_green.blue: 1}
    refusal = code(lambda: blue_green.codedeploy.stop_deployment(deploymentId=identifier))
    assert refusal[0] == "DeploymentAlreadyCompletedException"


def test_one_deployment_at_a_time(blue_green: BlueGreen, code: Refused) -> None:
    """A second deployment of a group is refused in AWS's words while the first is active."""
    blue_green.group()
    identifier = blue_green.deploy()
    assert code(blue_green.deploy) == (
        "DeploymentLimitExceededException",
        f"The Deployment Group 'main' already has an active Deployment '{identifier}'",
    )


@pytest.mark.parametrize(
    ("appspec", "error", "words"),
    [
        ("{}", "INVALID_REVISION", "version None"),
        ("version: 0.0\nResources: [", "INVALID_REVISION", "neither YAML nor JSON"),
        (
            "version: 0.0\nResources: [{TargetService: {Type: 'AWS::ECS::Service', Properties: {TaskDefinition: 'app:99', "
            "LoadBalancerInfo: {ContainerName: app, ContainerPort: 8080}}}}]",
            "ECS_UPDATE_ERROR",
            "The ECS service cannot be updated due to an unexpected error: TaskDefinition not found. (Service: AmazonECS; "
            "Status Code: 400; Error Code: ClientException;",
        ),
        (
            "version: 0.0\nResources: [{TargetService: {Type: 'AWS::ECS::Service', Properties: {TaskDefinition: 'app:1', "
            "LoadBalancerInfo: {ContainerName: web, ContainerPort: 8080}}}}]",
            "ECS_UPDATE_ERROR",
            "The container web does not exist in the task definition.",
        ),
    ],
)
def test_a_wrong_revision_fails_the_deployment(blue_green: BlueGreen, appspec: str, error: str, words: str) -> None:
    """The deployment ends with CodeDeploy's code and the reason, and blue serves on."""
    blue_green.group()
    shown = blue_green.end(blue_green.start(appspec))
    assert (shown["status"], shown["errorInformation"]["code"]) == ("Failed", error)
    assert words in shown["errorInformation"]["message"]
    assert blue_green.requests() == {("app:1", 200): 100}


def test_an_appspec_file_may_be_in_a_bucket(blue_green: BlueGreen) -> None:
    """The role reads the file; a bundle of another type is refused in AWS's words."""
    s3 = blue_green.world.administrator("s3")
    s3.create_bucket(Bucket="specs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    blue_green.iam.put_role_policy(
        RoleName="codedeploy",
        PolicyName="s3",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::specs/*"}],
            }
        ),
    )
    definition = blue_green.stack.define("app:v2")
    s3.put_object(
        Bucket="specs",
        Key="appspec.yaml",
        Body=f"version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n"
        f"        TaskDefinition: {definition}\n        LoadBalancerInfo:\n          ContainerName: app\n"
        f"          ContainerPort: 8080\n".encode(),
    )
    blue_green.group()

    def deploy(kind: str) -> dict[str, Any]:
        location = {"bucket": "specs", "key": "appspec.yaml", "bundleType": kind}
        identifier = blue_green.codedeploy.create_deployment(
            applicationName="app", deploymentGroupName="main", revision={"revisionType": "S3", "s3Location": location}
        )["deploymentId"]
        return blue_green.end(identifier)

    assert deploy("zip")["errorInformation"] == {
        "code": "INVALID_REVISION",
        "message": "BundleType must be either YAML or JSON",
    }
    assert deploy("YAML")["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("action", "service"),
    [
        ("ecs:CreateTaskSet", "AmazonECS"),
        ("elasticloadbalancing:ModifyListener", "ElasticLoadBalancing"),
        ("lambda:InvokeFunction", "AWSLambda"),
    ],
)
def test_the_service_role_is_enforced(blue_green: BlueGreen, action: str, service: str) -> None:
    """A deployment without one of its permissions fails with the role and the service in AWS's text."""
    blue_green.group(autoRollbackConfiguration=None)
    blue_green.iam.put_role_policy(
        RoleName="codedeploy",
        PolicyName="less",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
        ),
    )
    blue_green.report("Succeeded", "CodeDeployHook_check")
    shown = blue_green.end(blue_green.deploy(hooks={"BeforeAllowTraffic": "CodeDeployHook_check"}))
    assert shown["errorInformation"] == {
        "code": "IAM_ROLE_PERMISSIONS",
        "message": f"The IAM role {blue_green.role} does not give you permission to perform operations in the following AWS "
        f"service: {service}.",
    }
    assert blue_green.requests() == {("app:1", 200): 100}


def test_a_listener_of_another_group_is_found(blue_green: BlueGreen) -> None:
    """A deployment fails in AWS's words where production does not forward to the primary task set's group."""
    blue_green.group()
    blue_green.elbv2.modify_listener(
        ListenerArn=blue_green.production, DefaultActions=[{"Type": "forward", "TargetGroupArn": blue_green.green}]
    )
    shown = blue_green.end(blue_green.deploy())
    assert shown["errorInformation"]["message"] == (
        "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener "
        f"{blue_green.production}"
    )


def test_rules_that_forward_to_the_group_move_too(blue_green: BlueGreen) -> None:
    """Each rule of the production listener that forwards to blue is changed, others stay."""
    (rule,) = blue_green.elbv2.create_rule(
        ListenerArn=blue_green.production,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": blue_green.blue}],
    )["Rules"]
    blue_green.elbv2.create_rule(
        ListenerArn=blue_green.production,
        Priority=2,
        Conditions=[{"Field": "path-pattern", "Values": ["/old"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410"}}],
    )
    blue_green.group()
    blue_green.end(blue_green.deploy())
    assert blue_green.requests(10, path="/api/x") == {("app:2", 200): 10}
    assert blue_green.requests(10, path="/old") == {("", 410): 10}
    (shown,) = blue_green.elbv2.describe_rules(RuleArns=[rule["RuleArn"]])["Rules"]
    assert shown["Actions"][0]["TargetGroupArn"] == blue_green.green


def test_triggers_publish_to_topics(blue_green: BlueGreen) -> None:
    """A trigger's topic gets a message in the documented form, sent with the group's role."""
    sns, sqs = blue_green.world.administrator("sns"), blue_green.world.administrator("sqs")
    topic = sns.create_topic(Name="CodeDeployTopic_news")["TopicArn"]
    queue = sqs.create_queue(QueueName="news")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    blue_green.group(
        triggerConfigurations=[
            {
                "triggerName": "news",
                "triggerTargetArn": topic,
                "triggerEvents": ["DeploymentSuccess", "DeploymentFailure"],
            }
        ]
    )
    identifier = blue_green.deploy()
    blue_green.end(identifier)
    blue_green.stack.advance(5)
    (received,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    notification = json.loads(received["Body"])
    assert notification["Subject"] == f"SUCCEEDED: AWS CodeDeploy {identifier} in eu-west-1 to app"
    message = json.loads(notification["Message"])
    assert (message["eventTriggerName"], message["deploymentId"], message["status"]) == (
        "news",
        identifier,
        "SUCCEEDED",
    )


def test_a_role_needs_the_policy_of_aws(blue_green: BlueGreen, code: Refused) -> None:
    """A group is refused in AWS's words without permissions, and with a role that CodeDeploy cannot assume."""
    blue_green.iam.detach_role_policy(RoleName="codedeploy", PolicyArn=POLICY)
    refusal = code(blue_green.group)
    assert refusal[0] == "InvalidECSServiceException"
    assert refusal[1].startswith("Could not load ECS service information for cluster: main, service: app. Cause: User:")
    other = code(lambda: blue_green.group(serviceRoleArn=blue_green.stack.role))
    assert other == ("InvalidRoleException", "Cannot assume role provided.")


def test_a_function_may_report_for_the_group_of_its_policy(blue_green: BlueGreen, code: Refused) -> None:
    """The permission to report is on the deployment group, which the id of a deployment stands for."""
    blue_green.group()
    blue_green.world.functions.register("check", lambda _: None)
    identifier = blue_green.deploy(hooks={"BeforeInstall": "check"})
    blue_green.at(identifier, "BeforeInstall")

    def reporter(group: str) -> Any:
        blue_green.iam.create_user(UserName=group)
        resource = f"arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:app/{group}"
        action = "codedeploy:PutLifecycleEventHookExecutionStatus"
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        blue_green.iam.put_user_policy(UserName=group, PolicyName="report", PolicyDocument=document)
        key = blue_green.iam.create_access_key(UserName=group)["AccessKey"]
        return blue_green.world.client(
            "codedeploy", credentials=Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        )

    report = {
        "deploymentId": identifier,
        "lifecycleEventHookExecutionId": f"{identifier}/BeforeInstall",
        "status": "Succeeded",
    }
    other, own = reporter("other"), reporter("main")
    refusal = code(lambda: other.put_lifecycle_event_hook_execution_status(**report))
    assert refusal[0] == "AccessDeniedException"
    own.put_lifecycle_event_hook_execution_status(**report)
    assert blue_green.end(identifier)["status"] == "Succeeded"
