"""Write the table of docs/faults.md: `python scripts/survival.py`; with `--check`, exit 1 when it is old.

A service with two tasks in two zones, behind a load balancer with the reference stack's health checks, loses a zone in each
phase of a rollout. Tasks are scripted and time is virtual; four requests a second go through the load balancer meanwhile.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.runtime.loadbalancer import ScriptedLoadBalancer
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime
from pushproof.emulator.world import World
from pushproof.engines.faults import ZoneLost
from pushproof.engines.loadbalancing import HttpRequest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "faults.md"
BEGIN, END = "<!-- survival: written by scripts/survival.py -->", "<!-- /survival -->"
LOST, LEFT = "eu-west-1a", "eu-west-1b"
PHASES = ("before", "scale-up", "shift", "drain", "rollback")
# Seconds after a phase's beginning at which the zone is lost: health checks are at another point each time.
OFFSETS = (0, 7, 14)
# Requests a second.
RATE = 4
#: The reference stack's health check.
INTERVAL, TIMEOUT, UNHEALTHY, HEALTHY, DRAINING = 30, 6, 3, 2, 60
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass(frozen=True, slots=True)
class Survival:
    """The figures of one loss: AWS seconds from the loss to the last failed request, and until two tasks serve again."""

    sent: int
    failed: int
    failing: float
    restored: float
    status: str
    revision: str
    zones: tuple[str, ...]


class Rehearsal:
    """A service on scripted tasks, deployed once, with requests that never end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.loop: Any = world.loop
        runtime, plane = world.equipment.tasks, world.balancer
        assert isinstance(runtime, ScriptedRuntime)
        assert isinstance(plane, ScriptedLoadBalancer)
        self.runtime, self.plane = runtime, plane
        self.ecs, self.elbv2 = world.administrator("ecs"), world.administrator("elbv2")
        self.sent = 0
        # Requests begin once the first deployment is over.
        self.serving = False
        self.failures: list[float] = []
        for tag, behaviour in (("1", {}), ("2", {}), ("bad", {"never-healthy": "true"})):
            runtime.add_image(f"shop:{tag}", {"healthy-after": 5, **behaviour})
        self._network()
        self._serve()

    def _network(self) -> None:
        ec2 = self.world.administrator("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for number, zone in ((1, LOST), (2, LEFT))
        ]
        self.security = ec2.create_security_group(GroupName="shop", Description="shop", VpcId=vpc)["GroupId"]
        self.group = self.elbv2.create_target_group(
            Name="shop",
            Protocol="HTTP",
            Port=8080,
            VpcId=vpc,
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=INTERVAL,
            HealthCheckTimeoutSeconds=TIMEOUT,
            HealthyThresholdCount=HEALTHY,
            UnhealthyThresholdCount=UNHEALTHY,
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(DRAINING)}
        self.elbv2.modify_target_group_attributes(TargetGroupArn=self.group, Attributes=[delay])
        balancer = self.elbv2.create_load_balancer(Name="shop", Subnets=self.subnets, SecurityGroups=[self.security])
        self.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        (self.listener,) = self.plane.listeners.values()

    def _serve(self) -> None:
        iam = self.world.administrator("iam")
        self.role = iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        self.ecs.create_cluster(clusterName="main")
        self.ecs.create_service(
            cluster="main",
            serviceName="shop",
            taskDefinition=self.define("1"),
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.security]}},
            loadBalancers=[{"targetGroupArn": self.group, "containerName": "shop", "containerPort": 8080}],
            deploymentConfiguration={
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
            },
        )
        self.until(self.settled)
        self.serving = True

    def define(self, tag: str) -> str:
        arn: str = self.ecs.register_task_definition(
            family="shop",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn=self.role,
            containerDefinitions=[{"name": "shop", "image": f"shop:{tag}", "portMappings": [{"containerPort": 8080}]}],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def deploy(self, tag: str) -> str:
        definition = self.define(tag)
        self.ecs.update_service(cluster="main", service="shop", taskDefinition=definition)
        return definition

    # What is seen.

    def service(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.ecs.describe_services(cluster="main", services=["shop"])["services"][0]
        return shown

    def states(self) -> list[str]:
        health = self.elbv2.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return [target["TargetHealth"]["State"] for target in health]

    def running(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster="main")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="main", tasks=arns)["tasks"] if arns else []
        return [task for task in tasks if task["lastStatus"] == "RUNNING"]

    def settled(self) -> bool:
        """Return whether a single deployment is completed and all of its targets are healthy."""
        shown = self.service()
        (*more, only) = shown["deployments"]
        return (
            not more
            and only["rolloutState"] == "COMPLETED"
            and shown["runningCount"] == shown["desiredCount"]
            and self.states() == ["healthy"] * shown["desiredCount"]
        )

    def tick(self) -> None:
        """Let time pass until the next request, and send it."""
        self.loop.advance(1 / RATE)
        self.sent += 1
        request = HttpRequest("HTTP", "GET", "shop", 80, "/", "", "192.0.2.1")
        try:
            status = self.plane.send(self.listener.address, 80, request).status
        except ConnectionError:
            status = 0
        if not 200 <= status < 400:
            self.failures.append(self.world.clock.now())

    def until(self, reached: Callable[[], bool], within: float = 3600.0) -> float:
        """Let time pass, with requests once a task serves, until something is so. Return the seconds."""
        begun = self.world.clock.now()
        while not reached():
            if self.world.clock.now() - begun > within:
                raise TimeoutError(f"not reached within {within:.0f} s: {self.service()['deployments']}")
            for _ in range(2 * RATE):
                if self.serving:
                    self.tick()
                else:
                    self.loop.advance(1 / RATE)
        return float(self.world.clock.now() - begun)


def _reach(rehearsal: Rehearsal, phase: str) -> str:
    """Bring a rollout to a phase. Return the task definition that is to serve at its end."""
    if phase == "before":
        return ""
    if phase == "rollback":
        right: str = rehearsal.service()["taskDefinition"]
        rehearsal.deploy("bad")
        rehearsal.until(lambda: "rolling back" in rehearsal.service()["deployments"][0]["rolloutStateReason"])
        return right
    right = rehearsal.deploy("2")
    rehearsal.until(
        {
            "scale-up": lambda: rehearsal.service()["pendingCount"] > 0,
            "shift": lambda: "initial" in rehearsal.states(),
            "drain": lambda: "draining" in rehearsal.states(),
        }[phase]
    )
    return right


def survive(phase: str, offset: int) -> Survival:
    """Lose a zone in a phase of a rollout, and see it to its end."""
    loop = VirtualLoop(VirtualClock(time.time() // 60 * 60))
    with World(WorldSettings(enforce_network=False), loop=loop, equip=scripted_equipment) as world:
        rehearsal = Rehearsal(world)
        right = _reach(rehearsal, phase)
        for _ in range(offset * RATE):
            rehearsal.tick()
        rehearsal.failures.clear()
        rehearsal.sent = 0
        lost = world.clock.now()
        world.faults.begin(ZoneLost(LOST))
        if phase == "before":
            right = rehearsal.deploy("2")

        def restored() -> bool:
            tasks = [task["availabilityZone"] for task in rehearsal.running()]
            return rehearsal.settled() and tasks == [LEFT, LEFT]

        took = rehearsal.until(restored)
        # Nothing fails once it is over.
        quiet = world.clock.now()
        for _ in range(120 * RATE):
            rehearsal.tick()
        late = [at for at in rehearsal.failures if at > quiet]
        if late:
            raise AssertionError(f"{phase}: {len(late)} requests failed after the service was restored")
        shown = rehearsal.service()
        return Survival(
            sent=rehearsal.sent,
            failed=len(rehearsal.failures),
            failing=max((at - lost for at in rehearsal.failures), default=0.0),
            restored=took,
            status=shown["deployments"][0]["rolloutState"],
            revision="right" if shown["taskDefinition"] == right else "wrong",
            zones=tuple(task["availabilityZone"] for task in rehearsal.running()),
        )


def figures() -> dict[str, list[Survival]]:
    """Return the figures of every phase, for each offset."""
    return {phase: [survive(phase, offset) for offset in OFFSETS] for phase in PHASES}


def table(results: dict[str, list[Survival]]) -> str:
    """Return the table in Markdown: the worst of the offsets."""
    lines = [
        "| zone lost | requests fail for at most | of those sent meanwhile fail | two tasks serve again after | end state |",
        "|---|---|---|---|---|",
    ]
    for phase, runs in results.items():
        failing, restored = max(run.failing for run in runs), max(run.restored for run in runs)
        share = max(run.failed / max(1.0, run.failing * RATE) for run in runs)
        ends = {f"{run.status}, {run.revision} revision, all in {'/'.join(sorted(set(run.zones)))}" for run in runs}
        lines.append(f"| {phase} | {failing:.0f} s | {share:.0%} | {restored:.0f} s | {'; '.join(sorted(ends))} |")
    return "\n".join(lines)


def main() -> int:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page = f"{before}{BEGIN}\n{table(figures())}\n{END}{after}"
    if "--check" in sys.argv[1:]:
        if page != text:
            print(f"{PAGE} is old; run python scripts/survival.py")
            return 1
        return 0
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
