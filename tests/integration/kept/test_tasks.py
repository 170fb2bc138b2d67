"""Tasks of a kept world: started anew, in containers of their own, before time goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import connect
from pushproof.emulator.runtime.docker.images import ensure_build_image
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def until(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    """Return the first answer of `condition` that is true."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)
    return answer


def serve(target: EmbeddedTarget, image: str) -> None:
    """Create a service of one task behind a load balancer at port 8099."""
    ec2, ecs, elb = (target.client(name) for name in ("ec2", "ecs", "elbv2"))
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    arn = elb.create_target_group(
        Name="app", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", HealthCheckIntervalSeconds=10
    )["TargetGroups"][0]["TargetGroupArn"]
    balancer = elb.create_load_balancer(Name="app", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=8099, DefaultActions=forward)
    role = target.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    ecs.create_cluster(clusterName="main")
    ecs.register_task_definition(
        family="app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=role,
        containerDefinitions=[
            {
                "name": "app",
                "image": image,
                "entryPoint": [],
                "command": ["python3", "-m", "http.server", "80"],
                "portMappings": [{"containerPort": 80}],
            }
        ],
    )
    ecs.create_service(
        cluster="main",
        serviceName="app",
        taskDefinition="app",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group]}},
        loadBalancers=[{"targetGroupArn": arn, "containerName": "app", "containerPort": 80}],
    )


def answers(target: EmbeddedTarget) -> bool:
    """Return whether the service answers through the load balancer."""
    host = target.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["DNSName"]
    try:
        return requests.get(f"http://{host}:8099/", timeout=5).ok
    except requests.RequestException:
        return False


def test_tasks_run_again_in_a_continued_world(tmp_path: Path) -> None:
    """The same task, known by its ARN, runs in a new container and serves through the load balancer; nothing was replaced."""
    try:
        target = EmbeddedTarget(EmbeddedSettings(world=WorldSettings(speed=50, enforce_network=False)))
    except TargetUnavailable as error:
        pytest.skip(str(error))
    with target:
        engine = connect()
        serve(target, ensure_build_image(engine))
        until(lambda: answers(target))
        ecs = target.client("ecs")
        before = ecs.list_tasks(cluster="main")["taskArns"]
        containers = {
            each.id for each in engine.containers.list(filters={"label": f"pushproof.world={target.world_id}"})
        }
        target.keep(tmp_path)
        target.continue_from(tmp_path, "kept")
        until(lambda: answers(target))
        assert ecs.list_tasks(cluster="main")["taskArns"] == before
        again = {each.id for each in engine.containers.list(filters={"label": f"pushproof.world={target.world_id}"})}
        assert again
        assert not again & containers
        # A stop in the new world reaches the new container, and the service replaces the task.
        ecs.stop_task(cluster="main", task=before[0])
        until(lambda: [arn for arn in ecs.list_tasks(cluster="main")["taskArns"] if arn != before[0]])
        until(lambda: answers(target))
        engine.close()
    assert target.remains() == []
