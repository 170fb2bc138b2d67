"""Deployments that shift the traffic of real containers, while clients send requests all the time."""

from __future__ import annotations

import json
import math
import secrets
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.emulator.ecs.shifts import INVOKE, TRAFFIC, TRUST

from pushproof.emulator.kernel.settings import EcsSettings, WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_build_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

PROGRAM = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ["REVISION"].encode()
        self.send_response(500 if self.path == "/orders" and os.environ.get("BROKEN") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
SHARE = 20
LONGEST = 150.0
#: The weight of the new revision changed while the request was on its way.
MOVED = -1.0
#: A share of requests that luck alone makes less than once in a million runs.
UNLIKELY = 1e-6


class Shop:
    """A service of two real tasks behind a load balancer, with a canary of 20 percent, a test of its own and an alarm."""

    def __init__(self, world: World, image: str) -> None:
        self.world, self.image = world, image
        self.ecs, self.elbv2 = world.administrator("ecs"), world.administrator("elbv2")
        iam, ec2 = world.administrator("iam"), world.administrator("ec2")
        self.roles = {}
        for name, policy in (("traffic", TRAFFIC), ("hooks", INVOKE)):
            made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
            self.roles[name] = made["Role"]["Arn"]
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        subnets = ec2.describe_subnets()["Subnets"][:2]
        self.subnets = [subnet["SubnetId"] for subnet in subnets]
        self.blue, self.green = self._group("blue", subnets[0]["VpcId"]), self._group("green", subnets[0]["VpcId"])
        self.balancer = self.elbv2.create_load_balancer(Name="shop", Subnets=self.subnets)["LoadBalancers"][0]
        self.production, self.test = self._rule(80), self._rule(8080)
        self.ecs.create_cluster(clusterName="main")
        world.administrator("cloudwatch").put_metric_alarm(
            AlarmName="errors",
            Namespace="AWS/ApplicationELB",
            MetricName="HTTPCode_Target_5XX_Count",
            Dimensions=[{"Name": "LoadBalancer", "Value": self.balancer["LoadBalancerArn"].split("loadbalancer/")[1]}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=3,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )
        self.tested: list[str] = []
        world.functions.register("smoke", self.smoke)

    def _group(self, name: str, vpc: str) -> str:
        arn: str = self.elbv2.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=8080,
            VpcId=vpc,
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=30,
            HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "60"}
        self.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
        return arn

    def _rule(self, port: int) -> str:
        groups = [{"TargetGroupArn": self.blue, "Weight": 1}, {"TargetGroupArn": self.green, "Weight": 0}]
        listener = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=port,
            DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
        )["Listeners"][0]["ListenerArn"]
        (rule,) = self.elbv2.describe_rules(ListenerArn=listener)["Rules"]
        arn: str = rule["RuleArn"]
        return arn

    def define(self, revision: str, *, broken: bool = False) -> str:
        environment = [{"name": "REVISION", "value": revision}]
        if broken:
            environment.append({"name": "BROKEN", "value": "1"})
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
                    "environment": environment,
                    "portMappings": [{"containerPort": 8080}],
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def serve(self) -> None:
        function = f"arn:aws:lambda:{self.world.region}:{self.world.account_id}:function:smoke"
        self.ecs.create_service(
            cluster="main",
            serviceName="shop",
            taskDefinition=self.define("one"),
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets}},
            loadBalancers=[
                {
                    "targetGroupArn": self.blue,
                    "containerName": "app",
                    "containerPort": 8080,
                    "advancedConfiguration": {
                        "alternateTargetGroupArn": self.green,
                        "productionListenerRule": self.production,
                        "testListenerRule": self.test,
                        "roleArn": self.roles["traffic"],
                    },
                }
            ],
            deploymentConfiguration={
                "strategy": "CANARY",
                "bakeTimeInMinutes": 3,
                "canaryConfiguration": {"canaryPercent": float(SHARE), "canaryBakeTimeInMinutes": 15},
                "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
                "lifecycleHooks": [
                    {
                        "hookTargetArn": function,
                        "roleArn": self.roles["hooks"],
                        "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
                    }
                ],
            },
        )

    def ask(self, path: str = "/", *, port: int = 80) -> tuple[str, int]:
        """Send a request; revision and status."""
        try:
            with urllib.request.urlopen(f"http://{self.balancer['DNSName']}:{port}{path}", timeout=30) as answer:
                return answer.read().decode(), answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode(), error.code

    def smoke(self, event: Any) -> Any:
        """Ask the revision under test for its name, by the test listener."""
        self.tested.append(self.ask(port=8080)[0])
        assert event["lifecycleStage"] == "POST_TEST_TRAFFIC_SHIFT"
        return {"hookStatus": "SUCCEEDED"}

    def newest(self) -> dict[str, Any]:
        arns = self.ecs.list_service_deployments(cluster="main", service="shop")["serviceDeployments"]
        arn = arns[0]["serviceDeploymentArn"]
        shown: dict[str, Any] = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])[
            "serviceDeployments"
        ][0]
        return shown

    def end(self, path: str = "/") -> dict[float, Counter[tuple[str, int]]]:
        """Send requests until the deployment has ended; count the answers by the weight of the new revision.

        A request during which the weight changed counts under `MOVED`.
        """
        served: dict[float, Counter[tuple[str, int]]] = {}
        until = time.monotonic() + LONGEST
        shown = self.newest()
        while shown["status"] in ("IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
            assert time.monotonic() < until, shown
            before, answer, shown = shown, self.ask(path), self.newest()
            weights = {at["targetServiceRevision"]["requestedProductionTrafficWeight"] for at in (before, shown)}
            served.setdefault(weights.pop() if len(weights) == 1 else MOVED, Counter())[answer] += 1
        return served


def tail(hits: int, total: int, *, share: float) -> float:
    """Return the probability of so many hits and more, where each of the requests is one with probability `share`."""
    return sum(math.comb(total, n) * share**n * (1 - share) ** (total - n) for n in range(hits, total + 1))


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    settings = WorldSettings(speed=60, enforce_network=False, ecs=EcsSettings(provisioning_seconds=1.0))
    with World(settings, world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        made = Shop(world, ensure_build_image(host.client))
        made.serve()
        until = time.monotonic() + LONGEST
        while made.newest()["status"] == "IN_PROGRESS" and time.monotonic() < until:
            made.ask()
        assert made.newest()["status"] == "SUCCESSFUL"
        yield made


def test_a_good_canary_loses_no_request(shop: Shop) -> None:
    """Clients meet the new revision in its share, then always; a function has tested it before; no request fails."""
    shop.ecs.update_service(cluster="main", service="shop", taskDefinition=shop.define("two"))
    served = shop.end()
    assert shop.newest()["status"] == "SUCCESSFUL"
    assert shop.tested[-1] == "two"
    assert {status for answers in served.values() for _, status in answers} == {200}
    assert {revision for revision, _ in served[0.0]} == {"one"}
    canary = served[float(SHARE)]
    news, total = canary["two", 200], canary.total()
    # A busy machine sends few requests in these 15 seconds, and a share of them is meant.
    assert tail(news, total, share=SHARE / 100) > UNLIKELY
    assert tail(total - news, total, share=1 - SHARE / 100) > UNLIKELY
    assert {revision for revision, _ in served[100.0]} == {"two"}
    assert Counter(shop.ask() for _ in range(20)) == {("two", 200): 20}


def test_a_bad_canary_is_taken_back_by_its_alarm(shop: Shop) -> None:
    """Errors stay within the canary's share; the alarm on the real requests rolls back, and the former revision serves on."""
    before = shop.ask()[0]
    shop.ecs.update_service(cluster="main", service="shop", taskDefinition=shop.define("bad", broken=True))
    served = shop.end("/orders")
    shown = shop.newest()
    assert (shown["status"], shown["alarms"]["triggeredAlarmNames"]) == ("ROLLBACK_SUCCESSFUL", ["errors"])
    assert set(served) <= {0.0, float(SHARE), MOVED}
    assert {answer for answer in served[0.0] if answer[1] != 200} == set()
    errors = sum(answers["bad", 500] for answers in served.values())
    assert errors >= 3
    assert {answer for answers in served.values() for answer in answers} == {("bad", 500), (before, 200)}
    # The alarm may end the canary within a few requests, or during one of them.
    total = sum(answers.total() for answers in served.values())
    assert tail(errors, total, share=SHARE / 100) > UNLIKELY
    assert Counter(shop.ask("/orders") for _ in range(20)) == {(before, 200): 20}
