"""Growth of a world: 1, 10 and 50 services in one, and 2, 20 and 200 scripted tasks in a deployment. The time of a unit stays flat.

`bench_growth.py [FILE]` prints processor time of each unit, and its ratio to the smallest size of the same run; with FILE in JSON.
The clock is virtual and nothing listens, so that only the work counts. A unit is a service (created, settled, described, deployed
anew, settled), or a task of a deployment over as many healthy ones.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime
from pushproof.emulator.world import World

SERVICES = (1, 10, 50)
TASKS = (2, 20, 200)
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}],
}


class Stage:
    """A scripted world with a network, a role, a cluster and a load balancer, for services to come."""

    def __init__(self, world: World) -> None:
        self.world = world
        assert isinstance(world.equipment.tasks, ScriptedRuntime)
        for tag in ("v1", "v2"):
            world.equipment.tasks.add_image(f"app:{tag}", {"healthy-after": 5, "log": f"listening {tag}"})
        self.ecs, ec2, self.elbv2 = (world.administrator(name) for name in ("ecs", "ec2", "elbv2"))
        iam, logs = world.administrator("iam"), world.administrator("logs")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.subnets = [
            ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/20", AvailabilityZone=f"{world.region}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in ((16, "a"), (32, "b"))
        ]
        self.group = ec2.create_security_group(GroupName="app", Description="app", VpcId=self.vpc)["GroupId"]
        self.role = iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="execution", PolicyName="all", PolicyDocument=json.dumps(_ALLOWED))
        logs.create_log_group(logGroupName="/ecs/app")
        self.ecs.create_cluster(clusterName="main")
        balancer = self.elbv2.create_load_balancer(Name="app", Subnets=self.subnets, SecurityGroups=[self.group])
        self.balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]

    def define(self, family: str, tag: str) -> str:
        """Register a revision. Return its ARN."""
        options = {"awslogs-group": "/ecs/app", "awslogs-region": self.world.region, "awslogs-stream-prefix": "ecs"}
        container = {
            "name": "app", "image": f"app:{tag}", "portMappings": [{"containerPort": 8080}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }  # fmt: skip
        answer = self.ecs.register_task_definition(
            family=family, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            executionRoleArn=self.role, containerDefinitions=[container],
        )  # fmt: skip
        arn: str = answer["taskDefinition"]["taskDefinitionArn"]
        return arn

    def create(self, name: str, port: int, tasks: int, *, breaker: bool = False) -> None:
        """Create a service behind a listener of its own. `breaker`: the circuit breaker ends deployments and rolls back."""
        group = self.elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=8080, VpcId=self.vpc, TargetType="ip", HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.create_listener(
            LoadBalancerArn=self.balancer, Protocol="HTTP", Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )  # fmt: skip
        network = {"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.group]}}
        self.ecs.create_service(
            cluster="main", serviceName=name, taskDefinition=self.define(name, "v1"), desiredCount=tasks,
            launchType="FARGATE", networkConfiguration=network,
            loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
            deploymentConfiguration={"deploymentCircuitBreaker": {"enable": breaker, "rollback": breaker}},
        )  # fmt: skip

    def deploy(self, name: str, tag: str = "v2") -> None:
        """Deploy another revision."""
        self.ecs.update_service(cluster="main", service=name, taskDefinition=self.define(name, tag))

    def settle(self, name: str) -> None:
        """Let time pass until a service is stable. Raises TimeoutError after two hours of AWS time."""

        def stable() -> bool:
            shown: dict[str, Any] = self.ecs.describe_services(cluster="main", services=[name])["services"][0]
            only = shown["deployments"]
            return (
                len(only) == 1
                and shown["runningCount"] == shown["desiredCount"]
                and only[0]["rolloutState"] == "COMPLETED"
            )

        loop = self.world.loop
        assert isinstance(loop, VirtualLoop)
        for _ in range(240):
            loop.advance(30)
            if stable():
                return
        raise TimeoutError(f"{name} is not stable")


def world() -> World:
    """Return a world at the present time: CloudWatch Logs refuses what is older than two weeks."""
    settings = WorldSettings(enforce_network=False)
    return World(settings, loop=VirtualLoop(VirtualClock(time.time())), equip=scripted_equipment)


def services(count: int) -> float:
    """Return the processor seconds of one service, in a world with `count` of them that are made one after the other."""
    with world() as opened:
        stage = Stage(opened)
        gc.collect()
        begun = time.process_time()
        names = [f"app-{number}" for number in range(count)]
        for number, name in enumerate(names):
            stage.create(name, 8000 + number, 1)
        for name in names:
            stage.settle(name)
        for name in names:
            stage.deploy(name)
        for name in names:
            stage.settle(name)
        return (time.process_time() - begun) / count


def tasks(count: int) -> float:
    """Return the processor seconds of one task of a deployment of `count`."""
    with world() as opened:
        stage = Stage(opened)
        stage.create("app", 80, count)
        stage.settle("app")
        gc.collect()
        begun = time.process_time()
        stage.deploy("app")
        stage.settle("app")
        return (time.process_time() - begun) / count


def main(file: str | None = None) -> None:
    # What the first world loads and compiles is no one's unit.
    services(1)
    results = {}
    for name, measure, sizes in (("services in a world", services, SERVICES), ("tasks in a deployment", tasks, TASKS)):
        units = {size: measure(size) for size in sizes}
        smallest = units[sizes[0]]
        results[name] = {str(size): {"ms": unit * 1000, "ratio": unit / smallest} for size, unit in units.items()}
        for size, unit in units.items():
            print(
                f"  {size:>4} {name:24} {unit * 1000:8.1f} ms a unit, {unit / smallest:5.2f} times the smallest",
                flush=True,
            )
    if file is not None:
        Path(file).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
