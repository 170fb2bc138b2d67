"""A served world with a scripted service in it, for other projects' clients, which need no containers to get answers."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass
class Scene:
    """Cluster, service and load balancer, all named `shop`, in a world that listens; `broken` is an image that crashes."""

    target: EmbeddedTarget
    service: str = "shop"
    network: dict[str, Any] = field(init=False)
    balancer_arn: str = field(init=False)
    group_arn: str = field(init=False)
    role_arn: str = field(init=False)

    def __post_init__(self) -> None:
        runtime = self.target.world.equipment.tasks
        assert isinstance(runtime, ScriptedRuntime)
        for tag in ("v1", "v2", "v3"):
            runtime.add_image(f"shop:{tag}", {"healthy-after": "5"})
        runtime.add_image("shop:broken", {"exit-after": "1"})
        self.ecs, self.ec2 = self.target.client("ecs"), self.target.client("ec2")
        self.elbv2 = self.target.client("elbv2")
        self._network()
        iam = self.target.client("iam")
        self.role_arn = iam.create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.ecs.create_cluster(clusterName="shop")
        self.define("v1")
        self.ecs.create_service(
            cluster="shop",
            serviceName="shop",
            taskDefinition="shop",
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration=self.network,
            loadBalancers=[{"targetGroupArn": self.group_arn, "containerName": "shop", "containerPort": 8080}],
        )
        self.circuit_breaker(enabled=True)

    def _network(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        (table,) = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        subnets = [
            self.ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{self.target.region}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        group = self.ec2.create_security_group(GroupName="shop", Description="shop", VpcId=vpc)["GroupId"]
        # The balancer's nodes have the tasks' group: what is not admitted does not arrive.
        admitted = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[admitted])
        self.network = {
            "awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": "ENABLED"}
        }
        balancer = self.elbv2.create_load_balancer(Name="shop", Subnets=subnets, SecurityGroups=[group])
        self.balancer_arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        made = self.elbv2.create_target_group(
            Name="shop", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckIntervalSeconds=10
        )
        self.group_arn = made["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.modify_target_group_attributes(
            TargetGroupArn=self.group_arn,
            Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}],
        )
        self.elbv2.create_listener(
            LoadBalancerArn=self.balancer_arn,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group_arn}],
        )

    def define(self, tag: str) -> str:
        """Register a revision of family `shop` with the image `shop:<tag>`."""
        arn: str = self.ecs.register_task_definition(
            family="shop",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn=self.role_arn,
            containerDefinitions=[
                {"name": "shop", "image": f"shop:{tag}", "essential": True, "portMappings": [{"containerPort": 8080}]}
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def circuit_breaker(self, *, enabled: bool) -> None:
        """Switch the service's circuit breaker, with rollback, on or off."""
        breaker = {"enable": enabled, "rollback": enabled}
        self.ecs.update_service(
            cluster="shop", service="shop", deploymentConfiguration={"deploymentCircuitBreaker": breaker}
        )

    def steady(self) -> str:
        """Bring the service to two tasks of a new revision with `shop:v1`; answers the revision."""
        self.circuit_breaker(enabled=True)
        definition = self.define("v1")
        self.ecs.update_service(cluster="shop", service="shop", taskDefinition=definition, desiredCount=2)
        self.ecs.get_waiter("services_stable").wait(
            cluster="shop", services=["shop"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        return definition

    def until(self, holds: Callable[[], bool], patience: float = 60.0) -> None:
        """Wait until something holds; real time passes, sixty times as much in the world."""
        deadline = time.monotonic() + patience
        while not holds():
            assert time.monotonic() < deadline, self.described()["events"][:5]
            time.sleep(0.2)

    def described(self) -> dict[str, Any]:
        """The service, as DescribeServices shows it."""
        shown: dict[str, Any] = self.ecs.describe_services(cluster="shop", services=["shop"])["services"][0]
        return shown

    def images(self, definition: str) -> list[str]:
        """The images of a task definition's containers."""
        shown = self.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
        return [container["image"] for container in shown["containerDefinitions"]]

    def run(self, *command: str | Path, fails: bool = False, **environment: str) -> str:
        """A client's output; it must succeed, or must not."""
        done = subprocess.run(
            [str(word) for word in command],
            env={**self.target.environment(), "PYTHONWARNINGS": "", **environment},
            capture_output=True,
            text=True,
            timeout=240,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"{command[0]} exited {done.returncode}:\n{said}"
        return said if fails else done.stdout


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTarget]:
    """A scripted world that listens, for one file of tests. Not the session's target: there is none beside it."""
    settings = EmbeddedSettings(world=WorldSettings(speed=60), runtime="scripted")
    with EmbeddedTarget(settings, journal=Journal(tmp_path_factory.mktemp("state"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def built(embedded: EmbeddedTarget) -> Scene:
    return Scene(embedded)


@pytest.fixture
def scene(built: Scene) -> Scene:
    """The scene with a service that is steady on `shop:v1`, whatever the test before did."""
    built.steady()
    return built
