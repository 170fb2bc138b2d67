"""The mistakes of docs/cliffs.md with their symptoms as on AWS, each next to the check that would have reported it before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.codepipeline.stack import Stack as Delivery
from tests.unit.emulator.codepipeline.stack import open_stack
from tests.unit.emulator.ecs.conftest import Stack as Tasks

from pushproof.base.clock import VirtualClock
from pushproof.checks.iam import IamChecks
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.permissions import Pipeline, pipeline_needs
from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.registry import RegistryChecks, push_small_image
from pushproof.checks.secrets import SecretsChecks
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    stack = open_stack()
    with stack.world:
        yield stack


@pytest.fixture
def tasks() -> Iterator[Tasks]:
    # Today, since CloudWatch Logs refuses what is older than two weeks.
    with World(loop=VirtualLoop(VirtualClock(time.time())), equip=scripted_equipment) as world:
        yield Tasks(world)


def words(findings: Any) -> str:
    return " ".join(str(findings).split())


class Site:
    """The tasks' network: no way out but VPC endpoints, which an organisation demands; made one by one."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks, self.ec2, world = tasks, tasks.ec2, tasks.world
        self.region = world.region
        world.paths.require_vpc_endpoints()
        self.ec2.modify_vpc_attribute(VpcId=tasks.vpc, EnableDnsHostnames={"Value": True})
        https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
        self.ec2.authorize_security_group_ingress(GroupId=tasks.group, IpPermissions=[https])
        world.administrator("ecr").create_repository(repositoryName="app")
        push_small_image(world.administrator("ecr"), "app", "v1")
        world.administrator("iam").attach_role_policy(
            RoleName="execution",
            PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
        )
        self.image = f"{world.account_id}.dkr.ecr.{self.region}.amazonaws.com/app:v1"
        self.checks = NetworkingChecks(
            world.administrator,
            vpc_id=tasks.vpc,
            private_subnet_ids=tasks.subnets,
            task_security_group_ids=[tasks.group],
        )

    def endpoint(self, *services: str) -> None:
        for service in services:
            self.ec2.create_vpc_endpoint(
                VpcId=self.tasks.vpc,
                VpcEndpointType="Interface",
                ServiceName=f"com.amazonaws.{self.region}.{service}",
                SubnetIds=self.tasks.subnets,
                SecurityGroupIds=[self.tasks.group],
                PrivateDnsEnabled=True,
            )
        self.checks.refresh()

    def run(self) -> dict[str, Any]:
        """Run a task until it runs or has stopped."""
        ecs = self.tasks.ecs
        arn = ecs.run_task(
            cluster="main",
            taskDefinition=self.tasks.define(self.image),
            launchType="FARGATE",
            networkConfiguration=self.tasks.network,
        )["tasks"][0]["taskArn"]

        def shown() -> dict[str, Any]:
            task: dict[str, Any] = ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
            return task

        self.tasks.until(lambda: shown()["lastStatus"] in ("RUNNING", "STOPPED"))
        return shown()


def test_without_the_endpoint_of_ecr_dkr_images_cannot_be_pulled(tasks: Tasks) -> None:
    """Cliff 4: CannotPullContainerError until registry and layers have their endpoints; the check names what is missing."""
    site = Site(tasks)
    site.endpoint("ecr.api", "logs")
    stopped = site.run()
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "ecr.dkr on 443" in words(site.checks.endpoints_are_reachable_on_443())

    site.endpoint("ecr.dkr")
    assert site.checks.endpoints_are_reachable_on_443()
    assert site.run()["stoppedReason"].startswith("CannotPullContainerError: ")
    assert site.checks.every_private_route_table_has_the_s3_endpoint().findings

    table = site.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [tasks.vpc]}])["RouteTables"][0]
    site.ec2.create_vpc_endpoint(
        VpcId=tasks.vpc,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{site.region}.s3",
        RouteTableIds=[table["RouteTableId"]],
    )
    site.checks.refresh()
    assert site.checks.every_private_route_table_has_the_s3_endpoint()
    assert site.run()["lastStatus"] == "RUNNING"


def test_without_the_endpoint_of_ecr_api_tasks_do_not_begin(tasks: Tasks) -> None:
    """Cliff 4: without the registry's API, it is ResourceInitializationError."""
    site = Site(tasks)
    site.endpoint("logs")
    assert site.run()["stoppedReason"].startswith("ResourceInitializationError: ")
    assert "ecr.api on 443" in words(site.checks.endpoints_are_reachable_on_443())


def test_a_connection_nobody_authorised_fails_at_source(delivery: Delivery) -> None:
    """Cliff 6: the connection is PENDING, the execution dies at Source; the check says who has to do what."""
    delivery.create()
    delivery.push()
    delivery.advance(1)
    assert delivery.newest()["status"] == "Failed"
    assert delivery.failure("Source")[1] == f"Connection {delivery.connection_arn} is not available"
    checks = PipelineChecks(delivery.world.administrator, pipeline="web")
    assert "complete the handshake" in words(checks.its_connection_is_usable())
    delivery.authorise()
    assert checks.its_connection_is_usable()


def test_without_pass_role_the_deployment_is_denied(delivery: Delivery) -> None:
    """Deploy fails with the permission's name; the check names role, permission and condition."""
    delivery.create()
    delivery.authorise()
    delivery.allow(without="Pass")
    delivery.push()
    delivery.advance(60)
    code, message = delivery.failure("Deploy")
    assert (code, "iam:PassRole" in message) == ("PermissionError", True)
    world = delivery.world
    needs = pipeline_needs(
        Pipeline(world.region, world.account_id, task_role_arn=f"arn:aws:iam::{world.account_id}:role/task")
    )
    checks = IamChecks(world.administrator)
    assert "may iam:PassRole on" in words(checks.allows("pipeline", needs))
    delivery.allow()
    assert checks.allows("pipeline", needs)


def test_without_privileged_mode_there_is_no_docker(delivery: Delivery) -> None:
    """Cliff 3: the build fails, its log has Docker's own words, and the check has them, too."""
    delivery.create()
    delivery.authorise()
    delivery.push("docker build .")
    delivery.advance(60)
    assert "Phase: BUILD" in delivery.failure("Build")[1]
    logs = delivery.world.administrator("logs")
    (stream,) = logs.describe_log_streams(logGroupName="/aws/codebuild/web")["logStreams"]
    events = logs.get_log_events(logGroupName="/aws/codebuild/web", logStreamName=stream["logStreamName"])["events"]
    symptom = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    assert any(symptom in event["message"] for event in events)
    checks = PipelineChecks(delivery.world.administrator, pipeline="web")
    assert symptom in words(checks.builds_can_use_docker())


def test_the_second_latest_is_refused(tasks: Tasks) -> None:
    """The first build pushes :latest to an IMMUTABLE repository, the second one fails; the check accepts the repository."""
    ecr = tasks.world.administrator("ecr")
    ecr.create_repository(repositoryName="shop", imageTagMutability="IMMUTABLE")
    push_small_image(ecr, "shop", "latest", b"first build")
    with pytest.raises(ClientError) as refused:
        push_small_image(ecr, "shop", "latest", b"second build")
    assert refused.value.response["Error"]["Code"] == "ImageTagAlreadyExistsException"
    assert RegistryChecks(tasks.world.administrator, repository="shop").refuses_a_second_push_of_a_tag()


def test_a_plain_secret_is_read_by_whoever_may_describe(tasks: Tasks) -> None:
    """Cliff 7: DescribeTaskDefinition shows the password; the check does not repeat it."""
    url = "postgresql://shop:hunter2@db.internal/shop"
    tasks.define(environment=[{"name": "DATABASE_URL", "value": url}])
    shown = tasks.ecs.describe_task_definition(taskDefinition="app")["taskDefinition"]["containerDefinitions"][0]
    assert shown["environment"] == [{"name": "DATABASE_URL", "value": url}]
    found = SecretsChecks(tasks.world.administrator).secrets_are_passed_by_reference(task_definition="app")
    assert "DATABASE_URL" in str(found)
    assert "hunter2" not in str(found)
