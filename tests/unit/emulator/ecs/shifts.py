"""A service between two target groups: production on port 80, test on port 8080, roles for traffic and for hooks."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.unit.emulator.ecs.conftest import Stack

from pushproof.emulator.runtime.loadbalancer import ScriptedLoadBalancer
from pushproof.engines.loadbalancing import HttpRequest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
TRAFFIC = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
            "Resource": "arn:aws:elasticloadbalancing:*:*:targetgroup/*",
        },
        {
            "Effect": "Allow",
            "Action": "elasticloadbalancing:ModifyListener",
            "Resource": "arn:aws:elasticloadbalancing:*:*:listener/*",
        },
        {
            "Effect": "Allow",
            "Action": "elasticloadbalancing:ModifyRule",
            "Resource": "arn:aws:elasticloadbalancing:*:*:listener-rule/app/*",
        },
    ],
}
INVOKE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}],
}


class Shifts:
    """Parts of a service that shifts traffic, and the course of its traffic."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.world, self.ecs, self.elbv2 = stack.world, stack.ecs, stack.elbv2
        self.iam = self.world.administrator("iam")
        self.traffic = self.role("infrastructure", TRAFFIC)
        self.hooks = self.role("hooks", INVOKE)
        self.blue, self.green = self._group("blue"), self._group("green")
        balancer = self.elbv2.create_load_balancer(Name="app", Subnets=stack.subnets, SecurityGroups=[stack.group])[
            "LoadBalancers"
        ][0]
        self.balancer = balancer["LoadBalancerArn"]
        production = self._listener(80)
        test = self._listener(8080)
        self.production = self._rule(production, {self.blue: 1, self.green: 0})
        self.test = self._rule(test, {self.blue: 1, self.green: 0})
        self.asked: list[dict[str, Any]] = []

    def role(self, name: str, policy: dict[str, Any], trust: dict[str, Any] = TRUST) -> str:
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return arn

    def _group(self, name: str) -> str:
        arn: str = self.elbv2.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=8080,
            VpcId=self.stack.vpc,
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=5,
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.modify_target_group_attributes(
            TargetGroupArn=arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
        )
        return arn

    def _listener(self, port: int) -> str:
        arn: str = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer,
            Protocol="HTTP",
            Port=port,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]["ListenerArn"]
        return arn

    def _rule(self, listener: str, weights: dict[str, int]) -> str:
        arn: str = self.elbv2.create_rule(
            ListenerArn=listener,
            Priority=1,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[self.forward(weights)],
        )["Rules"][0]["RuleArn"]
        return arn

    def forward(self, weights: dict[str, int]) -> dict[str, Any]:
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}

    def advanced(self, **changes: Any) -> list[dict[str, Any]]:
        """Return the service's load balancers; a change to None leaves a member out."""
        members = {
            "alternateTargetGroupArn": self.green,
            "productionListenerRule": self.production,
            "testListenerRule": self.test,
            "roleArn": self.traffic,
            **changes,
        }
        return [
            {
                "targetGroupArn": self.blue,
                "containerName": "app",
                "containerPort": 8080,
                "advancedConfiguration": {name: value for name, value in members.items() if value is not None},
            }
        ]

    def serve(self, strategy: str = "BLUE_GREEN", **members: Any) -> None:
        """Create the service with a strategy, and let its first deployment end."""
        self.create(strategy, **members)
        self.end()

    def create(self, strategy: str = "BLUE_GREEN", *, balancers: Any = None, **members: Any) -> dict[str, Any]:
        return self.stack.serve(
            self.stack.define("app:v1"),
            loadBalancers=self.advanced() if balancers is None else balancers,
            deploymentConfiguration=self.configuration(strategy, **members),
        )

    def configuration(self, strategy: str, **members: Any) -> dict[str, Any]:
        return {
            "strategy": strategy,
            "bakeTimeInMinutes": 5,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            **members,
        }

    def hook(self, *stages: str, name: str = "check", **members: Any) -> dict[str, Any]:
        """Return a hook at some stages."""
        return {
            "hookTargetArn": f"arn:aws:lambda:{self.world.region}:{self.world.account_id}:function:{name}",
            "roleArn": self.hooks,
            "lifecycleStages": list(stages),
            **members,
        }

    def answer(self, answers: Any, name: str = "check") -> None:
        """Register a function that answers by stage, or always the same; `asked` has what it received."""

        def function(event: Any) -> Any:
            self.asked.append(dict(event))
            return answers(event) if callable(answers) else answers

        self.world.functions.register(name, function)

    def newest(self) -> dict[str, Any]:
        arns = self.ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"]
        shown: dict[str, Any] = self.ecs.describe_service_deployments(
            serviceDeploymentArns=[arns[0]["serviceDeploymentArn"]]
        )["serviceDeployments"][0]
        return shown

    def ended(self) -> bool:
        return self.newest()["status"] in ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")

    def end(self) -> dict[str, Any]:
        self.stack.until(self.ended, within=100_000)
        return self.newest()

    def at(self, stage: str) -> None:
        """Let time pass until the newest deployment is at a stage."""
        self.stack.until(lambda: self.newest().get("lifecycleStage") == stage, within=100_000)

    def weights(self, rule: str | None = None) -> dict[str, int]:
        """Return the weights of the production rule, or of another."""
        (shown,) = self.elbv2.describe_rules(RuleArns=[rule or self.production])["Rules"]
        groups = shown["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {group["TargetGroupArn"]: group["Weight"] for group in groups}

    def requests(self, count: int = 1000, *, port: int = 80, path: str = "/") -> Counter[tuple[str, int]]:
        """Send requests, evenly over the shares of rules; count them by the revision's task definition and status."""
        plane = self.world.balancer
        assert isinstance(plane, ScriptedLoadBalancer)
        (listener,) = (spec for spec in plane.listeners.values() if spec.port == port)
        tasks = {
            detail["value"]: task["taskDefinitionArn"].rsplit("/", 1)[1]
            for task in self.stack.tasks()
            for attachment in task["attachments"]
            for detail in attachment["details"]
            if detail["name"] == "privateIPv4Address"
        }
        served: Counter[tuple[str, int]] = Counter()
        for number in range(count):
            request = HttpRequest("HTTP", "GET", "shop", port, path, "", "10.0.0.1")
            entry = plane.send(listener.address, port, request, draw=(number + 0.5) / count)
            served[(tasks[entry.target.split(":")[0]] if entry.target else "", entry.status)] += 1
        return served
