"""A service of two tasks behind `blue`, an empty group `green`, and an application with its deployment group."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.emulator.ecs.shifts import Shifts

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForECS.html
POLICY = "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS"


class BlueGreen:
    """The parts of a blue/green service, and the calls tests begin with."""

    def __init__(self, stack: Any) -> None:
        self.stack, self.world, self.ecs = stack, stack.world, stack.ecs
        self.codedeploy = self.world.administrator("codedeploy")
        self.iam = self.world.administrator("iam")
        self.shifts = Shifts(stack)
        self.elbv2, self.blue, self.green = self.shifts.elbv2, self.shifts.blue, self.shifts.green
        for rule in (self.shifts.production, self.shifts.test):
            self.elbv2.delete_rule(RuleArn=rule)
        listeners = self.elbv2.describe_listeners(LoadBalancerArn=self.shifts.balancer)["Listeners"]
        self.production, self.test = (
            next(item["ListenerArn"] for item in listeners if item["Port"] == port) for port in (80, 8080)
        )
        for listener in (self.production, self.test):
            self.elbv2.modify_listener(
                ListenerArn=listener, DefaultActions=[{"Type": "forward", "TargetGroupArn": self.blue}]
            )
        self.role = self.iam.create_role(RoleName="codedeploy", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
            "Arn"
        ]
        self.iam.attach_role_policy(RoleName="codedeploy", PolicyArn=POLICY)
        stack.serve(
            stack.define("app:v1"),
            group=self.blue,
            deploymentController={"type": "CODE_DEPLOY"},
            deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100},
        )
        self.steady()
        self.codedeploy.create_application(applicationName="app", computePlatform="ECS")

    def members(self, *, test: bool = False, **changes: Any) -> dict[str, Any]:
        """Return the request that makes the group; a change to None leaves a member out."""
        pair = {
            "targetGroups": [{"name": "blue"}, {"name": "green"}],
            "prodTrafficRoute": {"listenerArns": [self.production]},
            **({"testTrafficRoute": {"listenerArns": [self.test]}} if test else {}),
        }
        members = {
            "applicationName": "app",
            "deploymentGroupName": "main",
            "serviceRoleArn": self.role,
            "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            "blueGreenDeploymentConfiguration": {
                "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
                "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
            },
            "autoRollbackConfiguration": {
                "enabled": True,
                "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
            },
            "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
            "ecsServices": [{"clusterName": "main", "serviceName": "app"}],
            **changes,
        }
        return {name: value for name, value in members.items() if value is not None}

    def group(self, **members: Any) -> None:
        self.codedeploy.create_deployment_group(**self.members(**members))

    def deploy(self, image: str = "app:v2", hooks: dict[str, str] | None = None, **members: Any) -> str:
        """Create a deployment of a new revision; answers its id."""
        spec = {
            "version": 0.0,
            "Resources": [
                {
                    "TargetService": {
                        "Type": "AWS::ECS::Service",
                        "Properties": {
                            "TaskDefinition": self.stack.define(image),
                            "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
                        },
                    }
                }
            ],
            "Hooks": [{event: function} for event, function in (hooks or {}).items()],
        }
        return self.start(json.dumps(spec), **members)

    def start(self, appspec: str, **members: Any) -> str:
        identifier: str = self.codedeploy.create_deployment(
            applicationName="app",
            deploymentGroupName="main",
            revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": appspec}},
            **members,
        )["deploymentId"]
        return identifier

    def report(self, status: str, name: str = "check") -> list[str]:
        """Register a function that reports a status; the list has the events at which it ran."""
        ran: list[str] = []

        def function(event: Any) -> None:
            ran.append(event["LifecycleEventHookExecutionId"].rpartition("/")[2])
            self.world.client("codedeploy").put_lifecycle_event_hook_execution_status(
                deploymentId=event["DeploymentId"],
                lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
                status=status,
            )

        self.world.functions.register(name, function)
        return ran

    def shown(self, identifier: str) -> dict[str, Any]:
        info: dict[str, Any] = self.codedeploy.get_deployment(deploymentId=identifier)["deploymentInfo"]
        return info

    def target(self, identifier: str) -> dict[str, Any]:
        target: dict[str, Any] = self.codedeploy.get_deployment_target(deploymentId=identifier, targetId="main:app")[
            "deploymentTarget"
        ]["ecsTarget"]
        return target

    def end(self, identifier: str) -> dict[str, Any]:
        """Let time pass until a deployment has ended, and its rollback too."""
        ends = ("Succeeded", "Failed", "Stopped")
        self.stack.until(lambda: self.shown(identifier)["status"] in ends, within=20_000)
        back = self.shown(identifier).get("rollbackInfo", {}).get("rollbackDeploymentId")
        if back:
            self.end(back)
        return self.shown(identifier)

    def at(self, identifier: str, event: str, status: str = "InProgress") -> None:
        """Let time pass until a lifecycle event has a status."""

        def there() -> bool:
            if self.shown(identifier)["status"] == "Created":
                return False
            events = self.target(identifier)["lifecycleEvents"]
            return any(item["lifecycleEventName"] == event and item["status"] == status for item in events)

        self.stack.until(there, within=20_000)

    def steady(self) -> None:
        sets = self.stack.service
        self.stack.until(lambda: {item["stabilityStatus"] for item in sets()["taskSets"]} == {"STEADY_STATE"})

    def forward(self, listener: str | None = None) -> dict[str, int]:
        """Return the target groups that a listener forwards to, with their weights."""
        (shown,) = self.elbv2.describe_listeners(ListenerArns=[listener or self.production])["Listeners"]
        groups = shown["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        return {group["TargetGroupArn"]: group["Weight"] for group in groups}

    def requests(self, count: int = 100, **to: Any) -> Any:
        return self.shifts.requests(count, **to)

    def sets(self) -> list[str]:
        """Return the status and the revision of each task set."""
        shown = self.stack.service()["taskSets"]
        return [f"{item['status']} {item['taskDefinition'].rsplit('/', 1)[1]}" for item in shown]
