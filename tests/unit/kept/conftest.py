"""A scripted world with a service, and a directory to keep it in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World

SETTINGS = WorldSettings(enforce_network=False)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def furnish(world: World) -> None:
    """Create a cluster, a service of two tasks behind a load balancer, a repository, a bucket with an object, and a certificate."""
    ec2, ecs, elb = (world.administrator(name) for name in ("ec2", "ecs", "elbv2"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in ((1, "a"), (2, "b"))
    ]
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    world.administrator("iam").create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))
    target_group = elb.create_target_group(
        Name="app", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckIntervalSeconds=10
    )["TargetGroups"][0]["TargetGroupArn"]
    balancer = elb.create_load_balancer(Name="app", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    world.equipment.tasks.add_image("app:v1", {"healthy-after": 5})  # type: ignore[union-attr]
    ecs.create_cluster(clusterName="main")
    ecs.register_task_definition(
        family="app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=f"arn:aws:iam::{world.account_id}:role/execution",
        containerDefinitions=[{"name": "app", "image": "app:v1", "portMappings": [{"containerPort": 8080}]}],
    )
    ecs.create_service(
        cluster="main",
        serviceName="app",
        taskDefinition="app",
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group]}},
        loadBalancers=[{"targetGroupArn": target_group, "containerName": "app", "containerPort": 8080}],
    )
    world.administrator("ecr").create_repository(repositoryName="shop")
    s3 = world.administrator("s3")
    s3.create_bucket(Bucket="shop-things", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="shop-things", Key="k", Body=b"content")


@pytest.fixture
def furnished() -> Iterator[World]:
    """Yield a world with a service whose deployment has begun."""
    world = World.virtual(SETTINGS, equip=scripted_equipment)
    furnish(world)
    yield world
    world.close()


@pytest.fixture
def continued() -> Iterator[Callable[[Path], World]]:
    """Yield a function that continues the kept world in a directory; the world of before must be closed."""
    worlds: list[World] = []

    def begin(directory: Path) -> World:
        world = World.virtual(SETTINGS, equip=scripted_equipment)
        worlds.append(world)
        world.begin(directory)
        return world

    yield begin
    for world in worlds:
        world.close()
