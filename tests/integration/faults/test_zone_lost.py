"""The loss of a zone in the midst of a rollout, on real containers, while clients send requests all the time."""

from __future__ import annotations

import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import EcsSettings, WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_build_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World
from pushproof.engines.faults import ZoneLost

pytestmark = pytest.mark.docker

PROGRAM = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["REVISION"].encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
SPEED = 30.0
INTERVAL, UNHEALTHY, TIMEOUT = 30, 3, 5
LOST, LEFT = "eu-west-1a", "eu-west-1b"
LONGEST = 150.0


class Shop:
    """A service of two real tasks in two zones, behind a load balancer."""

    def __init__(self, world: World, image: str) -> None:
        self.world, self.image = world, image
        self.ecs, self.elbv2 = world.administrator("ecs"), world.administrator("elbv2")
        subnets = [
            subnet
            for subnet in world.administrator("ec2").describe_subnets()["Subnets"]
            if subnet["AvailabilityZone"] in (LOST, LEFT)
        ]
        self.subnets = [subnet["SubnetId"] for subnet in subnets]
        self.group = self.elbv2.create_target_group(
            Name="shop",
            Protocol="HTTP",
            Port=8080,
            VpcId=subnets[0]["VpcId"],
            TargetType="ip",
            HealthCheckIntervalSeconds=INTERVAL,
            HealthCheckTimeoutSeconds=TIMEOUT,
            UnhealthyThresholdCount=UNHEALTHY,
            HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "60"}
        self.elbv2.modify_target_group_attributes(TargetGroupArn=self.group, Attributes=[delay])
        self.balancer = self.elbv2.create_load_balancer(Name="shop", Subnets=self.subnets)["LoadBalancers"][0]
        self.elbv2.create_listener(
            LoadBalancerArn=self.balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        self.ecs.create_cluster(clusterName="main")
        self.ecs.create_service(
            cluster="main",
            serviceName="shop",
            taskDefinition=self.define("one"),
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets}},
            loadBalancers=[{"targetGroupArn": self.group, "containerName": "app", "containerPort": 8080}],
        )

    def define(self, revision: str) -> str:
        arn: str = self.ecs.register_task_definition(
            family="shop",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": "app",
                    "image": self.image,
                    "entryPoint": [],
                    "command": ["python3", "-c", PROGRAM],
                    "environment": [{"name": "REVISION", "value": revision}],
                    "portMappings": [{"containerPort": 8080}],
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def ask(self) -> str:
        """Send a request. Return the revision that answers. Raises OSError."""
        with urllib.request.urlopen(f"http://{self.balancer['DNSName']}/", timeout=30) as answer:
            return str(answer.read().decode())

    def service(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.ecs.describe_services(cluster="main", services=["shop"])["services"][0]
        return shown

    def zones(self) -> list[str]:
        arns = self.ecs.list_tasks(cluster="main")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="main", tasks=arns)["tasks"] if arns else []
        return sorted(task["availabilityZone"] for task in tasks if task["lastStatus"] == "RUNNING")

    def settled(self) -> bool:
        deployments = self.service()["deployments"]
        health = self.elbv2.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return (
            len(deployments) == 1
            and deployments[0]["rolloutState"] == "COMPLETED"
            and [target["TargetHealth"]["State"] for target in health] == ["healthy", "healthy"]
        )

    def until(self, reached: Any) -> None:
        end = time.monotonic() + LONGEST
        while not reached():
            assert time.monotonic() < end, self.service()["events"][:5]
            threading.Event().wait(0.1)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    settings = WorldSettings(speed=SPEED, enforce_network=False, ecs=EcsSettings(provisioning_seconds=1.0))
    with World(settings, world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        service = Shop(world, ensure_build_image(host.client))
        service.until(service.settled)
        assert service.zones() == [LOST, LEFT]
        yield service


def test_requests_fail_only_while_health_checks_find_the_loss(shop: Shop) -> None:
    """A zone is lost while new tasks start: requests fail for the seconds of the health checks, and the new revision serves."""
    failed: list[float] = []
    sent: list[str] = []
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            try:
                sent.append(shop.ask())
            except OSError:
                failed.append(time.monotonic())
            over.wait(0.05)

    clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    shop.ecs.update_service(cluster="main", service="shop", taskDefinition=shop.define("two"))
    lost = time.monotonic()
    try:
        with shop.world.faults.during(ZoneLost(LOST)):
            for thread in clients:
                thread.start()
            shop.until(lambda: shop.settled() and shop.zones() == [LEFT, LEFT])
            threading.Event().wait(3.0)
    finally:
        over.set()
        for thread in clients:
            thread.join(timeout=40)
    # The checks' time on the world's clock, and the ten real seconds of a connection that nobody takes.
    bound = ((UNHEALTHY + 1) * INTERVAL + TIMEOUT) / SPEED + 10 + 3
    late = [at - lost for at in failed if at - lost > bound]
    assert late == []
    assert failed, "half of the service was lost, and no request noticed"
    assert len(sent) > 50
    assert {shop.ask() for _ in range(20)} == {"two"}
    assert shop.service()["deployments"][0]["rolloutState"] == "COMPLETED"
