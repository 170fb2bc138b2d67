"""A scripted world with everything that a service of the reference stack needs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime
from pushproof.emulator.world import World

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "secretsmanager:GetSecretValue",
                "ssm:GetParameters",
            ],
            "Resource": "*",
        }
    ],
}


class Stack:
    """World, network, roles, target group behind a load balancer, and the calls tests begin with."""

    def __init__(self, world: World) -> None:
        self.world = world
        assert isinstance(world.equipment.tasks, ScriptedRuntime)
        self.runtime = world.equipment.tasks
        self.ecs = world.administrator("ecs")
        self.ec2 = world.administrator("ec2")
        self.logs = world.administrator("logs")
        self.secrets = world.administrator("secretsmanager")
        self.elbv2 = world.administrator("elbv2")
        self._network()
        self._role()
        self.logs.create_log_group(logGroupName="/ecs/app")
        for tag in ("v1", "v2"):
            self.runtime.add_image(f"app:{tag}", {"healthy-after": 5, "log": f"listening {tag}"})
        self.ecs.create_cluster(clusterName="main")

    def _network(self) -> None:
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{self.world.region}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in ((1, "a"), (2, "b"))
        ]
        self.group = self.ec2.create_security_group(GroupName="app", Description="app", VpcId=self.vpc)["GroupId"]
        self.network = {"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.group]}}

    def _role(self) -> None:
        iam = self.world.administrator("iam")
        self.role = iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="execution", PolicyName="all", PolicyDocument=json.dumps(ALLOWED))

    def target_group(self) -> str:
        """A target group behind a listener: checks every 30 s, healthy 2, unhealthy 3, drains 60 s."""
        arn: str = self.elbv2.create_target_group(
            Name="app",
            Protocol="HTTP",
            Port=8080,
            VpcId=self.vpc,
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=30,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.modify_target_group_attributes(
            TargetGroupArn=arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
        )
        balancer = self.elbv2.create_load_balancer(Name="app", Subnets=self.subnets, SecurityGroups=[self.group])
        self.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
        )
        return arn

    def define(self, image: str = "app:v1", **container: Any) -> str:
        """Register a revision of family `app`; answers its ARN."""
        definition = {
            "name": "app",
            "image": image,
            "portMappings": [{"containerPort": 8080}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "/ecs/app",
                    "awslogs-region": self.world.region,
                    "awslogs-stream-prefix": "ecs",
                },
            },
            **container,
        }
        arn: str = self.ecs.register_task_definition(
            family="app",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn=self.role,
            containerDefinitions=[definition],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def serve(self, definition: str, *, group: str | None = None, **options: Any) -> dict[str, Any]:
        """Create service `app` with two tasks and the circuit breaker on."""
        parameters: dict[str, Any] = {
            "cluster": "main",
            "serviceName": "app",
            "taskDefinition": definition,
            "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": self.network,
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
            },
            **options,
        }
        if group is not None:
            parameters["loadBalancers"] = [{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}]
        made: dict[str, Any] = self.ecs.create_service(**parameters)["service"]
        return made

    def service(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.ecs.describe_services(cluster="main", services=["app"])["services"][0]
        return shown

    def deploy(self, image: str, **container: Any) -> str:
        definition = self.define(image, **container)
        self.ecs.update_service(cluster="main", service="app", taskDefinition=definition)
        return definition

    def stable(self) -> bool:
        """Return whether the services_stable waiter would pass and the rollout is over."""
        shown = self.service()
        only = shown["deployments"]
        return (
            len(only) == 1
            and shown["runningCount"] == shown["desiredCount"]
            and only[0]["rolloutState"] in ("COMPLETED", "FAILED")
        )

    def settle(self, within: float = 7200.0) -> float:
        """Let time pass until the service is stable; answers how much."""
        return self.until(self.stable, within)

    def until(self, predicate: Callable[[], bool], within: float = 7200.0) -> float:
        took: float = self.world.loop.run_until(predicate, within=within)  # type: ignore[attr-defined]
        return took

    def advance(self, seconds: float) -> None:
        self.world.loop.advance(seconds)  # type: ignore[attr-defined]

    def messages(self) -> list[str]:
        """Service events, oldest first."""
        return [event["message"] for event in reversed(self.service()["events"])]

    def announced(self, detail_type: str) -> list[dict[str, Any]]:
        """The details of this type that are on the bus, oldest first."""
        found = [event.envelope for event in self.world.bus.history]
        return [one["detail"] for one in found if one["detail-type"] == detail_type]

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster="main", desiredStatus=status)["taskArns"]
        if not arns:
            return []
        shown: list[dict[str, Any]] = self.ecs.describe_tasks(cluster="main", tasks=arns)["tasks"]
        return shown

    def interfaces(self) -> list[str]:
        found = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        return [
            interface["NetworkInterfaceId"]
            for interface in found["NetworkInterfaces"]
            if ":attachment/" in (interface.get("Description") or "")
        ]


@pytest.fixture
def stack() -> Iterator[Stack]:
    # Today, since CloudWatch Logs refuses what is older than two weeks.
    loop = VirtualLoop(VirtualClock(time.time()))
    with World(WorldSettings(enforce_network=False), loop=loop, equip=scripted_equipment) as world:
        yield Stack(world)


@pytest.fixture
def code() -> Callable[[Callable[[], Any]], tuple[str, str]]:
    """Runs a call that must be refused; answers error code and message."""

    def run(call: Callable[[], Any]) -> tuple[str, str]:
        with pytest.raises(ClientError) as error:
            call()
        told = error.value.response["Error"]
        return told["Code"], told["Message"]

    return run
